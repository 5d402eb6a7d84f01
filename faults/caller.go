package faults

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Caller lets those who call a proxy ask for faults in their requests, by the header fields of Envoy's fault filter
// ("Controlling fault injection via HTTP headers"). They act as rules ahead of all others, named caller/delay, caller/abort
// and caller/throttle, in this order:
//
//	x-envoy-fault-delay-request          milliseconds; 0 is no delay
//	x-envoy-fault-abort-request          a status, 200 to 599; it beats
//	x-envoy-fault-abort-grpc-request     a gRPC status, 0 to 16; the status of HTTP is 200
//	x-envoy-fault-throughput-response    KiB (1,024 bytes) of the reply's body per second, more than 0
//
// With each of them a field of the same name and -percentage (of the two aborts: x-envoy-fault-abort-request-percentage, or
// x-envoy-fault-abort-percentage) lowers the percentage, in whole percents. Of a field that stands there more than once
// the first line counts. What is no whole number, or out of range, is as if it was not there. The fields go on to the
// upstream, as through Envoy.
type Caller struct {
	Kinds     []string `json:"kinds"`      // what may be asked for, one or more of "delay", "abort", "throttle"; default all
	Percent   float64  `json:"percent"`    // of the exchanges that ask; a field can lower it, never raise it; default 100
	MaxActive uint64   `json:"max_active"` // exchanges under way that are hit, by whatever they asked for; default 100
	MaxDelay  Duration `json:"max_delay"`  // what asks for a longer delay gets this; default and at most 24h
}

// callerKinds are the kinds that callers may ask for, in the order in which they are decided.
var callerKinds = [...]string{"delay", "abort", "throttle"}

// DecodeDocument reads true, which stands for the defaults, false, which gives the zero Caller, or an object.
func (c *Caller) DecodeDocument(n *document.Node) error {
	if n.Kind == document.Bool && !n.Bool {
		*c = Caller{}
		return nil
	}
	*c = Caller{Kinds: slices.Clone(callerKinds[:]), Percent: 100, MaxActive: 100, MaxDelay: MaxDuration}
	switch n.Kind {
	case document.Bool:
		return nil
	case document.Object:
		type plain Caller
		if err := document.Decode(n, (*plain)(c)); err != nil {
			return err
		}
		return c.Validate()
	}
	return document.Errorf("", "want true, false or an object, got %s", n.Kind)
}

// Off reports that callers may ask for nothing.
func (c *Caller) Off() bool { return c == nil || len(c.Kinds) == 0 }

// Validate reports the first thing wrong, as a [document.Error] that names the field.
func (c *Caller) Validate() error {
	if c.Off() {
		return document.Errorf("kinds", "want one or more of %s: false switches them all off", strings.Join(callerKinds[:], ", "))
	}
	for i, kind := range c.Kinds {
		field := "kinds[" + strconv.Itoa(i) + "]"
		switch {
		case !slices.Contains(callerKinds[:], kind):
			return document.Errorf(field, "want one of %s, got %q", strings.Join(callerKinds[:], ", "), clip(kind))
		case slices.Contains(c.Kinds[:i], kind):
			return document.Errorf(field, "%s is given twice", kind)
		}
	}
	switch {
	case c.MaxActive < 1 || c.MaxActive > MaxCount:
		return document.Errorf("max_active", "must be 1 to %d, got %d", uint64(MaxCount), c.MaxActive)
	case c.MaxDelay <= 0 || c.MaxDelay > MaxDuration:
		return document.Errorf("max_delay", "must be more than 0s and at most %v, got %v", MaxDuration, c.MaxDelay)
	}
	return document.At(checkPercent(c.Percent), "percent")
}

// CallerEntry is what the callers of one proxy may ask for, with its counters.
type CallerEntry struct {
	Caller   Caller
	Proxy    string
	Counters *CallerCounters // nil = new ones of the Set's own
}

// CallerCounters are the counters of the rules for callers of one proxy. They outlive the Sets they are compiled into.
// Make them with NewCallerCounters; all methods may be called concurrently.
type CallerCounters struct {
	counters [len(callerKinds)]*Counter
	active   atomic.Uint64 // exchanges that are hit, by one of the rules or more
}

// NewCallerCounters makes counters at zero.
func NewCallerCounters() *CallerCounters {
	c := &CallerCounters{}
	for i := range c.counters {
		c.counters[i] = NewCounter()
	}
	return c
}

// Of gives the counter of a rule for callers, such as caller/delay; nil if there is none of that name.
func (c *CallerCounters) Of(name string) *Counter {
	for i, kind := range callerKinds {
		if name == callerName(kind) {
			return c.counters[i]
		}
	}
	return nil
}

// callerName names a rule for callers. No rule of a user has a slash in its name.
func callerName(kind string) string { return "caller/" + kind }

// asking is what a rule for callers knows beyond a rule.
type asking struct {
	Caller
	counters *CallerCounters
}

// compile makes the rules for callers.
func (e *CallerEntry) compile() []*rule {
	if e == nil {
		return nil
	}
	own := &asking{e.Caller, e.Counters}
	if own.counters == nil {
		own.counters = NewCallerCounters()
	}
	var rules []*rule
	for i, kind := range callerKinds {
		if !slices.Contains(e.Caller.Kinds, kind) {
			continue
		}
		r := &rule{
			Rule: Rule{Name: callerName(kind), Proxy: e.Proxy, Kind: kind, Phase: Before, Percent: e.Caller.Percent, Enabled: true},
			kind: KindPlace(kind), hash: hashRule(e.Proxy, callerName(kind)),
			caller: own, counter: own.counters.counters[i],
		}
		if r.Percent == 0 {
			r.idle = WhyRoll
		}
		rules = append(rules, r)
	}
	return rules
}

// asked is the rule for callers as an exchange asks for it; nil if it does not ask.
func (r *rule) asked(v *View) *rule {
	attributes, percentages := r.caller.read(r.Kind, v.Header)
	if attributes == nil {
		return nil
	}
	own := *r
	own.Attributes = attributes
	for _, name := range percentages {
		if percent, ok := askedNumber(v.Header, name); ok {
			own.Percent = min(own.Percent, float64(percent))
			break
		}
	}
	return &own
}

// read gives what a request asks for, and the fields that lower the percentage: the first that holds a number counts. Names
// are written as [net/http.Header] keeps them, which finds others more slowly.
func (a *asking) read(kind string, h Fields) (attributes Attributes, percentages [2]string) {
	switch kind {
	case "delay":
		return a.delay(h), [2]string{"X-Envoy-Fault-Delay-Request-Percentage"}
	case "abort":
		return callerAbort(h), [2]string{"X-Envoy-Fault-Abort-Request-Percentage", "X-Envoy-Fault-Abort-Percentage"}
	}
	return callerThrottle(h), [2]string{"X-Envoy-Fault-Throughput-Response-Percentage"}
}

func (a *asking) delay(h Fields) Attributes {
	ms, ok := askedNumber(h, "X-Envoy-Fault-Delay-Request")
	if !ok || ms == 0 {
		return nil
	}
	most := uint64(time.Duration(a.MaxDelay) / time.Millisecond)
	if ms > most {
		return &Delay{Latency: a.MaxDelay}
	}
	return &Delay{Latency: Duration(ms) * Duration(time.Millisecond)}
}

func callerAbort(h Fields) Attributes {
	if status, ok := askedNumber(h, "X-Envoy-Fault-Abort-Request"); ok && 200 <= status && status < 600 {
		return &Abort{Status: int(status)}
	}
	if code, ok := askedNumber(h, "X-Envoy-Fault-Abort-Grpc-Request"); ok && code <= 16 {
		return &Abort{Status: 200, GRPCStatus: new(GRPCCode(code)), GRPCMessage: "fault asked for by the caller"}
	}
	return nil
}

func callerThrottle(h Fields) Attributes {
	const kib = 1024
	rate, ok := askedNumber(h, "X-Envoy-Fault-Throughput-Response")
	if !ok || rate == 0 {
		return nil
	}
	return &Throttle{Rate: Size(min(rate, MaxCount/kib)) * kib}
}

// askedNumber reads the first line of a field that holds a whole number.
func askedNumber(h Fields, name string) (number uint64, ok bool) {
	lines := fieldLines(h, name)
	if len(lines) == 0 {
		return 0, false
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(strings.Trim(lines[0], " \t"), "+"), 10, 64)
	return number, err == nil
}

// admits reports whether one more exchange may be hit by what it asks for. The exchange counts once, until Done.
func (p *Plan) admits(r *rule) bool {
	if r.caller == nil || p.asking != nil {
		return true
	}
	if !addBelow(&r.caller.counters.active, r.caller.MaxActive) {
		return false
	}
	p.asking = r.caller.counters
	return true
}
