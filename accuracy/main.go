// Command accuracy says how exact squall's faults are: whether waits are spread as asked, how late they end on the wire,
// how many exchanges a percentage hits, and how far a rate is off.
//
// What must hold is checked, and the command fails when it does not: no wait ends early, and counts stay within what chance
// allows of a fair draw (5 standard deviations of the binomial distribution, which a fair draw leaves once in 1.7 million
// rows). How late, and how far off, depends on the machine and is printed beside what is aimed at.
//
// squall runs as its users run it, as a process of its own, built from this tree. Clients and upstream are this process,
// on loopback. So lateness is what a client sees: it has the exchange itself in it, which the first row shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "accuracy: %v\n", err)
		os.Exit(1)
	}
}

// sizes say how much is measured.
type sizes struct {
	draws     int           // of each distribution, and exchanges of each percentage
	waits     int           // of each delay on the wire
	clients   int           // at once, each with a connection of its own
	transfers time.Duration // how long a body takes at its rate
}

func usual() sizes { return sizes{draws: 20_000, waits: 400, clients: 4, transfers: 3 * time.Second} }

// quick is enough to see that everything works, and too little to believe a quantile.
func quick() sizes {
	return sizes{draws: 1000, waits: 12, clients: 4, transfers: 150 * time.Millisecond}
}

// run measures, prints what it finds, and fails over what must hold.
func run(ctx context.Context, args []string, out io.Writer) error {
	s, small, binary := usual(), false, ""
	flags := flag.NewFlagSet("accuracy", flag.ContinueOnError)
	flags.BoolVar(&small, "quick", false, "a smoke test: tiny sizes")
	flags.StringVar(&binary, "squall", "", "the squall to measure (default: built from this tree)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("want flags only, got %q", flags.Args())
	}
	if small {
		s = quick()
	}
	begun := time.Now()
	fmt.Fprintf(out, "accuracy: %s %s/%s, %d cores\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	broken := measureDraws(out, s)
	r, err := openRig(ctx, binary)
	if err != nil {
		return errors.Join(broken, err)
	}
	for _, section := range []func(context.Context, *rig, io.Writer, sizes) error{measureWaits, measurePercentages, measureRates, measureTCP} {
		broken = errors.Join(broken, section(ctx, r, out, s))
	}
	fmt.Fprintf(out, "\ntook %v\n", time.Since(begun).Round(time.Second))
	return errors.Join(broken, r.close())
}
