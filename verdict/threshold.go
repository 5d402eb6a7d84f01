package verdict

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Threshold is a number that decides, and may be set otherwise.
type Threshold struct {
	Name  string  `json:"name"` // "fail", "warn" …; in lists of all "D1.fail"
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"` // "s" is seconds
}

// The owners of thresholds that are no detector's own.
const (
	linking = "link"
	demand  = "demand"
)

// generalThresholds say how exchanges become calls, and when demand is known and steady.
func generalThresholds() []Threshold {
	return []Threshold{
		{"link.window", 30, "s"},       // after a failed attempt in which an equal request may be a repetition
		{"link.distinct", 5, "calls"},  // that succeeded and were all different, before an equal request is a repetition
		{"link.unsure", 0.2, ""},       // share of failed calls of which nobody can tell, above which nothing is said
		{"demand.cv", 0.3, ""},         // of the arrivals in the baseline's seconds: below it demand is steady
		{"demand.rate", 10, "calls/s"}, // below it rates are not compared
		{"demand.seconds", 5, "s"},     // of baseline that a rate takes
	}
}

// Thresholds lists every threshold with its default, under the name by which [Input] sets it.
func Thresholds() []Threshold {
	all := generalThresholds()
	for _, d := range detectors() {
		for _, t := range d.limits {
			all = append(all, Threshold{d.id + "." + t.Name, t.Value, t.Unit})
		}
	}
	return all
}

// limits are the thresholds that hold, by full name.
type limits map[string]float64

// limitsWith gives the defaults with what is set otherwise. A name that there is not is refused, and what is no number.
func limitsWith(set map[string]float64) (limits, error) {
	l := limits{}
	for _, t := range Thresholds() {
		l[t.Name] = t.Value
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		value := set[name]
		if _, ok := l[name]; !ok {
			known := slices.Sorted(maps.Keys(l))
			refusal := document.Errorf("thresholds."+name, "unknown threshold")
			refusal.DidYouMean = document.Nearest(name, known)
			return nil, refusal
		}
		if math.IsNaN(value) || value < 0 || value > 1e9 {
			return nil, document.Errorf("thresholds."+name, "want 0 to 1000000000, got %v", value)
		}
		l[name] = value
	}
	return l, nil
}

// of gives a threshold. One that there is not is a fault of this package, which every test of a detector would show.
func (l limits) of(owner, name string) float64 {
	value, ok := l[owner+"."+name]
	if !ok {
		panic(fmt.Sprintf("verdict: no threshold %s.%s", owner, name))
	}
	return value
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
