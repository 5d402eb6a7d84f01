package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// bound is how many standard deviations a count may be off.
const bound = 5

// deviation is how far a count of n fair draws is off its mean, in standard deviations; 0 if it may not be off at all and
// is not.
func deviation(count, n int, share float64) float64 {
	off := float64(count) - float64(n)*share
	if off == 0 {
		return 0
	}
	return off / math.Sqrt(float64(n)*share*(1-share))
}

// poisson reports whether a count of n draws is one that fair draws leave by chance more often than a normal variable
// leaves bound: for shares close to 0 or 1, of which few are expected (Poisson's limit of the binomial distribution).
func poisson(count, n int, share float64) bool {
	if share > 0.5 {
		count, share = n-count, 1-share
	}
	mean := float64(n) * share
	below, above := 0.0, 0.0 // P(X <= count), P(X >= count)
	term := math.Exp(-mean)
	for k := range n + 1 {
		if k <= count {
			below += term
		}
		if k >= count {
			above += term
		}
		term *= mean / float64(k+1)
	}
	rare := math.Erfc(bound / math.Sqrt2)
	return min(below, above) >= rare
}

// quantile is the least value that a share of all values does not exceed.
func quantile(sorted []time.Duration, share float64) time.Duration {
	return sorted[max(int(math.Ceil(share*float64(len(sorted)))), 1)-1]
}

// join adds what does not hold to what did not before.
func join(broken error, holds bool, format string, args ...any) error {
	if holds {
		return broken
	}
	return errors.Join(broken, fmt.Errorf(format, args...))
}

// verdict holds a figure against what is aimed at.
func verdict(met bool, aim string) string {
	if met {
		return aim + ": met"
	}
	return aim + ": NOT met"
}

// millis writes a time in milliseconds.
func millis(d time.Duration) string { return fmt.Sprintf("%.3f ms", float64(d)/1e6) }

// row prints a line without blanks at its end.
func row(out io.Writer, format string, cells ...any) {
	for len(cells) < strings.Count(format, "%") {
		cells = append(cells, "")
	}
	fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf(format, cells...), " \n"))
}
