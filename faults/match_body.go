package faults

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxMatchBody is how large a request's body may be for conditions to look into it, in bytes. None holds for a larger one.
const MaxMatchBody = 64 << 10

// BodyMatch are conditions on a request's JSON body: JSON pointers (RFC 6901; "" is the whole body), and what must stand
// there. Values are compared as RFC 6902, 4.6 says: numbers by what they are worth (1 and 1.0 are equal), objects in any
// order. Of a name that an object has twice the last counts. None holds for a body that is not JSON as it is sent, such as
// one that is compressed, that is larger than 64 KiB ([MaxMatchBody]), or that is gRPC's.
type BodyMatch map[string]*document.Node

// DecodeDocument reads the conditions.
func (b *BodyMatch) DecodeDocument(n *document.Node) error {
	type plain BodyMatch
	*b = nil
	if err := document.Decode(n, (*plain)(b)); err != nil {
		return err
	}
	for pointer, value := range *b {
		(*b)[pointer] = unplaced(value)
	}
	return nil
}

func (b BodyMatch) validate() error {
	if err := checkList(b != nil, len(b)); err != nil {
		return err
	}
	for _, pointer := range sortedNames(b) {
		_, err := parsePointer(pointer)
		if err == nil && b[pointer] == nil {
			err = document.Errorf("", "missing: want the value that must stand there")
		}
		if err != nil {
			return document.At(err, pointer)
		}
	}
	return nil
}

// weight is what the conditions count towards [MaxWeight]: each value that is looked for is a way through the body, which
// takes up to 0.5 ms.
func (b BodyMatch) weight() int {
	weight := 0
	for _, value := range b {
		if value != nil {
			weight += 6 * values(value)
		}
	}
	return weight
}

// values counts the values of a document.
func values(n *document.Node) int {
	count := 1
	for _, item := range n.Items {
		count += values(item)
	}
	for _, m := range n.Members {
		count += values(m.Value)
	}
	return count
}

// bodyTest is a compiled condition.
type bodyTest struct {
	pointer []string
	want    *document.Node
}

func (b BodyMatch) compile() ([]bodyTest, error) {
	var compiled []bodyTest
	for _, pointer := range sortedNames(b) {
		path, err := parsePointer(pointer)
		if err != nil || b[pointer] == nil {
			return nil, fmt.Errorf("%q: not a JSON pointer with a value", clip(pointer))
		}
		compiled = append(compiled, bodyTest{path, b[pointer]})
	}
	return compiled, nil
}

// readBody gives the JSON value that a body is; nil if it is none, or too large.
func readBody(body []byte) []byte {
	if len(body) > MaxMatchBody || !json.Valid(body) {
		return nil
	}
	value, _ := cutValue(skip(body, ' '))
	return value
}

// matchBody reports whether all conditions hold for a body.
func matchBody(wanted []bodyTest, body []byte) bool {
	for _, want := range wanted {
		if body == nil {
			return false
		}
		value, found := find(body, want.pointer)
		if !found || !equalJSON(value, want.want) {
			return false
		}
	}
	return true
}

// parsePointer reads a JSON pointer (RFC 6901) of at most [MaxPattern] bytes.
func parsePointer(text string) ([]string, error) {
	switch {
	case text == "":
		return nil, nil
	case len(text) > MaxPattern:
		return nil, document.Errorf("", "a JSON pointer has at most %d bytes, got %d", MaxPattern, len(text))
	case text[0] != '/':
		return nil, document.Errorf("", `%q is not a JSON pointer: want one such as "/items/0/id"`, clip(text))
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(token), "~") {
			return nil, document.Errorf("", "%q is not a JSON pointer: ~ is written ~0, and / in a name ~1", clip(text))
		}
		tokens[i] = strings.NewReplacer("~0", "~", "~1", "/").Replace(token)
	}
	return tokens, nil
}
