package experiments

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Replay writes an experiment that repeats, as JSON, what made a check fail: the method up to so many of its steps under the same
// loads, judged by that check alone. Variables stand in it as they did in the file, so that a secret of the environment does
// not. about is its description.
func (e *Experiment) Replay(check string, steps int, about string) ([]byte, error) {
	root := *e.source
	root.Members = nil
	for _, m := range e.source.Members {
		if value := e.replayed(m, check, steps); value != nil {
			root.Members = append(root.Members, document.Member{Name: m.Name, Value: value})
		}
	}
	set(&root, "title", text(replayOf(check)+e.source.Get("title").Text))
	set(&root, "description", text(about))
	written, err := json.Marshal(&root)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, written, "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// replayOf is how the title of a replay begins.
func replayOf(check string) string { return "replay of " + check + ": " }

// IsReplay says that the experiment is what Replay has written: it repeats its one check itself.
func (e *Experiment) IsReplay() bool {
	return len(e.SteadyState.Checks) == 1 && strings.HasPrefix(e.source.Get("title").Text, replayOf(e.SteadyState.Checks[0].Name))
}

// replayed is what a replay has in place of a member of the file; nil = it is left out.
func (e *Experiment) replayed(m document.Member, check string, steps int) *document.Node {
	value := *m.Value
	switch m.Name {
	case "expect":
		return nil
	case "report":
		journal := value.Get("json")
		if journal == nil {
			return nil
		}
		extension := filepath.Ext(journal.Text) // docker steps need a journal
		return object("json", text(strings.TrimSuffix(journal.Text, extension)+"-replay"+extension))
	case "method":
		value.Items = value.Items[:min(steps, len(value.Items))]
	case "steady_state":
		value.Members = slices.Clone(value.Members)
		checks := *value.Get("checks")
		i := slices.IndexFunc(e.SteadyState.Checks, func(c Check) bool { return c.Name == check })
		checks.Items = checks.Items[i : i+1]
		set(&value, "checks", &checks)
	case "recovery":
		value.Members = withoutMember(value.Members, "checks")
	case "safety":
		value.Members = withoutMember(value.Members, "abort_on")
	}
	return &value
}

// withoutMember gives members but those of a name.
func withoutMember(members []document.Member, name string) []document.Member {
	return slices.DeleteFunc(slices.Clone(members), func(m document.Member) bool { return m.Name == name })
}

// set puts a member in the place of the one of that name, or at the end.
func set(n *document.Node, name string, value *document.Node) {
	for i, m := range n.Members {
		if m.Name == name {
			n.Members[i].Value = value
			return
		}
	}
	n.Members = append(n.Members, document.Member{Name: name, Value: value})
}
