package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Kind says what a [Node] holds.
type Kind int

// The kinds of JSON's data model, which the YAML that we read shares.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// String names the kind with its article, as reasons need it: "want a string, got a number".
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case List:
		return "a list"
	case Object:
		return "an object"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Node is one value of a document with its place. A tree that was handed out is not changed any more.
type Node struct {
	Kind    Kind
	Text    string   // of a String: its value; of a Number: the JSON literal as written
	Bool    bool     // of a Bool
	Members []Member // of an Object: in order, no name twice
	Items   []*Node  // of a List
	// Line and Column say where the value starts, counted in lines and characters from 1; 0 = unknown.
	Line, Column int
}

// Member is one name of an object with its value; its place is that of the name.
type Member struct {
	Name         string
	Value        *Node
	Line, Column int
}

// Get returns the member of that name, or nil when there is none or n is no object. It may be called on nil.
func (n *Node) Get(name string) *Node {
	if n == nil || n.Kind != Object {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Name == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// MarshalJSON writes n as compact JSON: members in their order, numbers as they were written, and none of <, >, & escaped.
// It fails only for a Number whose Text is not JSON's.
func (n *Node) MarshalJSON() ([]byte, error) {
	var w writer
	w.strings = json.NewEncoder(&w.Buffer)
	w.strings.SetEscapeHTML(false)
	if err := w.node(n); err != nil {
		return nil, err
	}
	return w.Bytes(), nil
}

// writer collects the JSON of a tree.
type writer struct {
	bytes.Buffer
	strings *json.Encoder // writes into Buffer
}

func (w *writer) node(n *Node) error {
	if n == nil {
		w.WriteString("null")
		return nil
	}
	switch n.Kind {
	case Bool:
		w.WriteString(strconv.FormatBool(n.Bool))
	case Number:
		if !isNumber(n.Text) {
			return fmt.Errorf("document: %s is not a JSON number", quote(n.Text))
		}
		w.WriteString(n.Text)
	case String:
		return w.string(n.Text)
	case List:
		return w.list(n.Items)
	case Object:
		return w.object(n.Members)
	default:
		w.WriteString("null")
	}
	return nil
}

func (w *writer) list(items []*Node) error {
	w.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			w.WriteByte(',')
		}
		if err := w.node(item); err != nil {
			return err
		}
	}
	w.WriteByte(']')
	return nil
}

func (w *writer) object(members []Member) error {
	w.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			w.WriteByte(',')
		}
		if err := w.string(m.Name); err != nil {
			return err
		}
		w.WriteByte(':')
		if err := w.node(m.Value); err != nil {
			return err
		}
	}
	w.WriteByte('}')
	return nil
}

func (w *writer) string(s string) error {
	if err := w.strings.Encode(s); err != nil {
		return err
	}
	w.Truncate(w.Len() - 1) // the newline that Encode adds
	return nil
}
