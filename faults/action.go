package faults

import (
	"encoding/json"
	"strconv"
	"time"
)

// Action is one thing that an executor has to do to an exchange. Actions are plain data: two equal ones mean the same
// on every protocol.
type Action interface{ action() }

// Wait holds the exchange for a time, less if the client leaves.
type Wait struct{ For time.Duration }

// Answer ends the exchange with a reply of ours. In phase before the upstream is never contacted; in phase after its
// reply is dropped.
type Answer struct {
	Status      int
	Header      []Field // without the content type
	ContentType string  // "" = none
	Body        []byte
	KeepHeader  bool // phase after: the upstream's header fields stay, except those that describe its body
}

// Hold ends the exchange with silence: nothing is sent for a time (0 = until the client leaves), then the connection
// is closed.
type Hold struct{ For time.Duration }

// Header changes header fields of the request on its way out, of the reply on its way back, or of both.
type Header struct{ Request, Response Edit }

// Edit changes header fields: first Remove, then Set, then Add.
type Edit struct {
	Set    []Field
	Add    []Field
	Remove []string
}

// Empty reports that the edit changes nothing.
func (e Edit) Empty() bool { return len(e.Set)+len(e.Add)+len(e.Remove) == 0 }

// Field is one header field.
type Field struct{ Name, Value string }

// Body changes the whole body of the reply; see [Body.Apply].
type Body struct {
	Replace     []byte          // the new body, when not nil
	ContentType string          // of the new body; "" = as it was
	Merge       json.RawMessage // an RFC 7396 merge patch for a JSON body, when not nil
	Header      []Field         // set on the reply; without the content type
	Otherwise   *Answer         // the answer when the body cannot be changed; nil = it passes as it came
}

func (Wait) action()   {}
func (Answer) action() {}
func (Hold) action()   {}
func (Header) action() {}
func (Body) action()   {}

// Ends reports whether an action ends the exchange, so that no rule behind it is decided.
func Ends(a Action) bool {
	switch a.(type) {
	case Answer, Hold:
		return true
	}
	return false
}

// AttributionHeader names the header field that marks an answer of ours, so that nobody takes it for a real one.
const AttributionHeader = "X-Squall-Fault"

// Attribution is the value of [AttributionHeader] for a decision: "rule=slow; kind=abort; n=3".
func Attribution(d Decision) string {
	return "rule=" + headerWord(d.Rule) + "; kind=" + d.Kind + "; n=" + strconv.FormatUint(d.N, 10)
}

// headerWord writes a rule's name so that it cannot break the header field: as it is if it is made of plain characters,
// else quoted as Go quotes, so that [strconv.Unquote] reads it.
func headerWord(name string) string {
	if name == "" {
		return `""`
	}
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c > '~' || c == ';' || c == '"' || c == '\\' || c == '=' {
			return strconv.QuoteToASCII(name)
		}
	}
	return name
}
