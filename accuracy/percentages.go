package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
)

// percentages are those that exchanges are hit by.
var percentages = []float64{0, 0.01, 0.5, 1, 20, 50, 99, 99.99, 100}

// exactly is the percentage that is asked for to the exchange.
const exactly = 37

const exactName = "37 %, exact"

// percentProxies answer 503 to a share of all exchanges.
func percentProxies() []proxy {
	all := []proxy{{name: exactName, rule: document{"abort": 503, "percent": exactly, "exact": true}}}
	for _, percent := range percentages {
		all = append(all, proxy{name: percentName(percent), rule: document{"abort": 503, "percent": percent}})
	}
	return all
}

func percentName(percent float64) string { return fmt.Sprintf("%g %%", percent) }

const percentFormat = "%-12s %10s %8s %12s %8s\n"

// measurePercentages counts what is hit.
func measurePercentages(ctx context.Context, r *rig, out io.Writer, s sizes) error {
	fmt.Fprintf(out, "\npercentages: hits among %d exchanges over %d connections, and how far they are off, in standard deviations\n",
		s.draws, s.clients)
	row(out, percentFormat, "percent", "expected", "hits", "measured", "sigma")
	var broken error
	for _, percent := range percentages {
		hits, err := r.hits(ctx, percentName(percent), s)
		if err != nil {
			return err
		}
		share := percent / 100
		sigma := deviation(hits, s.draws, share)
		row(out, percentFormat, percentName(percent), fmt.Sprintf("%.1f", share*float64(s.draws)), fmt.Sprint(hits),
			fmt.Sprintf("%.3f %%", 100*float64(hits)/float64(s.draws)), fmt.Sprintf("%+.2f", sigma))
		fair := math.Abs(sigma) <= bound
		if rare := min(share, 1-share) * float64(s.draws); rare < 10 {
			fair = poisson(hits, s.draws, share) // of so few the deviation says little
		}
		broken = join(broken, fair, "%s: %d of %d exchanges were hit", percentName(percent), hits, s.draws)
	}
	hits, err := r.hits(ctx, exactName, s)
	if err != nil {
		return errors.Join(broken, err)
	}
	want := s.draws / 100 * exactly
	row(out, percentFormat, exactName, fmt.Sprint(want), fmt.Sprint(hits), fmt.Sprintf("%.3f %%", 100*float64(hits)/float64(s.draws)))
	return join(broken, hits == want, "%s: %d of %d exchanges were hit", exactName, hits, s.draws)
}

// hits counts the exchanges of a proxy that are answered with 503.
func (r *rig) hits(ctx context.Context, name string, s sizes) (int, error) {
	all, err := r.clients(ctx, name, s.clients)
	if err != nil {
		return 0, err
	}
	counts := make([]int, len(all))
	err = each(all, func(i int, c *client) error {
		for range s.draws / len(all) {
			status, _, err := c.get(ctx, "/")
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", name, err)
			case status == 503:
				counts[i]++
			case status != 200:
				return fmt.Errorf("%s: status %d", name, status)
			}
		}
		return nil
	})
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum, err
}
