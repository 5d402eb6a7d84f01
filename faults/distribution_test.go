package faults

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"
)

// waits draws from a delay's attributes, under a seed.
func waits(t *testing.T, seed uint64, attributes string, n int) []time.Duration {
	t.Helper()
	set := mustCompile(t, Config{Seed: seed, Entries: []Entry{{Rule: mustRule(t, `{"name":"it","delay":`+attributes+`}`)}}})
	drawn := make([]time.Duration, n)
	for i := range drawn {
		actions, _ := exchange(set, get("/"))
		drawn[i] = actions[0].(Wait).For
	}
	return drawn
}

// drawnFrom describes what a delay's waits must look like.
type drawnFrom struct {
	attributes string
	// cdf is the share of waits of at most x milliseconds, 0 <= x.
	cdf func(x float64) float64
	// quantiles are waits by their percentiles, from tables.
	quantiles map[float64]time.Duration
}

// gauss is the distribution function of the standard normal distribution.
func gauss(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func within(x float64) float64 { return min(max(x, 0), 1) }

var distributionsDrawn = []drawnFrom{
	{
		`{"latency":"200ms","jitter":"50ms"}`,
		func(x float64) float64 { return within((x - 150) / 100) },
		map[float64]time.Duration{10: 160 * ms, 50: 200 * ms, 90: 240 * ms, 99: 249 * ms},
	},
	{
		`{"latency":"10ms","jitter":"50ms","distribution":"uniform"}`, // 40 of 100 are below 0
		func(x float64) float64 { return within((x + 40) / 100) },
		map[float64]time.Duration{40: 0, 50: 10 * ms, 90: 50 * ms, 99: 59 * ms},
	},
	{
		`{"latency":"200ms","jitter":"50ms","distribution":"normal"}`,
		func(x float64) float64 { return gauss((x - 200) / 50) },
		map[float64]time.Duration{10: 135_922_422, 50: 200 * ms, 90: 264_077_578, 99: 316_317_394}, // z = 1.28155, 2.32635
	},
	{
		`{"latency":"10ms","jitter":"10ms","distribution":"normal"}`, // 16 of 100 are below 0
		func(x float64) float64 { return gauss((x - 10) / 10) },
		map[float64]time.Duration{15.865525393: 0, 50: 10 * ms, 99: 33_263_479},
	},
	{
		`{"latency":"20ms","jitter":"100ms","distribution":"exponential"}`,
		func(x float64) float64 { return within(1 - math.Exp(-(x-20)/100)) },
		map[float64]time.Duration{10: 30_536_052, 50: 89_314_718, 90: 250_258_509, 99: 480_517_019}, // ln 2, ln 10, ln 100
	},
	{
		`{"latency":"100ms","distribution":"pareto"}`, // alpha 3
		func(x float64) float64 { return within(1 - math.Pow(100/x, 3)) },
		map[float64]time.Duration{50: 125_992_105, 87.5: 200 * ms, 99: 464_158_883, 99.9: 1000 * ms},
	},
	{
		`{"latency":"100ms","distribution":"pareto","alpha":1}`,
		func(x float64) float64 { return within(1 - 100/x) },
		map[float64]time.Duration{50: 200 * ms, 90: 1000 * ms, 99: 10_000 * ms},
	},
	{
		`{"p50":"20ms","p99":"300ms"}`,
		func(x float64) float64 { return gauss(math.Log(x/20) / math.Log(15) * 2.3263478740408408) },
		map[float64]time.Duration{50: 20 * ms, 99: 300 * ms, 1: 1_333_333}, // the same factor down as up
	},
	{
		`{"quantiles":{"p50":"20ms","p90":"100ms","p99":"300ms"}}`, // flat at both ends
		func(x float64) float64 {
			switch {
			case x < 20:
				return 0
			case x < 100:
				return 0.5 + 0.4*(x-20)/80
			case x < 300:
				return 0.9 + 0.09*(x-100)/200
			}
			return 1
		},
		map[float64]time.Duration{50: 20 * ms, 70: 60 * ms, 90: 100 * ms, 94.5: 200 * ms},
	},
	{
		`{"quantiles":{"p100":"1s","p0":"0s","p50":"100ms"}}`, // all of it
		func(x float64) float64 { return within(min(x/200, 0.5+(x-100)/1800)) },
		map[float64]time.Duration{25: 50 * ms, 50: 100 * ms, 75: 550 * ms},
	},
	{ // Drawn again above the limit: the same curve, stretched. Clamped, 30 of 100 would lie on the limit.
		`{"latency":"20ms","jitter":"100ms","distribution":"exponential","max":"140397281ns"}`, // 70 percent are within 140.4 ms
		func(x float64) float64 { return within((1 - math.Exp(-(x-20)/100)) / 0.7) },
		map[float64]time.Duration{50: 63_078_292, 90: 119_401_629}, // -ln(1 - 0.35), -ln(1 - 0.63)
	},
}

// TestDistributions draws 20,000 waits each. Both bounds are those of chance: the share of waits up to a quantile has a
// binomial distribution; the largest distance between the two curves is over 1.95/sqrt(n) once in 1,000 (Kolmogorov).
func TestDistributions(t *testing.T) {
	const draws = 20_000
	for _, c := range distributionsDrawn {
		drawn := waits(t, 42, c.attributes, draws)
		slices.Sort(drawn)
		upTo := func(x time.Duration) float64 {
			i, _ := slices.BinarySearch(drawn, x+1)
			return float64(i) / draws
		}
		for percent, want := range c.quantiles {
			p := percent / 100
			if got, bound := upTo(want), 4*math.Sqrt(p*(1-p)/draws); math.Abs(got-p) > bound {
				t.Errorf("%s: %.3f %% are at most %v, want %v ± %.3f", c.attributes, 100*got, want, percent, 100*bound)
			}
		}
		most := 0.0
		for _, x := range drawn {
			most = max(most, math.Abs(upTo(x)-c.cdf(float64(x)/float64(ms))))
		}
		if bound := math.Sqrt(-math.Log(0.001/2)/2) / math.Sqrt(draws); most > bound {
			t.Errorf("%s: %.4f away from the curve, want at most %.4f", c.attributes, most, bound)
		}
		if drawn[0] < 0 {
			t.Errorf("%s: a wait of %v", c.attributes, drawn[0])
		}
	}
}

// TestQuantileFunctions: where the draws come from, to the nanosecond; 20,000 draws would not show an error of 3 percent.
func TestQuantileFunctions(t *testing.T) {
	for _, c := range distributionsDrawn {
		d := mustRule(t, `{"delay":`+c.attributes+`}`).Attributes.(*Delay)
		if d.Max > 0 {
			continue // its quantiles are those of draws that are repeated
		}
		for percent, want := range c.quantiles {
			if got := d.distribution().quantile(d, percent/100); math.Abs(got-float64(want)) > 1 {
				t.Errorf("%s: %v %% are at most %.1f ns, want %d", c.attributes, percent, got, want)
			}
		}
	}
}

// TestDistributionsAreTheSeeds: the same waits again, others under another seed.
func TestDistributionsAreTheSeeds(t *testing.T) {
	for _, c := range distributionsDrawn {
		first := waits(t, 1, c.attributes, 1000)
		if !slices.Equal(first, waits(t, 1, c.attributes, 1000)) {
			t.Errorf("%s: the same seed draws differently", c.attributes)
		}
		if slices.Equal(first, waits(t, 2, c.attributes, 1000)) {
			t.Errorf("%s: another seed draws the same", c.attributes)
		}
	}
}

// TestNoWaitIsOverItsLimit, which is 24 hours where none is given; and none lies on it.
func TestNoWaitIsOverItsLimit(t *testing.T) {
	for attributes, limit := range map[string]time.Duration{
		`{"latency":"100ms","jitter":"100ms","max":"150ms"}`:                             150 * ms,
		`{"latency":"100ms","jitter":"50ms","distribution":"normal","max":"100ms"}`:      100 * ms,
		`{"latency":"100ms","distribution":"pareto","alpha":1,"max":"112ms"}`:            112 * ms,
		`{"p50":"20ms","p99":"300ms","max":"10ms"}`:                                      10 * ms,
		`{"quantiles":{"p0":"0s","p90":"100ms","p100":"1h"},"max":"20ms"}`:               20 * ms,
		`{"latency":"20h","distribution":"pareto","alpha":1}`:                            24 * time.Hour,
		`{"latency":"24h","jitter":"24h"}`:                                               24 * time.Hour,
		`{"latency":"23h","jitter":"1h","distribution":"exponential","mode":"add"}`:      24 * time.Hour,
		`{"p50":"1ns","p99":"24h","mode":"add","distribution":"lognormal"}`:              24 * time.Hour,
		`{"quantiles":{"p0":"24h","p90":"24h"}}`:                                         24*time.Hour + 1, // may lie on it
		`{"latency":"24h","jitter":"24h","distribution":"normal","max":"23h59m59.999s"}`: 24*time.Hour - ms,
	} {
		for _, wait := range waits(t, 42, attributes, 2000) {
			if wait >= limit {
				t.Errorf("%s: a wait of %v", attributes, wait)
				break
			}
		}
	}
}

// TestADrawThatNeverFitsIsTheLimit: the last way out, which no rule that is valid takes in practice.
func TestADrawThatNeverFitsIsTheLimit(t *testing.T) {
	d := &Delay{Latency: Duration(time.Second), Max: Duration(ms)}
	if got := d.decide(hit{}); got != (Wait{For: ms}) {
		t.Errorf("got %+v, want the limit", got)
	}
}

// TestFloor: the reply is held until so long after the exchange's begin, whatever came between, and not longer.
func TestFloor(t *testing.T) {
	for _, c := range []struct {
		upstream time.Duration // takes so long
		want     []Action
	}{
		{0, []Action{Wait{time.Second}}},
		{300 * ms, []Action{Wait{700 * ms}}},
		{time.Second, []Action{Wait{}}},
		{time.Minute, []Action{Wait{}}},
	} {
		set, _ := setOf(t, `{"name":"it","delay":{"latency":"1s","mode":"floor"}}`)
		v := get("/")
		var p Plan
		p.Begin(set, v)
		if got := drain(&p, v); got != nil {
			t.Errorf("before the upstream: %+v", got)
		}
		v.Now = start.Add(c.upstream)
		p.BeginAfter(v)
		if got := drain(&p, v); !reflect.DeepEqual(got, c.want) {
			t.Errorf("an upstream that takes %v: got %+v, want %+v", c.upstream, got, c.want)
		}
		p.Done()
	}
}

// TestAFloorCountsWhatOtherDelaysTook: added before it they are within, added behind it they come on top.
func TestAFloorCountsWhatOtherDelaysTook(t *testing.T) {
	set, _ := setOf(t,
		`{"name":"a","delay":"200ms","phase":"after"}`,
		`{"name":"floor","delay":{"latency":"1s","mode":"floor"}}`,
		`{"name":"b","delay":"100ms","phase":"after"}`,
	)
	v := get("/")
	var p Plan
	p.Begin(set, v)
	p.BeginAfter(v)
	for _, want := range []time.Duration{200 * ms, 800 * ms, 100 * ms} {
		action, _ := p.Next(v)
		if action != (Wait{For: want}) {
			t.Errorf("got %+v, want %v", action, want)
		}
		v.Now = v.Now.Add(want)
	}
	p.Done()
}

func TestQuantilesAreWrittenInOrder(t *testing.T) {
	r := mustRule(t, `{"delay":{"quantiles":{"p99.9":"1s","p5":"5ms","p100":"2s"}}}`)
	want := Quantiles{{5, Duration(5 * ms)}, {99.9, Duration(time.Second)}, {100, Duration(2 * time.Second)}}
	d := r.Attributes.(*Delay)
	if !reflect.DeepEqual(d.Quantiles, want) {
		t.Errorf("read as %+v", d.Quantiles)
	}
	if written, err := d.Quantiles.MarshalJSON(); err != nil || string(written) != `{"p5":"5ms","p99.9":"1s","p100":"2s"}` {
		t.Errorf("written as %s, %v", written, err)
	}
}

func TestQuantilesMadeInGo(t *testing.T) {
	for _, c := range []struct {
		table Quantiles
		fine  bool
	}{
		{nil, true},
		{Quantiles{}, false},
		{Quantiles{{50, 1}, {99, 2}}, true},
		{Quantiles{{99, 2}, {50, 1}}, false},
		{Quantiles{{50, -1}, {99, 2}}, false},
		{Quantiles{{50, 1}, {math.NaN(), 2}}, false},
		{Quantiles{{-1, 1}, {50, 2}}, false},
		{make(Quantiles, MaxQuantiles+1), false},
	} {
		if err := c.table.check(); (err == nil) != c.fine {
			t.Errorf("%s: %v", fmt.Sprint(c.table), err)
		}
	}
}
