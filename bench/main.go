// Command bench says what squall costs: the CPU that a proxy spends on one exchange, beside those that it is held
// against, and the memory that squall takes under load.
//
// The upstream and every contender are processes of their own on loopback; the load comes from this one, over raw
// sockets, each connection asking again as soon as it has its reply. CPU is what the kernel's scheduler counted for
// the process, user and system, which needs Linux. A machine's speed drifts, so a figure alone says little: in each
// round all contenders take turns, ratios are taken round by round, and beside them stand the ratios of equal
// contenders (A/A), which say how much of a ratio is noise.
//
// squall runs as its users run it, built from this tree: squall serve with admin API and recent exchanges. Log lines
// are switched off (--log-level warn) but for the contender that is named after them. The ReverseProxy is bare: it has
// the same connection pool and buffers, and none of squall's timeouts, header rules or records.
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
	rounds      int   // in each of them every contender is measured
	exchanges   int   // of a contender in a round, besides some that are not counted
	connections []int // numbers of them to measure with
	idle        int   // clients that the memory is measured with
	body        int64 // bytes of the body that the memory is measured with
}

// quick is enough to see that everything works, and too little to believe a figure.
func quick() sizes {
	return sizes{rounds: 3, exchanges: 200, connections: []int{1, 4}, idle: 20, body: 4 << 20}
}

// run measures, and prints what it finds. It fails only when something breaks, never over a figure.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == roleArgument {
		return play(ctx, args[1:])
	}
	s := sizes{connections: []int{1, 32}}
	procs, small, binary := 2, false, ""
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "pairs", 9, "rounds, each of which gives a pair of every comparison")
	flags.IntVar(&s.exchanges, "exchanges", 3000, "exchanges of each contender in a round")
	flags.Func("connections", "numbers of keep-alive connections to measure with (default 1,32)", func(text string) (err error) {
		s.connections, err = counts(text)
		return err
	})
	flags.IntVar(&s.idle, "idle", 1000, "idle clients that the memory is measured with")
	flags.Int64Var(&s.body, "body", 1<<30, "bytes of the body that the memory is measured with")
	flags.IntVar(&procs, "procs", procs, "GOMAXPROCS of each contender")
	flags.BoolVar(&small, "quick", false, "a smoke test: tiny sizes, whatever else is asked for")
	flags.StringVar(&binary, "squall", "", "the squall to measure (default: built from this tree)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if small {
		s = quick()
	}
	if flags.NArg() > 0 || s.rounds < 1 || s.exchanges < passes*slices.Max(s.connections) || s.idle < 1 || s.body < 1 || procs < 1 {
		return errors.New("want flags only, numbers above 0, and ten exchanges for each connection")
	}
	lab, err := openLab(ctx, binary, procs)
	if err != nil {
		return err
	}
	return errors.Join(lab.measure(ctx, s, out), lab.close())
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
	printHead(out, l.procs, s)
	for _, n := range s.connections {
		rounds, err := l.measureCPU(ctx, n, s)
		if err != nil {
			return err
		}
		printCPU(out, n, contenders(), rounds)
	}
	rows, err := l.measureMemory(ctx, s)
	if err != nil {
		return err
	}
	printMemory(out, s, rows)
	return nil
}
