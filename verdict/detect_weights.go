package verdict

import (
	"maps"
	"slices"

	"github.com/squall-proxy/squall/internal/document"
)

// checkWeights refuses weights that nothing can be spread by.
func checkWeights(weights map[string]int) error {
	if len(weights) == 1 {
		return document.Errorf("weights", "want those of two backends or more, got one")
	}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if weight := weights[name]; weight < 1 || weight > MaxWeight {
			return document.Errorf("weights."+name, "want 1 to %d, got %d", MaxWeight, weight)
		}
	}
	return nil
}

// againstWeights holds the exchanges of baselines against weights. Whoever takes strict turns gives each backend its weight exactly in
// each cycle, wherever one begins; of whoever does not it is asked whether chance may have spread them so (the chi-square test).
func againstWeights(s *scene, f *finding) {
	p := s.spread()
	chance, most, enough := p.judge(f)
	switch {
	case p.exact == p.cycles && f.enough(p.cycles, "cycles"):
		f.pass("each backend got its weight exactly, in %s", count(p.cycles, "cycle"))
	case !enough:
		f.inconclusive("%s at the weighted backends in a baseline before anything failed, in %s, too few to hold against weights: %s or %s cycles that are exact needed",
			count(p.total, "exchange"), count(p.cycles, "cycle"), number(f.limit("weighed")), number(f.limit("cycles")))
	case chance < f.limit("chance"):
		f.show(p.sent[most]...)
		f.fail("%s got %s of the exchanges while all were well, and is due %s by its weight", most,
			percent(share(len(p.sent[most]), p.total)), percent(share(s.weights[most], p.cycle)))
	default:
		f.pass("%s are spread as the weights say, as far as so many show", count(p.total, "exchange"))
	}
}

// spread is how exchanges lie over backends that have weights.
type spread struct {
	weights map[string]int
	cycle   int // their sum
	sent    map[string][]*attempt
	total   int

	cycles, exact int // as many exchanges on end as a cycle has, and how often each backend got its weight of them exactly
}

// spread looks at the baselines, at each up to the first exchange that failed: behind it a balancer may leave a backend out.
func (s *scene) spread() *spread {
	p := &spread{weights: s.weights, sent: map[string][]*attempt{}}
	for _, weight := range s.weights {
		p.cycle += weight
	}
	for _, t := range s.stretches {
		if t.Stage != Baseline {
			continue
		}
		var run []*attempt
		for _, a := range t.attempts {
			if p.weights[a.Proxy] == 0 {
				continue
			}
			if a.bad() {
				break
			}
			run = append(run, a)
		}
		p.add(run)
	}
	return p
}

// add takes in exchanges that followed each other.
func (p *spread) add(run []*attempt) {
	p.total += len(run)
	for _, a := range run {
		p.sent[a.Proxy] = append(p.sent[a.Proxy], a)
	}
	for ; len(run) >= p.cycle; run = run[p.cycle:] {
		counts := map[string]int{}
		for _, a := range run[:p.cycle] {
			counts[a.Proxy]++
		}
		p.cycles++
		if maps.Equal(counts, p.weights) {
			p.exact++
		}
	}
}

// leastDue is how many exchanges each backend has to be due for a chi-square to mean anything.
const leastDue = 5

// judge says how likely chance alone spreads exchanges so, which backend has the most of them beyond its part, and whether there are
// enough to say so.
func (p *spread) judge(f *finding) (chance float64, most string, enough bool) {
	chiSquare, over := 0.0, 0.0
	enough = f.enough(p.total, "weighed")
	for _, name := range slices.Sorted(maps.Keys(p.weights)) {
		part, sent := share(p.weights[name], p.cycle), len(p.sent[name])
		due := float64(p.total) * part
		if due < leastDue {
			enough = false
			continue
		}
		beyond := float64(sent) - due
		chiSquare += beyond * beyond / due
		if beyond > over {
			most, over = name, beyond
		}
		f.figure("sent to "+name, share(sent, p.total), "of the exchanges")
		f.figure("due to "+name, part, "of the exchanges")
	}
	chance = atLeast(chiSquare, len(p.weights)-1)
	if enough {
		f.figure("likely by chance", chance, "")
	}
	return chance, most, enough
}
