package faults

import (
	"math"
	"strings"
	"unicode"

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
	Stream string `json:"stream,omitempty"` // TCP: downstream (default) or upstream
	Match  *Match `json:"match,omitempty"`
	Except *Match `json:"except,omitempty"` // exchanges that the rule leaves alone

	// Percent of the remaining exchanges are hit: 0 to 100, up to four decimals.
	Percent    float64    `json:"percent"`
	Attributes Attributes `json:"attributes,omitempty"`

	Selection

	TTL     Duration `json:"ttl,omitempty"` // reverts by itself after this time
	Lease   *Lease   `json:"lease,omitempty"`
	Owner   string   `json:"owner,omitempty"`
	Enabled bool     `json:"enabled"`
	Shadow  bool     `json:"shadow,omitempty"` // decided and counted, nothing done
}

// Lease ends a fault unless whoever set it renews it in time.
type Lease struct {
	ID  string   `json:"id"`
	For Duration `json:"for"`
}

// readOnly names what answers add to a rule, so that a rule that was read can be sent back.
var readOnly = []string{"status"}

// MaxName bounds the length of the names of rules, proxies, modes and owners, in characters.
const MaxName = 128

// DecodeDocument reads a rule in its long or its short form, fills in the defaults and checks it whole.
func (r *Rule) DecodeDocument(n *document.Node) error {
	if n.Kind != document.Object {
		return document.Errorf("", "want an object, got %s", n.Kind)
	}
	plainNode, short, attributes, err := splitRule(n)
	if err != nil {
		return err
	}
	type plain Rule
	*r = Rule{Percent: 100, Enabled: true}
	if err := document.Decode(plainNode, (*plain)(r)); err != nil {
		return suggestKind(err)
	}
	if short != "" {
		r.Kind = short
	}
	k, err := lookup(r.Kind)
	if err != nil {
		return err
	}
	if r.Phase == "" {
		r.Phase = k.phases[0]
	}
	if r.Attributes, err = k.decode(attributes, short != ""); err != nil {
		field := "attributes"
		if short != "" {
			field = short
		}
		return document.At(err, field)
	}
	return r.Validate()
}

// splitRule takes a rule's document apart: the members that decode by themselves, the kind that a short form names,
// and the attributes.
func splitRule(n *document.Node) (plain *document.Node, short string, attributes *document.Node, err error) {
	plain = &document.Node{Kind: document.Object, Line: n.Line, Column: n.Column}
	for _, m := range n.Members {
		switch {
		case isKind(m.Name) && short != "":
			return nil, "", nil, document.Errorf(m.Name, "a rule has one kind, and %s is given already", short)
		case isKind(m.Name):
			short, attributes = m.Name, m.Value
		case m.Name == "attributes", isReadOnly(m.Name):
		default:
			plain.Members = append(plain.Members, m)
		}
	}
	if short == "" {
		return plain, "", n.Get("attributes"), nil
	}
	for _, name := range []string{"kind", "attributes"} {
		if n.Get(name) != nil {
			return nil, "", nil, document.Errorf(name, "not beside the short form %q", short)
		}
	}
	return plain, short, attributes, nil
}

func isReadOnly(name string) bool {
	for _, known := range readOnly {
		if name == known {
			return true
		}
	}
	return false
}

// Validate reports the first thing wrong with a rule, as a [document.Error] that names the field.
func (r *Rule) Validate() error {
	if r.Name != "" {
		if err := CheckName(r.Name); err != nil {
			return document.At(err, "name")
		}
	}
	if r.Owner != "" {
		if err := CheckName(r.Owner); err != nil {
			return document.At(err, "owner")
		}
	}
	k, err := lookup(r.Kind)
	if err != nil {
		return err
	}
	if err := k.checkPhase(r.Phase); err != nil {
		return err
	}
	if r.Stream != "" {
		return document.Errorf("stream", "only TCP kinds have a stream")
	}
	if r.Lease != nil {
		return document.Errorf("lease", "not available in this version")
	}
	if r.Phase != After && r.Match != nil && r.Match.Response != nil {
		return document.Errorf("match.response", "only rules of phase after see a response")
	}
	if r.Phase != After && r.Except != nil && r.Except.Response != nil {
		return document.Errorf("except.response", "only rules of phase after see a response")
	}
	if err := checkPercent(r.Percent); err != nil {
		return err
	}
	if err := r.Selection.validate(); err != nil {
		return err
	}
	if r.Attributes == nil {
		return document.Errorf("attributes", "missing")
	}
	return document.At(r.Attributes.check(r.Phase), "attributes")
}

func checkPercent(percent float64) error {
	if math.IsNaN(percent) || percent < 0 || percent > 100 {
		return document.Errorf("percent", "must be 0 to 100, got %v", percent)
	}
	if scaled := percent * 1e4; math.Abs(scaled-math.Round(scaled)) > 1e-6 {
		return document.Errorf("percent", "at most four decimals, got %v", percent)
	}
	return nil
}

// CheckName refuses a name that cannot stand in a path: 1 to [MaxName] printable characters without a slash.
func CheckName(name string) error {
	switch {
	case name == "":
		return document.Errorf("", "must not be empty")
	case len([]rune(name)) > MaxName:
		return document.Errorf("", "at most %d characters, got %d", MaxName, len([]rune(name)))
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
