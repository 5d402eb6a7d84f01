package faults

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Layer says what a kind acts on.
type Layer string

// The layers.
const (
	HTTP Layer = "http"
	TCP  Layer = "tcp"
	TLS  Layer = "tls"
)

// Attributes are the typed settings of one kind: a pointer to the kind's struct.
type Attributes interface {
	// check reports the first setting out of bounds, naming it.
	check(phase Phase) error
}

// decider is what the attributes of a kind with phases are; those of the others are toxics.
type decider interface {
	// decide turns a hit into what has to be done.
	decide(hit hit) Action
}

// particular is what the attributes of kinds are that are about some exchanges only, whatever the rule matches.
type particular interface {
	concerns(method string, header Fields) bool
}

// hit is what a kind may use to shape its action: chance beyond the hit itself, and the time.
type hit struct {
	hash, seed, n uint64
	phase         Phase
	now           time.Time
	since         time.Duration // how long the exchange has lasted
	verdict       verdict       // of a gate
}

// draw gives a number in [0, 1); i counts a kind's draws from 1.
func (h hit) draw(i uint32) float64 { return rollFrom(h.hash, h.seed, h.n, i) }

// Kind describes one kind of fault: a row of the reference.
type Kind struct {
	Name      string
	Layer     Layer
	Main      string // the attribute that the short form sets; "" = none
	Summary   string
	phases    []Phase           // the default first; none = a toxic, which acts on a stream
	construct func() Attributes // nil: known by name, not available in this version
}

// Available reports whether this version carries the kind out.
func (k Kind) Available() bool { return k.construct != nil }

// LayerOf gives the layer of a kind; "" if there is none of that name.
func LayerOf(kind string) Layer {
	for _, k := range kinds {
		if k.Name == kind {
			return k.Layer
		}
	}
	return ""
}

// KindOf finds the kind that attributes are of.
func KindOf(attributes Attributes) (Kind, bool) {
	for _, k := range kinds {
		if k.Available() && reflect.TypeOf(k.construct()) == reflect.TypeOf(attributes) {
			return k, true
		}
	}
	return Kind{}, false
}

// Phases lists when the kind can act, the default first.
func (k Kind) Phases() []Phase { return slices.Clone(k.phases) }

// New makes the kind's attributes with their defaults, ready to be decoded into; nil if the kind is not available.
func (k Kind) New() Attributes {
	if !k.Available() {
		return nil
	}
	return k.construct()
}

// Kinds lists every kind, in the order of the reference.
func Kinds() []Kind { return slices.Clone(kinds[:]) }

var (
	beforeOnly  = []Phase{Before}
	afterOnly   = []Phase{After}
	beforeAfter = []Phase{Before, After}
	afterBefore = []Phase{After, Before}

	handshakeOnly = []Phase{Handshake}
)

// kinds is the one table of what can go wrong. A new kind is one file and one row.
var kinds = [...]Kind{
	{"delay", HTTP, "latency", "holds the request or the reply for a time", beforeAfter, newDelay},
	{"abort", HTTP, "status", "answers with an error instead of the upstream", beforeAfter, newAbort},
	{"degrade", HTTP, "body", "replaces or edits the reply's body", afterBefore, newDegrade},
	{"corrupt", HTTP, "bytes", "flips bytes of a body, its length kept", afterBefore, newCorrupt},
	{"truncate", HTTP, "after", "cuts the reply's body short", afterOnly, newTruncate},
	{"throttle", HTTP, "rate", "slows a body down to a rate", beforeOnly, newThrottle},
	{"drip", HTTP, "chunk", "sends the body in small pieces", afterOnly, newDrip},
	{"reset", HTTP, "at", "ends the connection with a TCP reset", beforeAfter, newReset},
	{"empty", HTTP, "", "closes the connection without a byte of answer", beforeAfter, newEmpty},
	{"malformed", HTTP, "as", "answers with bytes that are no HTTP", beforeOnly, newMalformed},
	{"blackhole", HTTP, "for", "accepts and never answers", beforeAfter, newBlackhole},
	{"rate_limit", HTTP, "rate", "refuses or paces what comes too often", beforeOnly, newRateLimit},
	{"concurrency", HTTP, "max", "makes the upstream's capacity small", beforeOnly, newConcurrency},
	{"headers", HTTP, "", "changes header fields", beforeAfter, newHeaders},
	{"duplicate", HTTP, "times", "sends the request to the upstream again", beforeOnly, newDuplicate},
	{"goaway", HTTP, "", "asks the client to leave the connection", beforeOnly, newGoaway},
	{"trailers", HTTP, "", "drops or sets trailer fields", afterOnly, newTrailers},
	{"websocket", HTTP, "", "refuses, delays or cuts a WebSocket", beforeOnly, newWebSocket},
	{"tls", TLS, "as", "fails the TLS handshake", handshakeOnly, newTLSFault},
	{"latency", TCP, "latency", "delays data", nil, newLatency},
	{"bandwidth", TCP, "rate", "slows data down to a rate", nil, newBandwidth},
	{"slow_close", TCP, "delay", "delays the end of a stream", nil, newSlowClose},
	{"timeout", TCP, "timeout", "loses all data, then closes", nil, newTimeout},
	{"reset_peer", TCP, "timeout", "resets the connection", nil, newResetPeer},
	{"slicer", TCP, "average_size", "cuts data into small pieces", nil, newSlicer},
	{"limit_data", TCP, "bytes", "closes after so many bytes", nil, newLimitData},
	{"noop", TCP, "", "does nothing", nil, newNoop},
	{"limit_time", TCP, "after", "closes after a time, also under traffic", nil, newLimitTime},
	{"stall", TCP, "every", "pauses now and then, no data lost", nil, newStall},
	{"connect", TCP, "as", "refuses, delays or hangs the connection", beforeOnly, newConnect},
}

// lookup finds an available kind.
func lookup(name string) (Kind, error) {
	if name == "" {
		return Kind{}, document.Errorf("kind", "missing: want one of %s", availableKinds())
	}
	for _, k := range kinds {
		switch {
		case k.Name != name:
		case !k.Available():
			return Kind{}, document.Errorf("kind", "%q is %s: want one of %s", name, later, availableKinds())
		default:
			return k, nil
		}
	}
	refusal := document.Errorf("kind", "unknown kind %q: want one of %s", clip(name), availableKinds())
	refusal.DidYouMean = document.Nearest(name, kindNames())
	return Kind{}, refusal
}

func isKind(name string) bool {
	return slices.ContainsFunc(kinds[:], func(k Kind) bool { return k.Name == name })
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return names
}

func availableKinds() string {
	var names []string
	for _, k := range kinds {
		if k.Available() {
			names = append(names, k.Name)
		}
	}
	return strings.Join(names, ", ")
}

func (k Kind) checkPhase(phase Phase) error {
	if len(k.phases) == 0 && phase != "" {
		return document.Errorf("phase", "%s acts on a stream: want stream downstream or upstream, and no phase", k.Name)
	}
	if len(k.phases) == 0 {
		return nil
	}
	if slices.Contains(k.phases, phase) {
		return nil
	}
	names := make([]string, len(k.phases))
	for i, known := range k.phases {
		names[i] = string(known)
	}
	return document.Errorf("phase", "%s acts in phase %s, not %q", k.Name, strings.Join(names, " or "), clip(string(phase)))
}

// defaultPhase is the phase of a rule that names none: the kind's, unless its attributes make sense in another one only.
func (k Kind) defaultPhase(attributes Attributes) Phase {
	if special, ok := attributes.(interface{ implies() Phase }); ok {
		if phase := special.implies(); phase != "" {
			return phase
		}
	}
	if len(k.phases) == 0 {
		return ""
	}
	return k.phases[0]
}

// shapes reports whether the kind acts on the bytes of a TCP stream.
func (k Kind) shapes() bool { return k.Layer == TCP && len(k.phases) == 0 }

// checkStream refuses a direction that is none, or that the kind does not have.
func (k Kind) checkStream(stream Stream) error {
	switch {
	case !k.shapes() && stream != "":
		return document.Errorf("stream", "%s has none: it does not act on one direction of a TCP connection", k.Name)
	case k.shapes() && stream != Downstream && stream != Upstream:
		return document.Errorf("stream", "want downstream or upstream, got %q", clip(string(stream)))
	}
	return nil
}

// check refuses attributes that are not the kind's own, or out of bounds.
func (k Kind) check(attributes Attributes, phase Phase) error {
	own := k.construct()
	if reflect.TypeOf(attributes) != reflect.TypeOf(own) || reflect.ValueOf(attributes).IsNil() {
		return document.Errorf("", "want a %T, got %T", own, attributes)
	}
	return attributes.check(phase)
}
