package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
	squall "github.com/squall-proxy/squall/internal/document"
)

// shares are those whose quantiles are looked at, and standard what each is of a standard normal distribution, from a
// table.
var (
	shares   = []float64{0.01, 0.10, 0.50, 0.90, 0.99, 0.999}
	standard = map[float64]float64{0.01: -2.3263479, 0.10: -1.2815516, 0.50: 0, 0.90: 1.2815516, 0.99: 2.3263479, 0.999: 3.0902323}
)

// spread is a delay, and what its quantiles are on paper, in milliseconds.
type spread struct {
	name     string
	delay    document
	quantile func(share float64) float64
}

// spreads has every distribution once.
func spreads() []spread {
	return []spread{
		{
			"uniform",
			document{"latency": "20ms", "jitter": "10ms"},
			func(share float64) float64 { return 10 + 20*share },
		},
		{
			"normal",
			document{"distribution": "normal", "latency": "20ms", "jitter": "4ms"},
			func(share float64) float64 { return 20 + 4*standard[share] },
		},
		{
			"exponential",
			document{"distribution": "exponential", "latency": "5ms", "jitter": "10ms"},
			func(share float64) float64 { return 5 - 10*math.Log(1-share) },
		},
		{
			"pareto",
			document{"distribution": "pareto", "latency": "10ms"},
			func(share float64) float64 { return 10 / math.Cbrt(1-share) },
		},
		{
			"lognormal",
			document{"p50": "10ms", "p99": "60ms"},
			func(share float64) float64 { return 10 * math.Pow(6, standard[share]/standard[0.99]) },
		},
		{
			"quantiles",
			document{"quantiles": document{"p0": "5ms", "p50": "10ms", "p90": "30ms", "p99": "80ms", "p100": "100ms"}},
			func(share float64) float64 {
				return map[float64]float64{0.01: 5.1, 0.10: 6, 0.50: 10, 0.90: 30, 0.99: 80, 0.999: 98}[share]
			},
		},
	}
}

const drawFormat = "%-12s %7s %11s %11s %14s %9s\n"

// measureDraws holds what is drawn against what was asked for.
func measureDraws(out io.Writer, s sizes) error {
	fmt.Fprintf(out, "\ndelay: %d draws of each distribution. A share is that of the draws up to the quantile asked for; sigma: how far\n"+
		"it is off, in standard deviations.\n", s.draws)
	row(out, drawFormat, "distribution", "", "asked", "drawn", "share", "sigma")
	var broken error
	for _, d := range spreads() {
		waits, err := foretell(document{"delay": d.delay}.of(d.name), "", s.draws)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		slices.Sort(waits)
		for _, share := range shares {
			asked := time.Duration(d.quantile(share) * float64(time.Millisecond))
			upTo, _ := slices.BinarySearch(waits, asked+1)
			sigma := deviation(upTo, len(waits), share)
			row(out, drawFormat, d.name, fmt.Sprintf("p%g", share*100), millis(asked), millis(quantile(waits, share)),
				fmt.Sprintf("%.4f", float64(upTo)/float64(len(waits))), fmt.Sprintf("%+.2f", sigma))
			broken = join(broken, math.Abs(sigma) <= bound, "delay %s: p%g is %.1f standard deviations off", d.name, share*100, sigma)
		}
	}
	return broken
}

// foretell gives the first n waits of a delay for a key, as a squall under our seed will draw them: the seed, the rule's
// name and the number of the exchange decide.
func foretell(rule document, key string, n int) ([]time.Duration, error) {
	text, err := json.Marshal(rule)
	if err != nil {
		return nil, err
	}
	node, err := squall.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	var decoded faults.Rule
	if err := squall.Decode(node, &decoded); err != nil {
		return nil, err
	}
	set, err := faults.Compile(faults.Config{Seed: seed, Entries: []faults.Entry{{Rule: decoded}}})
	if err != nil {
		return nil, err
	}
	view := faults.View{Proxy: decoded.Proxy, Method: "GET", Path: "/", Header: fields{"X-Client": {key}}, Now: time.Now()}
	waits := make([]time.Duration, 0, n)
	for range n {
		wait, err := firstWait(set, &view)
		if err != nil {
			return nil, err
		}
		waits = append(waits, wait)
	}
	return waits, nil
}

// firstWait decides an exchange and gives its wait.
func firstWait(set *faults.Set, view *faults.View) (time.Duration, error) {
	var plan faults.Plan
	plan.Begin(set, view)
	defer plan.Done()
	action, _ := plan.Next(view)
	if action == nil {
		plan.BeginAfter(view)
		action, _ = plan.Next(view)
	}
	wait, ok := action.(faults.Wait)
	if !ok {
		return 0, fmt.Errorf("want a wait, got %T", action)
	}
	return wait.For, nil
}

// fields are header fields as deciding sees them.
type fields map[string][]string

// Values gives the lines of a field.
func (f fields) Values(name string) []string { return f[name] }
