package verdict

import (
	"cmp"
	"slices"
)

// Detector describes one misbehaviour that is looked for.
type Detector struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Needs      string      `json:"needs"` // what has to be in the records for anything but INCONCLUSIVE
	Thresholds []Threshold `json:"thresholds"`
	Mend       []Mend      `json:"mend"`
}

// Detectors lists what is looked for, in the order of findings.
func Detectors() []Detector {
	var all []Detector
	for _, d := range detectors() {
		all = append(all, Detector{d.id, d.name, d.needs, slices.Clone(d.limits), slices.Clone(d.mend)})
	}
	return all
}

// detector is one row of the table: what is looked for, what it takes, how it is told, and what mends it.
type detector struct {
	id, name, needs string
	limits          []Threshold
	beyond          bool // it takes more than the records of one proxy: the caller's side, or several backends
	evaluate        func(*scene, *finding)
	mend            []Mend
}

// detectors is the table: a part in each file of detectors, put in the order of their numbers.
func detectors() []detector {
	all := slices.Concat(
		retryDetectors(), backoffDetectors(), herdDetectors(), retryAfterDetectors(), unsafeDetectors(),
		timeoutDetectors(), abandonDetectors(), breakerDetectors(), recoveryDetectors(), scopeDetectors(),
		hedgeDetectors(), connectionDetectors(), staleDetectors(), fallbackDetectors(),
		cacheDetectors(), balanceDetectors(),
	)
	slices.SortFunc(all, func(a, b detector) int {
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	return all
}

// judge lets the detector look at the scene.
func (d detector) judge(s *scene) Finding {
	f := &finding{Finding: Finding{ID: d.id, Name: d.name}, limits: s.limits}
	d.evaluate(s, f)
	for _, t := range d.limits {
		f.Thresholds = append(f.Thresholds, Threshold{t.Name, f.limit(t.Name), t.Unit})
	}
	if f.Verdict.AtLeast(Warn) {
		f.Mend = slices.Clone(d.mend)
	}
	return f.Finding
}
