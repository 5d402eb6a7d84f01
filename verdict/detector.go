package verdict

import "slices"

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
	evaluate        func(*scene, *finding)
	mend            []Mend
}

// detectors is the table, one part for each file of detectors, in the order of their numbers within each.
func detectors() []detector {
	return slices.Concat(
		retryDetectors(),
		backoffDetectors(),
	)
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
