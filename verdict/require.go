package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// All stands in [Input].Require for every detector that the records of one proxy are enough for: those that need the caller's side or
// several backends have to be named.
const All = "all"

// requiredOf gives the ids of the detectors that are required.
func requiredOf(names []string) (map[string]bool, error) {
	ids := map[string]bool{}
	var known []string
	for _, d := range detectors() {
		known = append(known, d.id)
		if !d.beyond && slices.Contains(names, All) {
			ids[d.id] = true
		}
	}
	for i, name := range names {
		switch {
		case name == All:
		case slices.Contains(known, name):
			ids[name] = true
		default:
			refusal := document.Errorf(fmt.Sprintf("require[%d]", i), "there is no detector %q: want D1 to D%d, or %s", name, len(known), All)
			refusal.DidYouMean = document.Nearest(name, known)
			return nil, refusal
		}
	}
	return ids, nil
}

// Unjudged reports whether the finding was required, and nobody can tell.
func (f Finding) Unjudged() bool { return f.Required && f.Verdict == Inconclusive }

// Unjudged lists the ids of what was required, and nobody can tell.
func (r Report) Unjudged() []string {
	var ids []string
	for _, f := range r.Findings {
		if f.Unjudged() {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// unjudged says so in words; "" of none.
func (r Report) unjudged() string {
	ids := r.Unjudged()
	if len(ids) == 0 {
		return ""
	}
	return "; required, and not judged: " + strings.Join(ids, ", ")
}
