package imports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// place is a value of a document, and where it stands; its node is nil where there is none.
type place struct {
	node    *document.Node
	parent  *place
	element string // of the path, in the parent
}

// get gives the member of a name, in the spelling of protocol buffers (fixed_delay) or in that of their JSON (fixedDelay).
func (p place) get(name string) place {
	if p.node != nil && p.node.Kind == document.Object {
		for _, m := range p.node.Members {
			if folded(m.Name) == folded(name) {
				return place{m.Value, &p, m.Name}
			}
		}
	}
	return place{parent: &p, element: name}
}

// folded is a name without what differs between spellings.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func isAmong(name string, known []string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return folded(k) == folded(name) })
}

// items are those of a list.
func (p place) items() []place {
	if p.node == nil || p.node.Kind != document.List {
		return nil
	}
	items := make([]place, len(p.node.Items))
	for i, item := range p.node.Items {
		items[i] = place{item, &p, fmt.Sprintf("[%d]", i)}
	}
	return items
}

// members are those of an object, in order.
func (p place) members() []place {
	if p.node == nil || p.node.Kind != document.Object {
		return nil
	}
	members := make([]place, len(p.node.Members))
	for i, m := range p.node.Members {
		members[i] = place{m.Value, &p, m.Name}
	}
	return members
}

// text is a string or a number as it is written; "" for anything else.
func (p place) text() string {
	if p.node == nil || p.node.Kind != document.String && p.node.Kind != document.Number {
		return ""
	}
	return p.node.Text
}

// isTrue reports whether it is the word true.
func (p place) isTrue() bool { return p.node != nil && p.node.Kind == document.Bool && p.node.Bool }

// there reports whether there is a value.
func (p place) there() bool { return p.node != nil && p.node.Kind != document.Null }

// refuse puts the place to a refusal.
func (p place) refuse(e *document.Error) *document.Error {
	if p.node != nil {
		e.Line, e.Column = p.node.Line, p.node.Column
	}
	for at := &p; at.parent != nil; at = at.parent {
		if e.Line == 0 && at.parent.node != nil {
			e.Line, e.Column = at.parent.node.Line, at.parent.node.Column
		}
		e = document.At(e, at.element).(*document.Error)
	}
	return e
}
