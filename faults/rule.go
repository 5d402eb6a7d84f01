package faults

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/squall-proxy/squall/internal/document"
)

// Phase says when a rule is decided.
type Phase string

// The phases of an exchange.
const (
	Before    Phase = "before"    // the request's head is there
	After     Phase = "after"     // the upstream's reply head is there
	Handshake Phase = "handshake" // TLS
)

// Rule is one fault: what goes wrong, for which exchanges, and how often. HTTP faults and TCP toxics have one shape.
type Rule struct {
	Name   string `json:"name"`
	Proxy  string `json:"proxy,omitempty"` // "" = every HTTP proxy
	Kind   string `json:"kind"`
	Phase  Phase  `json:"phase,omitempty"`
	Stream Stream `json:"stream,omitempty"` // TCP: downstream (default) or upstream
	Match  *Match `json:"match,omitempty"`
	Except *Match `json:"except,omitempty"` // exchanges that the rule leaves alone

	// Percent of the exchanges that Selection leaves are hit: 0 to 100, up to four decimals.
	Percent    float64    `json:"percent"`
	Attributes Attributes `json:"attributes,omitempty"`

	Selection

	TTL     Duration `json:"ttl,omitempty"` // reverts by itself after this time
	Lease   *Lease   `json:"lease,omitempty"`
	Owner   string   `json:"owner,omitempty"`
	Enabled bool     `json:"enabled"`
	Shadow  bool     `json:"shadow,omitempty"` // decided and counted, nothing done

	// Toxic is what Toxiproxy's API was asked for, where that is more than the rule can say. nil = nothing more.
	Toxic *Toxic `json:"toxic,omitempty"`
}

// Toxic is what Toxiproxy's API was asked for, word for word: also numbers out of bounds, of which the rule has the nearest
// that it can. It acts on nothing, and is given back as long as it still means what the rule says.
type Toxic struct {
	Stream     string           `json:"stream"`
	Toxicity   float32          `json:"toxicity"`
	Attributes map[string]int64 `json:"attributes"`
}

// Lease ends a fault unless whoever set it renews it in time.
type Lease struct {
	ID  string   `json:"id"`
	For Duration `json:"for"`
}

// later is the reason why something is refused that this version knows only by name.
const later = "not available in this version"

// Validate reports the first thing wrong with a rule, as a [document.Error] that names the field. A rule may still be
// without a name.
func (r *Rule) Validate() error {
	for _, given := range []struct{ field, name string }{{"name", r.Name}, {"owner", r.Owner}} {
		if given.name == "" {
			continue
		}
		if err := CheckName(given.name); err != nil {
			return document.At(err, given.field)
		}
	}
	k, err := lookup(r.Kind)
	if err != nil {
		return err
	}
	if err := k.checkPhase(r.Phase); err != nil {
		return err
	}
	if err := k.checkStream(r.Stream); err != nil {
		return err
	}
	switch {
	case r.TTL < 0 || r.TTL > MaxDuration:
		return document.Errorf("ttl", "must be 0s to %v, got %v", MaxDuration, r.TTL)
	}
	if err := r.Lease.validate(); err != nil {
		return document.At(err, "lease")
	}
	if err := r.checkMatches(k.Layer); err != nil {
		return err
	}
	if err := checkPercent(r.Percent); err != nil {
		return document.At(err, "percent")
	}
	if err := r.Selection.validate(r.Percent); err != nil {
		return err
	}
	if err := checkKeyOf(k.Layer, r.Key); err != nil {
		return err
	}
	return document.At(k.check(r.Attributes, r.Phase), "attributes")
}

func (r *Rule) checkMatches(layer Layer) error {
	if err := r.Match.validate(layer, r.Phase); err != nil {
		return document.At(err, "match")
	}
	if err := r.Except.validate(layer, r.Phase); err != nil {
		return document.At(err, "except")
	}
	if r.Except != nil && r.Except.empty() {
		return document.Errorf("except", "must name something: empty it leaves every exchange alone")
	}
	return nil
}

// checkPercent takes 0 to 100, with up to four decimals.
func checkPercent(percent float64) error {
	if percent < 0 || percent > 100 {
		return document.Errorf("", "must be 0 to 100, got %v", percent)
	}
	// Exact: a number of up to four decimals is read as the float64 nearest to a whole number over 10,000.
	if math.Round(percent*1e4)/1e4 != percent {
		return document.Errorf("", "at most four decimals, got %v", percent)
	}
	return nil
}

// MaxName bounds the length of the names of rules, proxies, modes and owners, in characters.
const MaxName = 128

// CheckName refuses a name that cannot stand in a path: 1 to [MaxName] printable characters without a slash.
func CheckName(name string) error {
	switch {
	case name == "":
		return document.Errorf("", "must not be empty")
	case !utf8.ValidString(name):
		return document.Errorf("", "must be UTF-8")
	case utf8.RuneCountInString(name) > MaxName:
		return document.Errorf("", "at most %d characters, got %d", MaxName, utf8.RuneCountInString(name))
	case strings.ContainsRune(name, '/'):
		return document.Errorf("", "must not contain a slash")
	case name == "." || name == "..":
		return document.Errorf("", "must not be %q", name)
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return document.Errorf("", "must be printable, got %q", c)
		}
	}
	return nil
}

// validate reports what is wrong with a lease. For may be left out where the lease exists already.
func (l *Lease) validate() error {
	if l == nil {
		return nil
	}
	if err := CheckName(l.ID); err != nil {
		return document.At(err, "id")
	}
	if l.For < 0 || l.For > MaxDuration {
		return document.Errorf("for", "must be 0s to %v, got %v", MaxDuration, l.For)
	}
	return nil
}
