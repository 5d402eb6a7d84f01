package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// maxReplay bounds a file of recorded exchanges, in bytes.
const maxReplay = 256 << 20

func newReplay(sys system) *cobra.Command {
	var path string
	var seed uint64
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Decide recorded exchanges again, and show the first difference",
		Long: `Decide recorded exchanges again, under the rules and the seed of a squall.yaml, and show the first decision that comes out
otherwise (exit code 1). FILE is the answer of GET /admin/exchanges, as squall exchanges --json prints it; - is standard input.

A record tells of a request its method, host, path and client, and of each rule the number n of the exchange and its key; so
percentages, skip, first, every, burst, exact and max_consecutive are decided again, and conditions on these parts. For the
rest (headers, bodies, a ramp, what a caller asked for, limits in time) the record is believed.`,
		Example: "  squall exchanges --json --limit 1000 > run.json && squall replay -f squall.yaml run.json",
		Args:    exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := config.Load(path)
			if err != nil {
				return usageError{err}
			}
			if cmd.Flags().Changed("seed") {
				file.Seed = &seed
			}
			if file.Seed == nil {
				return usagef("%s names no seed: give the run's, which GET /admin/faults shows, by --seed", path)
			}
			sets, err := setsOf(file)
			if err != nil {
				return usageError{err}
			}
			exchanges, err := recorded(sys, args[0])
			if err != nil {
				return usageError{err}
			}
			return replay(sys, sets, exchanges)
		},
	}
	cmd.Flags().StringVarP(&path, "config", "f", "squall.yaml", "the rules, and the seed, of the run")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "the seed of the run, instead of the file's")
	return cmd
}

// recorded reads exchanges, and gives them in the order in which they began.
func recorded(sys system, path string) ([]admin.Exchange, error) {
	from := sys.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	var answer struct {
		Exchanges []admin.Exchange `json:"exchanges"`
	}
	if err := json.NewDecoder(io.LimitReader(from, maxReplay)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if answer.Exchanges == nil {
		return nil, fmt.Errorf("%s: exchanges: missing: want the answer of GET /admin/exchanges", path)
	}
	slices.SortStableFunc(answer.Exchanges, func(a, b admin.Exchange) int { return cmp.Compare(a.ID, b.ID) })
	return answer.Exchanges, nil
}

// compiling is an engine that runs nothing: it keeps what it would run.
type compiling struct{ endpoints []proxy.Endpoint }

// Prepare keeps the endpoints.
func (c *compiling) Prepare(endpoints []proxy.Endpoint) (*proxy.Change, error) {
	c.endpoints = endpoints
	return &proxy.Change{}, nil
}

// setsOf compiles the rules of a file, by proxy.
func setsOf(file config.File) (map[string]*faults.Replay, error) {
	state, err := file.State(0, time.Now())
	if err != nil {
		return nil, err
	}
	engine := &compiling{}
	controller, err := control.New(control.Config{Engine: engine, Policy: file.Policy}, state)
	if err != nil {
		return nil, err
	}
	controller.Close()
	sets := make(map[string]*faults.Replay, len(engine.endpoints))
	for _, e := range engine.endpoints {
		sets[e.Config.Name] = faults.NewReplay(e.Faults)
	}
	return sets, nil
}

// replay decides exchanges again. The error is the first difference.
func replay(sys system, sets map[string]*faults.Replay, exchanges []admin.Exchange) error {
	same, unknown := 0, 0
	for _, e := range exchanges {
		set, ok := sets[e.Proxy]
		if !ok {
			return fmt.Errorf("exchange %d: there is no proxy %s", e.ID, shown(e.Proxy))
		}
		source, _ := netip.ParseAddr(e.Client) // without one, no condition on it holds
		v := &faults.View{Proxy: e.Proxy, Method: e.Method, Host: e.Host, Path: e.Path, Source: source}
		for _, d := range e.Faults {
			difference, known := set.Decide(v, d)
			switch {
			case difference != "":
				return fmt.Errorf("exchange %d (%s, %s %s), rule %s, n %d: recorded %s, decided again: %s",
					e.ID, shown(e.Proxy), shown(e.Method), shown(e.Path), shown(d.Rule), d.N, outcomeOf(d), difference)
			case known:
				same++
			default:
				unknown++
			}
		}
	}
	fmt.Fprintf(sys.out, "%d exchanges: %d decisions came out the same", len(exchanges), same)
	if unknown > 0 {
		fmt.Fprintf(sys.out, ", of %d the record does not tell enough", unknown)
	}
	fmt.Fprintln(sys.out)
	return nil
}

// outcomeOf is a decision in words: "hit", "skip (roll)".
func outcomeOf(d faults.Decision) string {
	if d.Why == "" {
		return string(d.Outcome)
	}
	return fmt.Sprintf("%s (%s)", d.Outcome, d.Why)
}
