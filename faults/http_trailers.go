package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Trailers changes the fields behind a reply's body: first Drop, then Set. In HTTP/1.1 they stand behind chunked bodies
// only: with Set a body of known length becomes a chunked one. Where no trailers can be, or none could be dropped (a client of
// HTTP/1.0, a reply without a body, Drop alone and a body that is not chunked), the rule has not hit.
type Trailers struct {
	Drop *Names            `json:"drop,omitempty"` // names, or "all"
	Set  map[string]string `json:"set,omitempty"`  // names and values
}

// Names are fields: those listed, or all of them. Documents write a list, or "all".
type Names struct {
	All  bool
	List []string // instead of All
}

// DecodeDocument reads "all", or a list of names.
func (f *Names) DecodeDocument(n *document.Node) error {
	*f = Names{}
	if n.Kind == document.String {
		if f.All = n.Text == "all"; !f.All {
			return document.Errorf("", `want "all" or a list of names, got %q`, clip(n.Text))
		}
		return nil
	}
	return document.Decode(n, &f.List)
}

// MarshalJSON writes "all", or the list.
func (f Names) MarshalJSON() ([]byte, error) {
	if f.All {
		return json.Marshal("all")
	}
	return json.Marshal(f.List)
}

// notTrailers lists what is evaluated before a body is read, so that it must not stand behind it (RFC 9110, 6.5.1):
// fields of framing and routing are refused everywhere, these are the modifiers, the authentication and what describes
// the content.
var notTrailers = []string{
	"age", "authorization", "cache-control", "content-encoding", "content-range", "content-type", "date", "expect",
	"expires", "location", "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "retry-after",
	"set-cookie", "vary", "www-authenticate",
}

func newTrailers() Attributes { return &Trailers{} }

func (t *Trailers) check(Phase) error {
	if t.Drop == nil && len(t.Set) == 0 {
		return document.Errorf("", "want drop, set, or both")
	}
	if err := t.Drop.check(); err != nil {
		return document.At(err, "drop")
	}
	if err := checkFields(t.Set); err != nil {
		return document.At(err, "set")
	}
	for _, name := range sortedNames(t.Set) {
		if slices.Contains(notTrailers, strings.ToLower(name)) {
			return document.At(document.At(document.Errorf("", "%s means nothing behind a body", name), name), "set")
		}
	}
	return nil
}

func (f *Names) check() error {
	switch {
	case f == nil || f.All && f.List == nil:
		return nil
	case f.All:
		return document.Errorf("", "want all or a list, not both")
	case len(f.List) == 0:
		return document.Errorf("", `want names, or "all"`)
	}
	for i, name := range f.List {
		if err := checkFieldName(name); err != nil {
			return document.At(err, fmt.Sprintf("[%d]", i))
		}
	}
	return nil
}

func (t *Trailers) decide(hit) Action {
	action := Trailer{Set: sortedFields(t.Set)}
	if t.Drop != nil {
		action.DropAll, action.Drop = t.Drop.All, slices.Clone(t.Drop.List)
	}
	return action
}
