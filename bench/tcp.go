package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// latency is a toxic under which what a proxy costs is its own work: each exchange waits for a millisecond.
func latencyToxic() document {
	return document{"type": "latency", "attributes": document{"latency": 1}}
}

// tcpField lists who passes exchanges over TCP connections that go on: once says that each has one of its own.
func tcpField(once bool, against, faster float64) []contender {
	squall := contender{name: "squall", start: startSquallTCP(nil), once: once, leaves: once}
	squall.against = []comparison{{toxiproxyServer, against}}
	squall.faster = []comparison{{toxiproxyServer, faster}}
	return []contender{
		{name: toxiproxyServer, start: startToxiproxy(nil), program: toxiproxyServer, once: once, leaves: once},
		{name: toxiproxyServer + " A/A", start: startToxiproxy(nil), program: toxiproxyServer, once: once, leaves: once, twin: toxiproxyServer},
		squall,
		{name: "squall A/A", start: startSquallTCP(nil), once: once, leaves: once, twin: "squall"},
	}
}

// tcpLatencyField is that with a toxic.
func tcpLatencyField() []contender {
	return []contender{
		{name: toxiproxyServer, start: startToxiproxy(latencyToxic()), program: toxiproxyServer},
		{name: toxiproxyServer + " A/A", start: startToxiproxy(latencyToxic()), program: toxiproxyServer, twin: toxiproxyServer},
		{name: "squall", start: startSquallTCP(latencyToxic()), against: []comparison{{toxiproxyServer, 0.70}}},
		{name: "squall A/A", start: startSquallTCP(latencyToxic()), twin: "squall"},
	}
}

// tcpTasks lists what TCP proxies do.
func (l *lab) tcpTasks(s sizes) []task {
	var all []task
	for _, n := range s.tcpConnections {
		all = append(all, task{"through TCP, small exchanges", 0, n, s.exchanges, s.passes, l.present(tcpField(false, 0.90, 0))})
	}
	most := slices.Max(s.tcpConnections)
	return append(all,
		task{"through TCP with a latency of 1ms", 0, most, s.exchanges, s.passes, l.present(tcpLatencyField())},
		task{"through TCP, a new connection for each exchange", 0, most, s.exchanges, s.passes, l.present(tcpField(true, 0, 0))},
		task{"through TCP, one stream", s.stream, 1, 1, 1, l.present(tcpField(false, 0.40, 1/1.5))},
	)
}

// tcpHolders lists whose memory is measured.
func tcpHolders() []contender {
	return []contender{
		{name: toxiproxyServer, start: startToxiproxy(nil), program: toxiproxyServer},
		{name: "squall", start: startSquallTCP(nil)},
	}
}

// measureTCP makes the tables of TCP.
func (l *lab) measureTCP(ctx context.Context, s sizes, out io.Writer) error {
	l.procs = slices.Max(s.procs)
	for _, t := range l.tcpTasks(s) {
		r, err := l.do(ctx, t, s)
		if err != nil {
			return fmt.Errorf("%s: %w", t.title(l.procs), err)
		}
		printResult(out, l.procs, r)
	}
	each := map[string][]float64{}
	for range s.memoryRuns {
		for _, c := range l.present(tcpHolders()) {
			p, err := c.start(ctx, l)
			if err != nil {
				return fmt.Errorf("%s, memory: %w", c.name, err)
			}
			kib, err := idleClients(ctx, p, s.tcpIdle)
			p.Stop()
			if err != nil {
				return fmt.Errorf("%s, memory: %w", c.name, err)
			}
			each[c.name] = append(each[c.name], kib)
		}
	}
	printTCPMemory(out, l.procs, s, each)
	return nil
}

// idleTarget is how much of its peer's memory an idle connection may take.
const idleTarget = 0.30

func printTCPMemory(out io.Writer, procs int, s sizes, each map[string][]float64) {
	fmt.Fprintf(out, "\nresident memory for each of %d idle TCP clients, in KiB, %s: what the process has grown by\n", s.tcpIdle, gomaxprocs(procs))
	row(out, idleFormat, "contender", "KiB", "target")
	peer, present := each[toxiproxyServer]
	if present {
		row(out, idleFormat, toxiproxyServer, spreadOf(peer).text(1), "")
	}
	own := spreadOf(each["squall"])
	if !present {
		row(out, idleFormat, "squall", own.text(1), "")
		return
	}
	ratio := own.median / spreadOf(peer).median
	row(out, idleFormat, "squall", own.text(1), fmt.Sprintf("%.2f of its peer's, %s", ratio, verdict(ratio, idleTarget, "%.2f")))
}
