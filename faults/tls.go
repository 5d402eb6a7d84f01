package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// TLSFault fails a client's TLS handshake, on proxies that terminate TLS:
//
//	expired           the certificate has expired yesterday
//	wrong_name        it is for wrong-name.invalid
//	self_signed       it is signed with its own key
//	incomplete_chain  it is signed by an intermediate authority whose certificate is not sent
//	stall             nothing comes back after the client's greeting
//	alert             a fatal alert comes back
//
// Of a certificate nothing else is wrong, and a client that does not verify it goes on as if nothing had been. It is the
// throw-away authority's, also on proxies with certificates of their own: clients that do not trust that one as well (squall
// ca) may see an unknown authority first.
//
// A rule is decided once for each connection, when the client has said which server it wants: match and except know "sni"
// (in lower case, without it "absent") and "source", the address that the connection comes from; key is rule or client. There
// is no path yet, so protect spares nothing.
type TLSFault struct {
	As    string   `json:"as"`              // "expired", "wrong_name", "self_signed", "incomplete_chain", "stall" or "alert"
	For   Duration `json:"for,omitempty"`   // of stall: then the connection is closed; 0 = when the client leaves
	Alert string   `json:"alert,omitempty"` // of alert: its name in RFC 8446, 6, such as handshake_failure (default)
}

// alerts are the fatal ones that a server may send (RFC 8446, 6.2).
var alerts = map[string]uint8{
	"unexpected_message": 10, "bad_record_mac": 20, "record_overflow": 22, "handshake_failure": 40, "bad_certificate": 42,
	"unsupported_certificate": 43, "certificate_revoked": 44, "certificate_expired": 45, "certificate_unknown": 46,
	"illegal_parameter": 47, "unknown_ca": 48, "access_denied": 49, "decode_error": 50, "decrypt_error": 51,
	"protocol_version": 70, "insufficient_security": 71, "internal_error": 80, "inappropriate_fallback": 86,
	"missing_extension": 109, "unsupported_extension": 110, "unrecognized_name": 112, "certificate_required": 116,
	"no_application_protocol": 120,
}

// defaultAlert is that of a server which does not say more.
const defaultAlert = "handshake_failure"

func newTLSFault() Attributes { return &TLSFault{} }

func (f *TLSFault) check(Phase) error {
	const choices = "expired, wrong_name, self_signed, incomplete_chain, stall or alert"
	switch f.As {
	case "":
		return document.Errorf("as", "missing: want %s", choices)
	case string(Expired), string(WrongName), string(SelfSigned), string(IncompleteChain), "stall", "alert":
	default:
		return document.Errorf("as", "want %s, got %q", choices, clip(f.As))
	}
	switch _, known := alerts[f.Alert]; {
	case f.For < 0 || f.For > MaxDuration:
		return document.Errorf("for", "must be 0s to %v, got %v", MaxDuration, f.For)
	case f.For > 0 && f.As != "stall":
		return document.Errorf("for", "only with as stall")
	case f.Alert != "" && f.As != "alert":
		return document.Errorf("alert", "only with as alert")
	case f.Alert != "" && !known:
		refusal := document.Errorf("alert", "no alert of RFC 8446, 6.2, that a server sends: %q", clip(f.Alert))
		refusal.DidYouMean = document.Nearest(f.Alert, sortedNames(alerts))
		return refusal
	}
	return nil
}

func (f *TLSFault) decide(hit) Action {
	switch f.As {
	case "stall":
		return Hold{For: time.Duration(f.For)}
	case "alert":
		if f.Alert == "" {
			return Alert{Code: alerts[defaultAlert]}
		}
		return Alert{Code: alerts[f.Alert]}
	}
	return Certificate{Flaw: Flaw(f.As)}
}
