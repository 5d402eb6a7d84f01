package faults

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxPatch bounds the operations of a patch: each is a way through the whole body.
const MaxPatch = 100

// operation is one of a JSON patch (RFC 6902, 4).
type operation struct {
	op         string
	path, from []string
	text       []byte         // the value
	value      *document.Node // of test
}

// operations lists them with the members that each needs beside op and path.
var operations = map[string]string{
	"add": "value", "remove": "", "replace": "value", "move": "from", "copy": "from", "test": "value",
}

// parsePatch reads a JSON patch. Members that RFC 6902 has ignored are refused here: they are slips of the pen.
func parsePatch(n *document.Node) ([]operation, error) {
	switch {
	case n.Kind != document.List:
		return nil, document.Errorf("", `want a list of operations such as {"op": "remove", "path": "/id"}, got %s`, n.Kind)
	case len(n.Items) == 0 || len(n.Items) > MaxPatch:
		return nil, document.Errorf("", "want 1 to %d operations, got %d", MaxPatch, len(n.Items))
	}
	patch := make([]operation, len(n.Items))
	for i, item := range n.Items {
		if err := patch[i].parse(item); err != nil {
			return nil, document.At(err, fmt.Sprintf("[%d]", i))
		}
	}
	return patch, nil
}

func (o *operation) parse(n *document.Node) error {
	var given struct {
		Op    string         `json:"op"`
		Path  *string        `json:"path"`
		From  *string        `json:"from"`
		Value *document.Node `json:"value"`
	}
	if err := document.Decode(n, &given); err != nil {
		return err
	}
	needs, known := operations[given.Op]
	switch {
	case !known:
		refusal := document.Errorf("op", "want add, remove, replace, move, copy or test, got %q", clip(given.Op))
		refusal.DidYouMean = document.Nearest(given.Op, sortedNames(operations))
		return refusal
	case given.Path == nil:
		return document.Errorf("path", "missing: want a JSON pointer")
	case (needs == "value") != (n.Get("value") != nil):
		return document.Errorf("value", "add, replace and test have one, the others do not")
	case (needs == "from") != (given.From != nil):
		return document.Errorf("from", "move and copy have one, the others do not")
	}
	o.op = given.Op
	var err error
	if o.path, err = parsePointer(*given.Path); err != nil {
		return document.At(err, "path")
	}
	if given.From != nil {
		if o.from, err = parsePointer(*given.From); err != nil {
			return document.At(err, "from")
		}
	}
	if needs == "value" {
		o.value = n.Get("value")
		o.text, _ = o.value.MarshalJSON() // a parsed document always marshals
	}
	switch {
	case o.op == "remove" && len(o.path) == 0:
		return document.Errorf("path", "the whole body cannot be taken away")
	case o.op == "move" && len(o.from) < len(o.path) && slices.Equal(o.from, o.path[:len(o.from)]):
		return document.Errorf("from", "nothing can be moved into itself")
	}
	return nil
}

// applyPatch gives the text that the operations make of one, and whether it is another one. It takes two texts beside the
// first one, and a value that is moved; none is longer than [MaxDegradeBody].
func applyPatch(text []byte, patch []operation) (patched []byte, changed bool, err error) {
	var spare []byte
	for i, o := range patch {
		e, err := o.apply(text, spare[:0])
		if err != nil {
			return nil, false, fmt.Errorf("patch[%d]: %s: %w", i, o.op, err)
		}
		if !e.changed {
			continue
		}
		if changed { // else it is the text that came, which may be needed again
			spare = text
		}
		text, changed = e.out, true
	}
	return text, changed, nil
}

var (
	errNowhere = errors.New("there is no such place in the body")
	errAnother = errors.New("another value is there")
)

// apply makes one operation; what it writes goes into room.
func (o *operation) apply(text, room []byte) (*editor, error) {
	value := o.text
	if operations[o.op] == "from" {
		var ok bool
		if value, ok = find(text, o.from); !ok {
			return nil, errNowhere
		}
	}
	switch o.op {
	case "test":
		if at, ok := find(text, o.path); !ok || !equalJSON(at, o.value) {
			return nil, errAnother
		}
		return &editor{}, nil
	case "remove":
		return made(edit(text, room, changeAt(change{drop: true}, o.path)))
	case "replace":
		return made(edit(text, room, changeAt(change{text: value}, o.path)))
	case "move":
		if slices.Equal(o.from, o.path) {
			return &editor{}, nil
		}
		value = bytes.Clone(value)
		without, err := edit(text, nil, changeAt(change{drop: true}, o.from))
		if err != nil {
			return nil, err
		}
		text = without.out
		e, err := made(edit(text, room, changeAt(change{text: value, fresh: value}, o.path)))
		if err == nil {
			e.changed = true // taken away it was in any case
		}
		return e, err
	}
	return made(edit(text, room, changeAt(change{text: value, fresh: value}, o.path)))
}

// made turns an operation that found no place into an error.
func made(e *editor, err error) (*editor, error) {
	if err == nil && !e.found {
		err = errNowhere
	}
	return e, err
}
