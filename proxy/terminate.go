package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// handshakeTimeout bounds a TLS handshake, with a client as with an upstream.
const handshakeTimeout = 5 * time.Second

// handshake is one with a client, and its record: that of an exchange without a request.
type handshake struct {
	proxy     *Proxy
	settings  *Settings
	client    net.Conn
	protocols []string
	greeted   bool // the client has said what it wants
	record    Exchange
	view      faults.View
	plan      faults.Plan
}

// errInjected is why a handshake failed that a fault has ended.
var errInjected = errors.New("ended by a fault")

// Terminate does the TLS handshake with a client, if its proxy wants one, and gives the connection to go on with: conn
// itself where clients speak clear text. protocols are those that the executor speaks there, the best first (ALPN, RFC
// 7301). It takes five seconds at most, unless a fault holds it, and less when ctx is done: call it on the connection's own
// goroutine. On an error the connection is closed, and what is to be recorded of it has been.
//
// What the proxy's settings say at this moment holds for the connection. It is never a resumed session, so that each
// connection sees the certificate, and the fault, that hold when it is made.
func (p *Proxy) Terminate(ctx context.Context, conn net.Conn, protocols ...string) (net.Conn, error) {
	settings := p.Settings()
	if settings.terminator == nil {
		return conn, nil
	}
	h := &handshake{proxy: p, settings: settings, client: conn, protocols: protocols}
	h.begin()
	secured := tls.Server(conn, &tls.Config{GetConfigForClient: h.answer, MinVersion: tls.VersionTLS12})
	err := secured.HandshakeContext(ctx)
	h.finish(err)
	if err != nil {
		h.explain(err)
		Finish(conn)
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	_ = conn.SetDeadline(time.Time{}) // fails with the connection
	return secured, nil
}

// begin opens the record, and gives the client its time.
func (h *handshake) begin() {
	now := time.Now()
	_ = h.client.SetDeadline(now.Add(handshakeTimeout)) // fails with the connection
	h.record.At, h.record.Proxy = now, h.proxy.Name
	h.view = faults.View{Proxy: h.proxy.Name, Now: now}
	if addr, err := netip.ParseAddrPort(h.client.RemoteAddr().String()); err == nil {
		h.view.Source = addr.Addr().Unmap()
		h.record.Client = h.view.Source.String()
	}
}

// answer is told what the client wants, and gives what it gets. It is called once, before anything is negotiated.
func (h *handshake) answer(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	h.greeted = true
	h.view.SNI, h.view.Now = strings.ToLower(hello.ServerName), time.Now()
	h.record.Host = h.view.SNI
	shown, err := h.decide()
	switch {
	case err != nil:
		return nil, err
	case len(shown) == 0:
		h.alert(unrecognizedName)
		return nil, fmt.Errorf("no certificate is for %q", h.view.SNI)
	}
	return &tls.Config{
		Certificates: shown, NextProtos: h.protocols, MinVersion: tls.VersionTLS12, CipherSuites: aead(),
		SessionTicketsDisabled: true,
	}, nil
}

// decide asks the rules, carries out what they say, and gives the certificates to choose from; none if no certificate is for
// the name.
func (h *handshake) decide() ([]tls.Certificate, error) {
	t, at := h.settings.terminator, h.client.LocalAddr()
	switch a := h.ask().(type) {
	case faults.Hold:
		h.hold(a.For)
		return nil, errInjected
	case faults.Alert:
		h.alert(a.Code)
		return nil, errInjected
	case faults.Certificate:
		return t.flawed(a.Flaw, subject(h.view.SNI, at))
	}
	return t.certificates(h.view.SNI, at)
}

// ask lets the rules decide. A panic in that is recorded; then the handshake goes on.
func (h *handshake) ask() (action faults.Action) {
	defer func() {
		if cause := recover(); cause != nil {
			h.record.FaultPanic = fmt.Sprint(cause)
		}
	}()
	h.plan.BeginHandshake(h.settings.Faults, &h.view)
	if action, _ = h.plan.Next(&h.view); action != nil {
		h.record.Outcome, h.record.Faulted = Injected, true
	}
	return action
}

// hold drops what the client sends until it leaves, the time is over (0 = none), or the proxy drains.
func (h *handshake) hold(d time.Duration) {
	if d == 0 {
		d = time.Duration(faults.MaxDuration)
	}
	_ = h.client.SetDeadline(time.Now().Add(d)) // fails with the connection
	_, _ = io.Copy(io.Discard, h.client)        // whatever ends it
}

// unrecognizedName is the alert of a server that does not have the name (RFC 6066, 3).
const unrecognizedName = 112

// alert ends the handshake with a fatal alert (RFC 8446, 6).
func (h *handshake) alert(code uint8) {
	const alert, fatal = 21, 2
	_, _ = h.client.Write([]byte{alert, 3, 3, 0, 2, fatal, code}) // whoever does not take it gets the end all the same
	Finish(h.client)
}

// explain tells a client that speaks clear text HTTP what is wrong.
func (h *handshake) explain(err error) {
	if clear, ok := errors.AsType[tls.RecordHeaderError](err); ok && clear.Conn != nil && isText(clear.RecordHeader[:]) {
		const reason = "this proxy speaks TLS: use https\n"
		fmt.Fprintf(h.client, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"+
			"Connection: close\r\n\r\n%s", len(reason), reason)
	}
}

// isText tells a request line's beginning from a TLS record's.
func isText(begin []byte) bool {
	return !slices.ContainsFunc(begin, func(c byte) bool { return c < ' ' || c > '~' })
}

// finish closes the record, and tells the observer of a handshake that failed, or that a rule was about. A client that has
// left, or was silent, before it had sent anything is none.
func (h *handshake) finish(err error) {
	h.plan.Done()
	r := &h.record
	r.Faults = h.plan.Record()
	_, clear := errors.AsType[tls.RecordHeaderError](err)
	counted := slices.ContainsFunc(r.Faults.Decisions(), func(d faults.Decision) bool { return d.N > 0 })
	if !counted && (err == nil || !h.greeted && !clear) {
		return
	}
	switch {
	case err == nil, err == errInjected:
	case errors.Is(err, context.Canceled):
		r.Error = "dropped at shutdown"
	default:
		r.Error = "TLS handshake: " + err.Error()
	}
	if r.Outcome == "" {
		r.Outcome = outcomeOf(err)
	}
	r.ID = h.proxy.NextExchange()
	r.Duration = time.Since(r.At)
	h.proxy.Tell(r)
}

func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return ClientLeft
	}
	return RealError
}
