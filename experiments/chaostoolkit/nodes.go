package chaostoolkit

import (
	"errors"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

func text(s string) *document.Node { return &document.Node{Kind: document.String, Text: s} }

func list(items ...*document.Node) *document.Node {
	return &document.Node{Kind: document.List, Items: items}
}

// object makes an object of names and values; a nil value is left out.
func object(pairs ...any) *document.Node {
	n := &document.Node{Kind: document.Object}
	for i := 0; i+1 < len(pairs); i += 2 {
		put(n, pairs[i].(string), pairs[i+1].(*document.Node))
	}
	return n
}

// put adds a member; nil is none.
func put(n *document.Node, name string, value *document.Node) {
	if value != nil {
		n.Members = append(n.Members, document.Member{Name: name, Value: value})
	}
}

// under puts a path before the field of a refusal.
func under(err error, path string) error {
	var refusal *document.Error
	if !errors.As(err, &refusal) {
		return document.Errorf(path, "%v", err)
	}
	whole := *refusal
	if whole.Field = path; refusal.Field != "" {
		whole.Field += "." + refusal.Field
	}
	return &whole
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// span writes a time as files have it.
func span(d time.Duration) *document.Node { return text(d.String()) }

// pause is a step that waits, unless there is nothing to wait for.
func pause(d time.Duration) []*document.Node {
	if d == 0 {
		return nil
	}
	return []*document.Node{object("pause", span(d))}
}

// seconds reads a number of seconds, or a list of them, which is summed up (the times to connect and to read).
func seconds(n *document.Node, field string) (time.Duration, error) {
	if n == nil {
		return 0, nil
	}
	if n.Kind == document.List {
		var sum time.Duration
		for i, item := range n.Items {
			d, err := seconds(item, field+index(i))
			if err != nil {
				return 0, err
			}
			sum += d
		}
		return sum, nil
	}
	value, err := strconv.ParseFloat(n.Text, 64)
	if n.Kind != document.Number || err != nil || value < 0 || value > 1e6 {
		return 0, document.Errorf(field, "want a number of seconds, got %s", n.Kind)
	}
	return time.Duration(value * float64(time.Second)).Round(time.Millisecond), nil
}
