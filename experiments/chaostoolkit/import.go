// Package chaostoolkit reads experiments of Chaos Toolkit as experiments of ours, and writes a run as its journal.
package chaostoolkit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Importer reads Chaos Toolkit's experiments.
type Importer struct {
	// SkipUnknown leaves out, with a note, what has no counterpart (Python modules but chaostoxi, controls); without it, it is refused.
	SkipUnknown bool
}

// Imported is an experiment of ours.
type Imported struct {
	Root  *document.Node // of a file of version v1
	Notes []string       // what was left out, or is not quite the same, each with its place
}

// IsExperiment says that a document is an experiment of Chaos Toolkit, and none of ours.
func IsExperiment(root *document.Node) bool {
	if root.Get("steady-state-hypothesis") != nil {
		return true
	}
	method := root.Get("method")
	return method != nil && len(method.Items) > 0 && method.Items[0].Get("provider") != nil
}

// defaultFor is how long a toxic acts of which the file says no time.
const defaultFor = 10 * time.Second

// Import reads an experiment. What cannot be expressed is an error that names the field.
func (im Importer) Import(root *document.Node) (Imported, error) {
	if root.Kind != document.Object {
		return Imported{}, document.Errorf("", "want an object, got %s", root.Kind)
	}
	t := &translation{skip: im.SkipUnknown, activities: map[string]*document.Node{}, names: map[string]bool{}}
	t.collect(root)
	out := object("version", text("v1"), "title", root.Get("title"))
	if root.Get("title") == nil {
		return Imported{}, document.Errorf("title", "missing")
	}
	for _, name := range []string{"description", "tags"} {
		put(out, name, root.Get(name))
	}
	for _, step := range []func(root, out *document.Node) error{
		t.checkMembers, t.configuration, t.hypothesis, t.method, t.rollbacks,
	} {
		if err := step(root, out); err != nil {
			return Imported{}, err
		}
	}
	return Imported{out, t.notes}, nil
}

// translation is one experiment while it is read.
type translation struct {
	skip       bool
	notes      []string
	activities map[string]*document.Node // by name, for ref
	names      map[string]bool           // of checks
	outlives   bool                      // a toxic is not taken away by the method itself
}

func (t *translation) note(field, format string, args ...any) {
	t.notes = append(t.notes, field+": "+fmt.Sprintf(format, args...))
}

// unknown is what has no counterpart: nil if it is to be left out.
func (t *translation) unknown(field, format string, args ...any) error {
	if t.skip {
		t.note(field, format+"; left out", args...)
		return nil
	}
	return document.Errorf(field, format, args...)
}

// collect finds the activities that others may refer to.
func (t *translation) collect(root *document.Node) {
	for _, list := range []*document.Node{root.Get("steady-state-hypothesis").Get("probes"), root.Get("method"), root.Get("rollbacks")} {
		if list == nil {
			continue
		}
		for _, a := range list.Items {
			if name := a.Get("name"); name != nil {
				t.activities[name.Text] = a
			}
		}
	}
}

// checkMembers refuses what an experiment has and ours cannot say.
func (t *translation) checkMembers(root, _ *document.Node) error {
	for _, m := range root.Members {
		switch m.Name {
		case "version", "title", "description", "tags", "configuration", "secrets", "steady-state-hypothesis", "method", "rollbacks", "runtime":
		case "contributions", "extensions":
			t.note(m.Name, "of no consequence to a run; left out")
		case "controls":
			if err := t.unknown(m.Name, "controls are Python modules"); err != nil {
				return err
			}
		default:
			return document.Unknown(m, []string{"title", "steady-state-hypothesis", "method", "rollbacks", "configuration", "secrets", "runtime"})
		}
	}
	return nil
}

// strategies are Chaos Toolkit's names for when the hypothesis is looked at.
func strategies() map[string]string {
	return map[string]string{
		"default": "edge", "before-method-only": "before", "after-method-only": "after", "during-method-only": "during", "continuously": "continuous",
	}
}

// hypothesis makes the steady state.
func (t *translation) hypothesis(root, out *document.Node) error {
	const field = "steady-state-hypothesis"
	strategy := "default"
	if given := root.Get("runtime").Get("hypothesis").Get("strategy"); given != nil {
		strategy = given.Text
	}
	mode, known := strategies()[strategy]
	if !known {
		names := slices.Sorted(maps.Keys(strategies()))
		return document.Errorf("runtime.hypothesis.strategy", "%q: want one of %s", strategy, strings.Join(names, ", "))
	}
	probes := root.Get(field).Get("probes")
	if probes == nil || len(probes.Items) == 0 {
		return document.Errorf(field, "missing: nothing says what healthy means")
	}
	checks := &document.Node{Kind: document.List}
	for i, p := range probes.Items {
		at := field + ".probes" + index(i)
		check, err := t.check(p, at)
		if err != nil {
			return err
		}
		if check != nil {
			checks.Items = append(checks.Items, check)
		}
	}
	if len(checks.Items) == 0 {
		return document.Errorf(field+".probes", "none is left")
	}
	put(out, "steady_state", object("mode", text(mode), "checks", checks))
	return nil
}

// check makes a check of a probe; nil = it is left out.
func (t *translation) check(probe *document.Node, at string) (*document.Node, error) {
	tolerance := probe.Get("tolerance")
	if probe.Get("ref") != nil {
		referred, err := t.refer(probe, at)
		if err != nil {
			return nil, err
		}
		if probe = referred; tolerance == nil {
			tolerance = probe.Get("tolerance")
		}
	}
	if err := t.checkActivity(probe, at); err != nil {
		return nil, err
	}
	step, err := t.provided(probe, at)
	if step == nil || err != nil {
		return nil, err
	}
	if step.Get("toxic") != nil {
		return nil, document.Errorf(at+".provider.func", "a probe cannot add a toxic")
	}
	made := object("name", text(t.checkName(probe.Get("name"))))
	made.Members = append(made.Members, step.Members...)
	if tolerance == nil {
		return nil, document.Errorf(at+".tolerance", "missing")
	}
	wanted, err := t.tolerance(tolerance, at+".tolerance")
	if wanted == nil || err != nil {
		return nil, err
	}
	if expected := step.Get("tolerance"); expected != nil {
		if expected.Text != tolerance.Text {
			return nil, document.Errorf(at+".provider.expected_status", "not beside another tolerance")
		}
		return made, nil
	}
	put(made, "tolerance", wanted)
	return made, nil
}

// checkName is a check's name: the probe's own, without what cannot stand in one, and numbered where it comes again.
func (t *translation) checkName(name *document.Node) string {
	base := "probe"
	if name != nil && name.Text != "" {
		base = strings.Map(func(r rune) rune {
			if r == '/' || r < ' ' {
				return '-'
			}
			return r
		}, name.Text)
	}
	unique := base
	for n := 2; t.names[unique]; n++ {
		unique = base + " " + strconv.Itoa(n)
	}
	t.names[unique] = true
	return unique
}

// refer finds the activity that another one refers to.
func (t *translation) refer(a *document.Node, at string) (*document.Node, error) {
	name := a.Get("ref").Text
	if found := t.activities[name]; found != nil {
		return found, nil
	}
	refusal := document.Errorf(at+".ref", "there is no activity %q", name)
	refusal.DidYouMean = document.Nearest(name, slices.Sorted(maps.Keys(t.activities)))
	return nil, refusal
}

// rollbacks makes the steps of the end. Toxics that are deleted there are gone by then.
func (t *translation) rollbacks(root, out *document.Node) error {
	list := root.Get("rollbacks")
	if list == nil || len(list.Items) == 0 {
		return nil
	}
	switch s := root.Get("runtime").Get("rollbacks").Get("strategy"); {
	case s == nil || s.Text == "default" || s.Text == "always":
	case s.Text == "never":
		return nil
	default:
		return document.Errorf("runtime.rollbacks.strategy", "%q: rollbacks are always done here", s.Text)
	}
	steps := &document.Node{Kind: document.List}
	for i, a := range list.Items {
		at := "rollbacks" + index(i)
		read, err := t.activity(a, at)
		if err != nil {
			return err
		}
		switch {
		case read.deletes != "" || read.step == nil:
			continue
		case read.step.Get("toxic") != nil:
			return document.Errorf(at, "a rollback cannot add a toxic")
		}
		steps.Items = append(append(append(steps.Items, pause(read.before)...), read.step), pause(read.after)...)
	}
	if len(steps.Items) == 0 {
		return nil
	}
	slices.Reverse(steps.Items) // ours are done from the last to the first
	put(out, "rollbacks", steps)
	t.note("rollbacks", "they are done before the hypothesis is looked at again, and not after: healthy means here that nothing is done any more")
	return nil
}
