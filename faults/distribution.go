package faults

import (
	"cmp"
	"math"
	"strings"
	"time"
)

// distribution is a way in which the waits of a [Delay] are spread.
type distribution struct {
	name  string
	needs []string // attributes that must be given
	takes []string // attributes that may be
	// quantile is the inverse of the distribution function: the wait, in nanoseconds, that a share u of all waits does not
	// exceed, 0 <= u < 1. Of evenly drawn u it makes waits of the distribution (Devroye, "Non-Uniform Random Variate
	// Generation", 1986, II.2). It may be below 0, and beyond any limit.
	quantile func(d *Delay, u float64) float64
}

var distributions = [...]distribution{
	{"uniform", nil, []string{"latency", "jitter"}, func(d *Delay, u float64) float64 {
		return float64(d.Latency) + math.Trunc((2*u-1)*float64(d.Jitter))
	}},
	{"normal", []string{"latency", "jitter"}, nil, func(d *Delay, u float64) float64 {
		return float64(d.Latency) + normal(u)*float64(d.Jitter)
	}},
	{"exponential", []string{"jitter"}, []string{"latency"}, func(d *Delay, u float64) float64 {
		return float64(d.Latency) - math.Log1p(-u)*float64(d.Jitter)
	}},
	{"pareto", []string{"latency"}, []string{"alpha"}, func(d *Delay, u float64) float64 {
		return float64(d.Latency) * math.Exp(-math.Log1p(-u)/cmp.Or(d.Alpha, 3))
	}},
	{"lognormal", []string{"p50", "p99"}, nil, func(d *Delay, u float64) float64 {
		return float64(d.P50) * math.Pow(float64(d.P99)/float64(d.P50), normal(u)/normal(0.99))
	}},
	{"quantiles", []string{"quantiles"}, nil, func(d *Delay, u float64) float64 { return d.Quantiles.at(100 * u) }},
}

// normal is the quantile function of the standard normal distribution: -Inf at 0.
func normal(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// distribution finds how the waits are spread; nil for a name that is none.
func (d *Delay) distribution() *distribution {
	name := d.Distribution
	switch {
	case name != "":
	case d.Quantiles != nil:
		name = "quantiles"
	case d.P50 != 0 || d.P99 != 0:
		name = "lognormal"
	default:
		name = "uniform"
	}
	for i := range distributions {
		if distributions[i].name == name {
			return &distributions[i]
		}
	}
	return nil
}

func distributionNames() string {
	var names []string
	for _, known := range distributions {
		names = append(names, known.name)
	}
	return strings.Join(names, ", ")
}

// span writes nanoseconds, of which there may be more than a [time.Duration] holds.
func span(ns float64) time.Duration { return time.Duration(min(ns, math.MaxInt64/2)) }
