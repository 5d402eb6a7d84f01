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

// figures are a contender's in each round.
func figures(rounds []round, name string, of func(sample) float64) []float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, of(r[name]))
	}
	return all
}

// ratios are of the CPU of two contenders, round by round.
func ratios(rounds []round, name, with string) spread {
	var all []float64
	for _, r := range rounds {
		all = append(all, r[name].proxy/r[with].proxy)
	}
	return spreadOf(all)
}

func printHead(out io.Writer, s sizes) {
	fmt.Fprintf(out, "bench: %s %s/%s, %d cores\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintf(out, "%d rounds, in which all contenders take turns, each in a new process. Every figure: median (lowest–highest) of the rounds.\n", s.rounds)
	fmt.Fprintln(out, "Ratios are of the proxies' CPU, round by round; A/A is the same of two equal contenders: what it strays from 1 is noise.")
	fmt.Fprintln(out, "GOMAXPROCS is that of the Go contenders; nginx has one worker, haproxy one thread. The upstream uses all cores.")
	fmt.Fprintln(out, "squall writes no log lines (--log-level warn), except \"logging\": JSON lines to /dev/null.")
	fmt.Fprintf(out, "p50, p99: from the moment when a request should have been sent, at %.0f %% of the rate that the slower of squall and nginx reaches.\n",
		loadShare*100)
}

// title is what stands above a task's table.
func (t task) title(procs int) string {
	if t.about != "" {
		return fmt.Sprintf("%s, connections: %d, %s", t.about, t.connections, gomaxprocs(procs))
	}
	if t.reply == 0 {
		return fmt.Sprintf("small exchanges, keep-alive connections: %d, %s", t.connections, gomaxprocs(procs))
	}
	return fmt.Sprintf("replies of %s, keep-alive connections: %d, %s", size(t.reply), t.connections, gomaxprocs(procs))
}

// unit is what CPU is given in: a factor on µs per exchange, and its name.
func (t task) unit() (float64, string) {
	if t.reply == 0 {
		return 1, "µs per exchange"
	}
	return 1e6 / float64(t.reply), "ms per GB"
}

const cpuFormat = "%-20s %22s %22s %24s %26s\n"

// printResult prints the tables of a task.
func printResult(out io.Writer, procs int, r result) {
	factor, unit := r.unit()
	fmt.Fprintf(out, "\n%s\nCPU in %s, %d exchanges a round", r.title(procs), unit, r.exchanges)
	if r.rate > 0 {
		fmt.Fprintf(out, "; p50 and p99 in µs at %.0f/s", r.rate)
	}
	fmt.Fprintln(out)
	row(out, cpuFormat, "contender", "proxy CPU", "upstream and load", "p50", "p99")
	for _, c := range r.field {
		cost, p50, p99 := "-", "-", "-"
		if c.start != nil {
			cost = spreadOf(figures(r.rounds, c.name, func(s sample) float64 { return s.proxy * factor })).text(1)
		}
		rest := spreadOf(figures(r.rounds, c.name, func(s sample) float64 { return s.rest * factor })).text(1)
		if waited := r.latency[c.name]; len(waited) > 0 {
			p50, p99 = latencies(waited)
		}
		row(out, cpuFormat, c.name, cost, rest, p50, p99)
	}
	printRatios(out, r)
}

func latencies(waited []latency) (p50, p99 string) {
	var halves, most []float64
	for _, l := range waited {
		halves, most = append(halves, l.p50), append(most, l.p99)
	}
	return spreadOf(halves).text(0), spreadOf(most).text(0)
}

const ratioFormat = "%-40s %-22s %-22s %s\n"

// printRatios prints a task's comparisons between those that took part.
func printRatios(out io.Writer, r result) {
	twins := map[string]string{}
	for _, c := range r.field {
		if c.twin != "" {
			twins[c.twin] = ratios(r.rounds, c.name, c.twin).text(3)
		}
	}
	printFaster(out, r)
	row(out, ratioFormat, "ratio", "of CPU", "A/A of the latter", "target")
	for _, c := range r.field {
		for _, with := range c.against {
			if _, present := r.rounds[0][with.with]; !present {
				continue
			}
			s := ratios(r.rounds, c.name, with.with)
			noise := twins[with.with]
			if noise == "" {
				noise = "-"
			}
			row(out, ratioFormat, c.name+" / "+with.with, s.text(3), noise, verdict(s.median, with.target, "%.2f"))
		}
	}
}

// printFaster prints a task's comparisons of time.
func printFaster(out io.Writer, r result) {
	for _, c := range r.field {
		for _, with := range c.faster {
			if _, present := r.rounds[0][with.with]; !present {
				continue
			}
			var all []float64
			for _, one := range r.rounds {
				all = append(all, one[c.name].wall/one[with.with].wall)
			}
			s := spreadOf(all)
			row(out, ratioFormat, c.name+" / "+with.with+", of time", s.text(3), "", verdict(s.median, with.target, "%.2f"))
		}
	}
}

// row prints a line without blanks at its end.
func row(out io.Writer, format string, cells ...any) {
	fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf(format, cells...), " \n"))
}

// verdict holds a figure against the most that is wanted of it.
func verdict(figure, target float64, format string) string {
	switch {
	case target == 0:
		return ""
	case figure <= target:
		return fmt.Sprintf("at most "+format+": met", target)
	}
	return fmt.Sprintf("at most "+format+": NOT met", target)
}

// size writes a number of bytes, in KiB below one MiB.
func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
