// Command bench says what squall costs: the CPU that a proxy spends on an exchange, beside those that it is held
// against, how long its clients wait, and the memory that it takes.
//
// The upstream and every contender are processes of their own on loopback; the load comes from this one, over raw
// sockets. CPU is what the kernel's scheduler counted for the process, user and system, which needs Linux; each
// connection asks again as soon as it has its reply. A machine's speed drifts, so a figure alone says little: in each
// round all contenders take turns, ratios are taken round by round, and beside them stand the ratios of equal
// contenders (A/A), which say how much of a ratio is noise.
//
// squall runs as its users run it, built from this tree: squall serve with admin API and recent exchanges. Log lines
// are switched off (--log-level warn) but for the contender that is named after them. The ReverseProxy is bare: it has
// the same connection pool and buffers, and none of squall's timeouts, header rules or records. What nginx and haproxy
// are told is in peers.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// sizes say how much is measured.
type sizes struct {
	procs       []int         // GOMAXPROCS of the contenders
	rounds      int           // in each of them every contender is measured
	passes      int           // how often a round goes over the contenders
	exchanges   int           // small ones of a contender in a round, besides some that are not counted
	connections []int         // numbers of them to measure with
	window      time.Duration // for which a contender is asked at a fixed rate, in a round
	replies     []int64       // sizes of long replies, in bytes
	volume      int64         // bytes of long replies to a contender in a round, about
	memoryRuns  int           // processes of each contender whose memory is measured
	clients     int           // that are connected while a long body passes
	body        int64         // bytes of that body
	idle        int           // idle clients, for the memory that each takes
	slow        int           // slow readers, for the memory that each takes
	slowBody    int64         // bytes of the reply that they read
	slowTime    time.Duration // for which they read

	watched time.Duration // for which a contender is asked while dashboards are open, in a pass

	tcpConnections []int // numbers of them to measure TCP proxies with
	stream         int64 // bytes of one stream through TCP
	tcpIdle        int   // idle clients of TCP proxies
}

func usual() sizes {
	return sizes{
		procs: []int{1, 2}, rounds: 9, passes: 5, exchanges: 2000, connections: []int{1, 32, 256}, window: 200 * time.Millisecond,
		replies: []int64{64 << 10, 10 << 20}, volume: 128 << 20,
		memoryRuns: 3, clients: 1000, body: 1 << 30, idle: 9000, slow: 500, slowBody: 100e6, slowTime: 3 * time.Second, watched: 2 * time.Second,
		tcpConnections: []int{1, 32}, stream: 3e9, tcpIdle: 5000,
	}
}

// quick is enough to see that everything works, and too little to believe a figure.
func quick() sizes {
	return sizes{
		procs: []int{2}, rounds: 1, passes: 2, exchanges: 200, connections: []int{4}, window: 20 * time.Millisecond,
		replies: []int64{64 << 10}, volume: 1 << 20,
		memoryRuns: 1, clients: 20, body: 4 << 20, idle: 200, slow: 20, slowBody: 100e6, slowTime: 200 * time.Millisecond, watched: 100 * time.Millisecond,
		tcpConnections: []int{4}, stream: 4 << 20, tcpIdle: 100,
	}
}

// check refuses what cannot be measured.
func (s sizes) check() error {
	switch {
	case s.rounds < 1:
		return errors.New("-pairs: want a number above 0")
	case s.exchanges < s.passes*slices.Max(s.connections):
		return fmt.Errorf("-exchanges: want at least %d for each of -connections", s.passes)
	case s.body < 1:
		return errors.New("-body: want a number above 0")
	case s.idle < 1:
		return errors.New("-idle: want a number above 0")
	}
	return nil
}

// run measures, and prints what it finds. It fails only when something breaks, never over a figure.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == roleArgument {
		return play(ctx, args[1:])
	}
	s := usual()
	small, tcp, records, watched, binary := false, false, false, false, ""
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "pairs", s.rounds, "rounds, each of which gives a pair of every comparison")
	flags.IntVar(&s.exchanges, "exchanges", s.exchanges, "small exchanges of each contender in a round")
	countsVar(flags, &s.connections, "connections", "numbers of keep-alive connections to measure with")
	countsVar(flags, &s.procs, "procs", "GOMAXPROCS of each contender, one after the other")
	flags.Int64Var(&s.body, "body", s.body, "bytes of the body that the memory is measured with")
	flags.IntVar(&s.idle, "idle", s.idle, "idle clients that the memory is measured with")
	flags.BoolVar(&small, "quick", false, "a smoke test: tiny sizes, whatever else is asked for")
	flags.BoolVar(&tcp, "tcp", false, "the tables of TCP only")
	flags.BoolVar(&records, "records", false, "the tables of what records for verdicts cost only")
	flags.BoolVar(&watched, "dashboards", false, "the table of what open dashboards cost only")
	flags.StringVar(&binary, "squall", "", "the squall to measure (default: built from this tree)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if small {
		s = quick()
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("want flags only, got %q", flags.Args())
	}
	if err := s.check(); err != nil {
		return err
	}
	if tcp && records || tcp && watched || records && watched {
		return errors.New("-tcp, -records and -dashboards: want one of them")
	}
	programs, err := find(peers(), small || tcp || records || watched, out)
	if err != nil {
		return err
	}
	lab, err := openLab(ctx, binary, programs, s)
	if err != nil {
		return err
	}
	if !small && !records && !watched {
		if lab.programs[toxiproxyServer], err = buildToxiproxy(ctx, lab.scratch); err != nil {
			return errors.Join(err, lab.close())
		}
	}
	measure := lab.measure
	switch {
	case tcp:
		measure = lab.measureTCP
	case records:
		measure = lab.measureRecords
	case watched:
		measure = lab.measureDashboards
	}
	return errors.Join(measure(ctx, s, out), lab.close())
}

// countsVar is a flag of numbers above 0, parted by commas.
func countsVar(flags *flag.FlagSet, into *[]int, name, usage string) {
	shown := strings.Trim(strings.ReplaceAll(fmt.Sprint(*into), " ", ","), "[]")
	flags.Func(name, usage+" (default "+shown+")", func(text string) (err error) {
		*into, err = counts(text)
		return err
	})
}

// counts reads numbers above 0, parted by commas.
func counts(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number above 0", part)
		}
		all = append(all, n)
	}
	return all, nil
}

// measure makes all tables.
func (l *lab) measure(ctx context.Context, s sizes, out io.Writer) error {
	begun := time.Now()
	printHead(out, s)
	for _, procs := range s.procs {
		l.procs = procs
		for _, t := range l.tasks(s) {
			r, err := l.do(ctx, t, s)
			if err != nil {
				return fmt.Errorf("%s: %w", t.title(procs), err)
			}
			printResult(out, procs, r)
		}
	}
	if err := l.measureRecords(ctx, s, out); err != nil {
		return err
	}
	if err := l.measureDashboards(ctx, s, out); err != nil {
		return err
	}
	if err := l.measureTCP(ctx, s, out); err != nil {
		return err
	}
	if err := l.measureMemory(ctx, s, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\ntook %v\n", time.Since(begun).Round(time.Second))
	return nil
}
