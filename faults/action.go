package faults

import (
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

	// GRPC is what a gRPC call gets instead, see [Answer.ForGRPC]; nil = what Status stands for.
	GRPC *GRPCStatus
}

// Hold ends the exchange with silence: nothing is sent for a time (0 = until the client leaves), then the connection
// is closed.
type Hold struct{ For time.Duration }

// How says with what a connection ends.
type How int

// The ways.
const (
	EndClose How = iota // FIN
	EndReset            // RST
	EndHang             // silence until the client leaves
)

// End ends the exchange on the wire, without a whole reply: first Raw goes out as it is (nil = nothing), or, with Body,
// the reply's head and the first bytes of its body; then the connection ends. What went out before does arrive, also
// before an RST. In phase before the upstream is never contacted; in phase after its reply is dropped, unless Body is set.
//
// Of a body that is sent in chunks whole chunks arrive, and never the last one. A body whose length is known to be
// within Bytes arrives whole: EndReset then follows all the same, while with the other ways nothing would be cut, so the
// executor withdraws the rule (see [Plan.Withdraw]). It withdraws it, too, where there is no body to cut (HEAD, 204, 304,
// 101), and where Fraction meets a body of unknown length. The head of a reply that is cut carries [AttributionHeader].
type End struct {
	How      How
	Raw      []byte  // sent instead of a reply; not with Body
	Body     bool    // phase after: the reply's head and so much of its body arrive first
	Bytes    int64   // of the body, as sent to the client without its framing
	Fraction float64 // instead of Bytes, where > 0: of a body whose length is known (0 < f < 1), rounded down
}

// Cut gives how many bytes of a reply's body arrive before the end; length is the body's, -1 where it is not known. ok
// is false where the rule is to be withdrawn.
func (e End) Cut(length int64) (bytes int64, ok bool) {
	if e.Fraction > 0 {
		if length < 0 {
			return 0, false
		}
		e.Bytes = int64(e.Fraction * float64(length))
	}
	return e.Bytes, length < 0 || e.Bytes < length || e.How == EndReset
}

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

func (Wait) action()   {}
func (Answer) action() {}
func (Hold) action()   {}
func (End) action()    {}
func (Header) action() {}
func (Pace) action()   {}
func (Pieces) action() {}
func (Flip) action()   {}

// Ends reports whether an action ends the exchange, so that no rule behind it is decided.
func Ends(a Action) bool {
	switch a.(type) {
	case Answer, Hold, End, Certificate, Alert:
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

// ServerTimingHeader names the header field that tells a browser's developer tools how long squall took for an answer of ours
// (W3C Server Timing).
const ServerTimingHeader = "Server-Timing"

// ServerTiming is what stands in [ServerTimingHeader] for a decision that was answered so long after the exchange began, in
// milliseconds: `squall;desc="abort";dur=300.2`.
func ServerTiming(d Decision, after time.Duration) string {
	return `squall;desc="` + d.Kind + `";dur=` + strconv.FormatFloat(float64(after)/float64(time.Millisecond), 'f', 1, 64)
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
