package faults

import (
	"net/textproto"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// key is a compiled [Selection.Key]: what the exchanges that are counted together have in common.
type key struct {
	of   keySource
	name string // of the header field or the query parameter
}

type keySource int

const (
	ofRule keySource = iota // one count for all
	ofClient
	ofConnection
	ofHeader
	ofQuery
)

func parseKey(text string) (key, error) {
	of, name, _ := strings.Cut(text, ":")
	switch {
	case text == "" || text == "rule":
		return key{of: ofRule}, nil
	case text == "client":
		return key{of: ofClient}, nil
	case text == "connection":
		return key{of: ofConnection}, nil
	case of == "header" && isToken(name) && !strings.EqualFold(name, "host"):
		return key{ofHeader, textproto.CanonicalMIMEHeaderKey(name)}, nil
	case of == "query" && name != "" && len(name) <= MaxPattern:
		return key{ofQuery, name}, nil
	}
	return key{}, document.Errorf(
		"key", `%q is not one of "rule", "client", "connection", "header:NAME", "query:NAME"`, clip(text),
	)
}

// hash adds an exchange's key to a rule's hash. It is hashKey of the key's text, without making the text: the address,
// the connection's number, the values joined by commas, or nothing.
func (k key) hash(rule uint64, v *View) uint64 {
	var room [64]byte
	h := rule
	switch k.of {
	case ofClient:
		h = addText(h, v.source().AppendTo(room[:0]))
	case ofConnection:
		h = addText(h, strconv.AppendUint(room[:0], v.Connection, 10))
	case ofHeader:
		for i, line := range fieldLines(v.Header, k.name) {
			if i > 0 {
				h = addText(h, ",")
			}
			h = addText(h, line)
		}
	case ofQuery:
		value, rest, found := cutParameter(v.RawQuery, k.name)
		for first := true; found; value, rest, found = cutParameter(rest, k.name) {
			if !first {
				h = addText(h, ",")
			}
			h, first = addText(h, value), false
		}
	}
	return addEnd(h)
}
