package faults

import (
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// validateHandshake refuses what is not known while a handshake is under way.
func (m *Match) validateHandshake() error {
	for _, field := range []struct {
		name  string
		given bool
	}{
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
	} {
		if field.given {
			return document.Errorf(field.name, "a TLS handshake has none yet: want sni or source")
		}
	}
	if err := m.SNI.validate(nil); err != nil {
		return document.At(err, "sni")
	}
	return document.At(m.Source.validate(checkSource), "source")
}

// checkHandshakeKey refuses a key that handshakes do not have.
func checkHandshakeKey(key string) error {
	if key == "connection" || strings.Contains(key, ":") {
		return document.Errorf("key", "a TLS handshake has none of that, and each connection has one handshake: want rule or client")
	}
	return nil
}

// matchSNI reports whether a condition on the server name that a client asked for holds.
func (ts *tests) matchSNI(name string) bool {
	if name == "" {
		return ts.absent
	}
	return ts.match(strings.ToLower(name))
}
