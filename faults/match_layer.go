package faults

import (
	"encoding/hex"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// conditions names all that a match can ask for, and whether this one does.
func (m *Match) conditions() []condition {
	return []condition{
		{"methods", m.Methods != nil},
		{"host", m.Host != nil},
		{"path", m.Path != nil},
		{"headers", m.Headers != nil},
		{"query", m.Query != nil},
		{"grpc_service", m.GRPCService != nil},
		{"grpc_method", m.GRPCMethod != nil},
		{"body", m.Body != nil},
		{"response", m.Response != nil},
		{"nth", m.Nth != 0},
		{"first_bytes", m.FirstBytes != ""},
		{"sni", m.SNI != nil},
	}
}

type condition struct {
	name  string
	given bool
}

// validateHandshake refuses what is not known while a handshake is under way.
func (m *Match) validateHandshake() error {
	for _, c := range m.conditions() {
		if c.given && c.name != "sni" {
			return document.Errorf(c.name, "a TLS handshake has none yet: want sni or source")
		}
	}
	if err := m.SNI.validate(nil); err != nil {
		return document.At(err, "sni")
	}
	return document.At(m.Source.validate(checkSource), "source")
}

// validateConnection refuses what is not known of a TCP connection.
func (m *Match) validateConnection() error {
	for _, c := range m.conditions() {
		if c.given && c.name != "nth" && c.name != "first_bytes" {
			return document.Errorf(c.name, "a TCP connection has none: want source, nth or first_bytes")
		}
	}
	if m.Nth > MaxCount {
		return document.Errorf("nth", "must be 1 to %d, got %d", uint64(MaxCount), m.Nth)
	}
	if _, err := m.FirstBytes.bytes(); err != nil {
		return document.At(err, "first_bytes")
	}
	return document.At(m.Source.validate(checkSource), "source")
}

// checkKeyOf refuses a key that what a rule counts does not have.
func checkKeyOf(layer Layer, key string) error {
	switch {
	case layer == TLS && (key == "connection" || strings.Contains(key, ":")):
		return document.Errorf("key", "a TLS handshake has none of that, and each connection has one handshake: want rule or client")
	case layer == TCP && strings.Contains(key, ":"):
		return document.Errorf("key", "a TCP connection has none of that: want rule, client or connection")
	}
	return nil
}

// MaxFirstBytes bounds a condition on what a client sends first, in bytes.
const MaxFirstBytes = 64

// FirstBytes is what a TCP client's first bytes must be: a text, or bytes in hex behind 0x.
type FirstBytes string

// bytes gives what is looked for.
func (f FirstBytes) bytes() (string, error) {
	text := string(f)
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) == 0 {
			return "", document.Errorf("", "want bytes in hex behind 0x, two digits each, got %q", clip(text))
		}
		text = string(raw)
	}
	if len(text) > MaxFirstBytes {
		return "", document.Errorf("", "at most %d bytes, got %d", MaxFirstBytes, len(text))
	}
	return text, nil
}

// NeedsFirstBytes reports whether a rule looks at what a TCP client sends first, so that nothing can be decided, nor the
// upstream dialled, before it has sent something.
func (s *Set) NeedsFirstBytes() bool {
	for _, r := range s.links {
		if r.looksAtFirstBytes() {
			return true
		}
	}
	for _, r := range s.before.all {
		if r.looksAtFirstBytes() {
			return true
		}
	}
	return false
}

// Undecided reports whether more of what a client sends first could still make a condition hold: so far it is the beginning
// of what a rule looks for.
func (s *Set) Undecided(first string) bool {
	for _, rules := range [][]*rule{s.links, s.before.all} {
		for _, r := range rules {
			for _, m := range []*matcher{r.match, r.except} {
				if r.idle == "" && m != nil && len(first) < len(m.first) && strings.HasPrefix(m.first, first) {
					return true
				}
			}
		}
	}
	return false
}

func (r *rule) looksAtFirstBytes() bool {
	return r.idle == "" && (r.match != nil && r.match.first != "" || r.except != nil && r.except.first != "")
}
