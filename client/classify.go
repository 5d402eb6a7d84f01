package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
)

// repeatable tells whether req may be sent twice: idempotent by method (RFC 9110 9.2.2), or by the promise that its
// Idempotency-Key makes. net/http takes the same two headers for its own repeats.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Header.Get("Idempotency-Key") != "" || req.Header.Get("X-Idempotency-Key") != ""
}

// transient tells whether another attempt may fare better than this one did.
func transient(resp *http.Response, err error) bool {
	if err != nil {
		return !permanent(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return resp.StatusCode >= 500
}

// permanent tells whether err is about who the service is, not about whether it works: certificates and TLS. Repeating
// cannot mend it, and last-good data must not paper over it.
func permanent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") { // crypto/tls: an alert
		return true
	}
	return isA[*tls.CertificateVerificationError](err) || isA[tls.RecordHeaderError](err) || isA[tls.AlertError](err) ||
		isA[*tls.ECHRejectionError](err) || isA[x509.UnknownAuthorityError](err) || isA[x509.HostnameError](err) ||
		isA[x509.CertificateInvalidError](err) || isA[x509.SystemRootsError](err)
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// safe methods (RFC 9110 9.2.1) change nothing; after a successful other one, what was stored is out of date.
func safe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }
