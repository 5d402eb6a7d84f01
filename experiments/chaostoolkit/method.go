package chaostoolkit

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// read is an activity of a method or a rollback, as it was read.
type read struct {
	at            string
	name          string
	step          *document.Node // nil = none
	toxic         string         // proxy/name of the toxic that it adds; "" = it adds none
	deletes       string         // proxy/name of the toxic that it takes away, or "*"; "" = it takes none away
	background    bool
	before, after time.Duration
}

// checkActivity refuses what an activity has and ours cannot say.
func (t *translation) checkActivity(a *document.Node, at string) error {
	if a.Kind != document.Object {
		return document.Errorf(at, "want an object, got %s", a.Kind)
	}
	for _, m := range a.Members {
		switch m.Name {
		case "type", "name", "provider", "tolerance", "background", "pauses", "ref", "secrets", "configuration":
		case "controls":
			if err := t.unknown(at+".controls", "controls are Python modules"); err != nil {
				return err
			}
		default:
			return under(document.Unknown(m, []string{"type", "name", "provider", "tolerance", "background", "pauses"}), at)
		}
	}
	return nil
}

// activity reads an action or a probe of a method. What a probe finds there is not judged.
func (t *translation) activity(a *document.Node, at string) (read, error) {
	r := read{at: at}
	if a.Get("ref") != nil {
		var err error
		if a, err = t.refer(a, at); err != nil {
			return r, err
		}
	}
	if err := t.checkActivity(a, at); err != nil {
		return r, err
	}
	if name := a.Get("name"); name != nil {
		r.name = name.Text
	}
	if b := a.Get("background"); b != nil {
		r.background = b.Bool
	}
	var err error
	if r.before, err = seconds(a.Get("pauses").Get("before"), at+".pauses.before"); err != nil {
		return r, err
	}
	if r.after, err = seconds(a.Get("pauses").Get("after"), at+".pauses.after"); err != nil {
		return r, err
	}
	if r.deletes = deleted(a.Get("provider")); r.deletes != "" {
		return r, nil
	}
	if r.step, err = t.provided(a, at); err != nil || r.step == nil {
		return r, err
	}
	if settings := r.step.Get("toxic"); settings != nil {
		r.toxic = settings.Get("proxy").Text + "/" + settings.Get("name").Text
	}
	if r.step.Get("process") != nil {
		// An exit code is no failure of the run there.
		put(r.step, "tolerance", list(number("-1"), number("255")))
	}
	return r, nil
}

func number(literal string) *document.Node {
	return &document.Node{Kind: document.Number, Text: literal}
}

// method makes the steps. Toxics of Chaos Toolkit act until they are deleted, ours for a time: so whatever stands between the
// two goes beside the toxic, which lasts as long as the pauses there.
func (t *translation) method(root, out *document.Node) error {
	if root.Get("method") == nil {
		return document.Errorf("method", "missing")
	}
	steps := list()
	var side group
	for i, a := range root.Get("method").Items {
		r, err := t.activity(a, "method"+index(i))
		if err != nil {
			return err
		}
		if r.step == nil && r.deletes == "" {
			steps.Items = append(steps.Items, side.orPause(r.before+r.after)...)
			continue
		}
		if !side.open() {
			steps.Items = append(steps.Items, pause(r.before)...)
			r.before = 0
		}
		side.add(r)
		if !side.open() {
			steps.Items = append(steps.Items, t.close(&side)...)
			steps.Items = append(steps.Items, pause(r.after)...)
		}
	}
	if side.open() {
		t.outlives = len(side.acting()) > 0
		steps.Items = append(steps.Items, t.close(&side)...)
	}
	if len(steps.Items) == 0 {
		return document.Errorf("method", "no step is left")
	}
	put(out, "method", steps)
	if mode := out.Get("steady_state").Get("mode"); t.outlives && mode.Text == "edge" {
		t.note("runtime.hypothesis.strategy", "a toxic acts until the rollbacks, so the hypothesis is looked at while it does: continuous, not edge")
		mode.Text = "continuous"
	}
	return nil
}

// group is what goes side by side: from the first toxic, or step in the background, to where nothing of that is under way.
type group struct {
	members []read
	last    bool // the step in the background has the one that it stands beside
}

// open says that what comes next belongs to the group.
func (g *group) open() bool {
	if len(g.members) == 0 {
		return false
	}
	return len(g.acting()) > 0 || !g.last
}

// acting are the toxics that are not taken away yet.
func (g *group) acting() map[string]bool {
	acting := map[string]bool{}
	for _, m := range g.members {
		switch {
		case m.toxic != "":
			acting[m.toxic] = true
		case m.deletes == "*":
			clear(acting)
		default:
			delete(acting, m.deletes)
		}
	}
	return acting
}

func (g *group) add(r read) {
	g.members = append(g.members, r)
	g.last = !r.background
}

// orPause keeps the pauses of a step that was left out.
func (g *group) orPause(d time.Duration) []*document.Node {
	if !g.open() {
		return pause(d)
	}
	g.members = append(g.members, read{after: d})
	return nil
}

// close makes the steps of a group.
func (t *translation) close(g *group) []*document.Node {
	var steps []*document.Node
	for i, m := range g.members {
		if m.step == nil {
			continue
		}
		if m.toxic != "" {
			put(m.step, "for", span(t.lasts(g.members[i:])))
		}
		steps = append(steps, m.step)
	}
	if len(steps) > 1 {
		first := g.members[0]
		t.note(first.at, "%d steps go side by side from here on, without the pauses between them", len(steps))
	}
	*g = group{}
	if len(steps) > 1 {
		return []*document.Node{object("parallel", list(steps...))}
	}
	return steps
}

// lasts is how long the first of these, a toxic, acts: the pauses until it is taken away.
func (t *translation) lasts(members []read) time.Duration {
	toxic := members[0]
	length := toxic.after
	for _, m := range members[1:] {
		length += m.before
		if m.deletes == toxic.toxic || m.deletes == "*" {
			break
		}
		length += m.after
	}
	if length == 0 {
		length = defaultFor
		t.note(toxic.at, "the file says no time for the toxic: it acts for %v", defaultFor)
	}
	return length
}
