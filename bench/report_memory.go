package main

import (
	"fmt"
	"io"
)

const filledFormat = "%-20s %20s %20s %20s %20s %20s   %s\n"

// printMemory prints what processes take while long bodies pass.
func printMemory(out io.Writer, procs int, s sizes, rows []memoryRow) {
	fmt.Fprintf(out, "\nresident memory in MiB, %s, of %d processes each: %d keep-alive clients, then %s as a reply, then as a request\n",
		gomaxprocs(procs), s.memoryRuns, s.clients, size(s.body))
	row(out, filledFormat, "contender", "started", "clients", "reply", "request", "peak", "target")
	for _, r := range rows {
		peak := r.over(func(f filled) float64 { return f.request.peak })
		row(out, filledFormat, r.name,
			r.over(func(f filled) float64 { return f.started.resident }).text(1),
			r.over(func(f filled) float64 { return f.clients.resident }).text(1),
			r.over(func(f filled) float64 { return f.reply.resident }).text(1),
			r.over(func(f filled) float64 { return f.request.resident }).text(1),
			peak.text(1), verdict(peak.median, r.peak, "%.0f"))
	}
}

// over summarises a figure of the processes.
func (r memoryRow) over(of func(filled) float64) spread {
	var all []float64
	for _, f := range r.filled {
		all = append(all, of(f))
	}
	return spreadOf(all)
}

const (
	idleFormat = "%-20s %22s   %s\n"
	slowFormat = "%-20s %22s %22s %22s   %s\n"
)

// printEach prints what processes take for each client.
func printEach(out io.Writer, s sizes, rows []memoryRow) {
	fmt.Fprintf(out, "\nresident memory for each of %d idle keep-alive clients, in KiB: what the process has grown by\n", s.idle)
	row(out, idleFormat, "contender", "KiB", "target")
	for _, r := range rows {
		each := spreadOf(r.idle)
		row(out, idleFormat, r.name, each.text(1), verdict(each.median, r.limits.idle, "%.0f"))
	}
	fmt.Fprintf(out, "\nresident memory for each of %d slow readers of a reply of %d MB, after %v, in KiB\n", s.slow, int(s.slowBody/1e6), s.slowTime)
	fmt.Fprintf(out, "All replies have %.0f MiB; the more the upstream has sent, the less it is held back.\n",
		float64(s.slow)*float64(s.slowBody)/(1<<20))
	row(out, slowFormat, "contender", "KiB", "upstream sent, MiB", "clients read, MiB", "target")
	for _, r := range rows {
		var each, sent, read []float64
		for _, h := range r.slow {
			each, sent, read = append(each, h.each), append(sent, h.sent), append(read, h.read)
		}
		kib := spreadOf(each)
		row(out, slowFormat, r.name, kib.text(1), spreadOf(sent).text(1), spreadOf(read).text(1),
			verdict(kib.median, r.limits.slow, "%.0f"))
	}
}
