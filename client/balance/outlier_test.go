package balance

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func TestL3DeadBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Outlier: Outlier{Failures: 3}}, 1, 1)
		p.dead["b"] = errRefused
		if failed := p.withRetry(20); failed != 0 {
			t.Errorf("the caller saw %d errors", failed)
		}
		p.want(p.took(), "aba"+"aba"+"aba"+strings.Repeat("a", 14))
		if want := []string{"http://b: ejected for 10s: 3 in a row failed"}; !slices.Equal(p.told, want) {
			t.Errorf("told %q, want %q", p.told, want)
		}
	})
}

func TestL4BackAfterEjectionTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Outlier: Outlier{Failures: 2, Base: time.Second, Max: 4 * time.Second}}, 1, 1)
		out := func() time.Duration {
			start := time.Now()
			for !strings.Contains(p.calls(2), "b") {
				p.pass(250 * time.Millisecond)
			}
			return time.Since(start)
		}
		p.status["b"] = 503
		p.calls(4) // b fails twice
		var got []time.Duration
		for range 4 {
			got = append(got, out()) // once back, one failure is enough
		}
		if want := []time.Duration{1e9, 2e9, 4e9, 4e9}; !slices.Equal(got, want) {
			t.Errorf("out for %v, want %v", got, want)
		}
		p.status["b"] = 200
		out()
		p.pass(4 * time.Second) // well for as long as it was out
		p.calls(2)
		p.status["b"] = 503
		p.calls(4)
		if d := out(); d != time.Second {
			t.Errorf("out for %v, want 1s again", d)
		}
		if p.told[1] != "http://b: returned" {
			t.Errorf("told %q", p.told)
		}
	})
}

func TestL5AllDeadFailsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Outlier: Outlier{Failures: 1, MaxShare: 1}}, 1, 1)
		p.dead["a"], p.dead["b"] = errRefused, errRefused
		if got := p.calls(8); strings.Count(got, "a") != 4 {
			t.Errorf("called %s, want each four times", got)
		}
		for _, s := range p.Status() {
			if !s.Ejected {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestL6MostThatMayBeOut(t *testing.T) {
	for share, want := range map[float64]int{0: 2, 0.2: 1, 0.39: 1, 0.4: 2, 0.99: 4, 1: 5} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, Config{Outlier: Outlier{Failures: 1, MaxShare: share}}, 1, 1, 1, 1, 1)
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				p.dead[name] = errRefused
			}
			p.calls(20)
			out := 0
			for _, s := range p.Status() {
				if s.Ejected {
					out++
				}
			}
			if out != want {
				t.Errorf("share %v: %d are out, want %d", share, out, want)
			}
		})
	}
}

func TestL7SlowBackend(t *testing.T) {
	for weights, want := range map[int]int{2: 0, 3: 1} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, Config{Outlier: Outlier{SlowFactor: 3, SlowSamples: 10}}, slices.Repeat([]int{1}, weights)...)
			for name, takes := range map[string]time.Duration{"a": 10, "b": 40, "c": 12} {
				p.takes[name] = takes * time.Millisecond
			}
			p.calls(9 * weights)
			if len(p.told) != 0 {
				t.Errorf("%d backends: told %q before there were enough answers", weights, p.told)
			}
			p.calls(3 * weights)
			if len(p.told) != want {
				t.Fatalf("%d backends: told %q", weights, p.told)
			}
			if want == 1 && p.told[0] != "http://b: ejected for 10s: it takes 40ms to answer, others 11ms" {
				t.Errorf("told %q", p.told)
			}
		})
	}
}

func TestBodiesThatBreakOffAreFailures(t *testing.T) {
	p := newPool(t, Config{Outlier: Outlier{Failures: 1}}, 1, 1)
	p.body["b"] = io.MultiReader(strings.NewReader("part"), iotest.ErrReader(io.ErrUnexpectedEOF))
	p.want(p.calls(6), "abaaaa")
}
