package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
)

// spread is a figure that was measured more than once.
type spread struct{ median, low, high float64 }

// spreadOf summarises; there must be at least one value.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// text writes a spread: median (low–high).
func (s spread) text(decimals int) string {
	return fmt.Sprintf("%.*f (%.*f–%.*f)", decimals, s.median, decimals, s.low, decimals, s.high)
}

func printHead(out io.Writer, procs int, s sizes) {
	fmt.Fprintf(out, "bench: %s %s/%s, %d cores, contenders with %s\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), gomaxprocs(procs))
	fmt.Fprintf(out, "%d rounds of %d exchanges. Every figure: median (lowest–highest) of the rounds.\n", s.rounds, s.exchanges)
	fmt.Fprintln(out, "CPU in µs per exchange: of the proxy, and of upstream and load together. Ratio: of the proxy's CPU, round by round.")
	fmt.Fprintln(out, "squall writes no log lines (--log-level warn), except \"logging\": JSON lines to /dev/null.")
}

const cpuFormat = "%-20s %22s %22s   %-14s %-22s %s\n"

// printCPU prints the table for a number of connections.
func printCPU(out io.Writer, connections int, all []contender, rounds []round) {
	fmt.Fprintf(out, "\nkeep-alive connections: %d\n", connections)
	fmt.Fprintf(out, cpuFormat, "contender", "proxy CPU", "upstream and load", "against", "ratio", "target")
	for _, c := range all {
		var proxy, rest, ratios []float64
		for _, r := range rounds {
			proxy, rest = append(proxy, r[c.name].proxy), append(rest, r[c.name].rest)
			if c.against != "" {
				ratios = append(ratios, r[c.name].proxy/r[c.against].proxy)
			}
		}
		cost, against, ratio, target := "-", "-", "-", ""
		if c.start != nil {
			cost = spreadOf(proxy).text(1)
		}
		if c.against != "" {
			s := spreadOf(ratios)
			against, ratio, target = c.against, s.text(3), verdict(s.median, c.target, "%.2f")
		}
		line := fmt.Sprintf(cpuFormat, c.name, cost, spreadOf(rest).text(1), against, ratio, target)
		fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
}

// verdict holds a figure against the most that is wanted of it.
func verdict(figure, target float64, format string) string {
	switch {
	case target == 0:
		return ""
	case figure <= target:
		return fmt.Sprintf("at most "+format+": met", target)
	}
	return fmt.Sprintf("at most "+format+": MISSED", target)
}

const memoryFormat = "%-20s %10s %10s %10s %10s %10s   %s\n"

// printMemory prints the table of resident memory.
func printMemory(out io.Writer, s sizes, rows []memoryRow) {
	fmt.Fprintf(out, "\nresident memory in MiB: %d idle keep-alive clients, then %s through the proxy as a reply, then as a request\n",
		s.idle, mib(s.body))
	fmt.Fprintf(out, memoryFormat, "contender", "started", "idle", "reply", "request", "peak", "target")
	for _, r := range rows {
		peak := r.request.peak
		line := fmt.Sprintf(memoryFormat, r.name, tenths(r.started.resident), tenths(r.idle.resident),
			tenths(r.reply.resident), tenths(r.request.resident), tenths(peak), verdict(peak, r.maxMiB, "%.0f"))
		fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
}

func tenths(mib float64) string { return fmt.Sprintf("%.1f", mib) }

func mib(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
