package proxytest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// tlsFaults shows what clients see of the faults of a handshake, and what is recorded.
func (s suite) tlsFaults(t *testing.T) {
	t.Run("Seen", s.tlsFaultsSeen)
	t.Run("NotVerified", s.tlsFaultsNotVerified)
	t.Run("NotHit", s.tlsFaultsNotHit)
	t.Run("Counted", s.tlsFaultsCounted)
	t.Run("Stall", s.tlsStall)
	t.Run("ClearText", s.tlsFaultsOfClearText)
}

// tlsFaultsSeen: Go's client, curl and openssl name precisely the fault that was asked for.
func (s suite) tlsFaultsSeen(t *testing.T) {
	for _, test := range []struct{ rule, golang, curl, openssl string }{
		{`{"tls":"expired"}`, "certificate has expired or is not yet valid", "certificate has expired", "verify error:num=10:"},
		{
			`{"tls":"wrong_name"}`, "certificate is valid for wrong-name.invalid, not stock.test",
			"no alternative certificate subject name matches", "verify error:num=62:",
		},
		{`{"tls":"self_signed"}`, "certificate signed by unknown authority", "self-signed certificate", "verify error:num=18:"},
		{
			`{"tls":"incomplete_chain"}`, "certificate signed by unknown authority",
			"unable to get local issuer certificate", "verify error:num=20:",
		},
		{`{"tls":"alert"}`, "remote error: tls: handshake failure", "alert handshake failure", "alert number 40"},
		{
			`{"tls":{"as":"alert","alert":"unrecognized_name"}}`, "remote error: tls: unrecognized name",
			"unrecognized name", "alert number 112",
		},
		{`{"tls":{"as":"stall","for":"1ms"}}`, "EOF", "SSL_ERROR_SYSCALL", "unexpected eof"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			upstream, seen := recording(t, okReply)
			r := s.start(t, upstream, terminating, rules(test.rule))
			for name, call := range map[string]func() string{
				test.golang: func() string {
					return fmt.Sprint(r.handshake(&tls.Config{ServerName: "stock.test", RootCAs: r.roots()}))
				},
				test.curl:    r.curl,
				test.openssl: r.openssl,
			} {
				if got := call(); !strings.Contains(got, name) {
					t.Errorf("got %s\nwant %s", got, name)
				}
				x := r.exchange()
				equal(t, "outcome", x.Outcome, proxy.Injected)
				equal(t, "faulted", x.Faulted, true)
				equal(t, "method", x.Method, "")
				equal(t, "host", x.Host, "stock.test")
				equal(t, "client", x.Client, "127.0.0.1")
				equal(t, "hit", x.Faults.Hit(), true)
			}
			equal(t, "requests upstream", len(seen), 0)
		})
	}
}

// caFile is the certificate of the throw-away authority.
func (r *rig) caFile() string {
	r.t.Helper()
	certificate, err := r.engine.CA()
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(r.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, certificate, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// curl calls the proxy as https://stock.test, and gives what it says.
func (r *rig) curl() string {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.program("curl", "-sS", "--noproxy", "*", "--cacert", r.caFile(), "--resolve", "stock.test:"+port+":127.0.0.1",
		"https://stock.test:"+port+"/")
}

// openssl does a handshake, and gives what it says.
func (r *rig) openssl() string {
	r.t.Helper()
	return r.program("openssl", "s_client", "-connect", r.addr, "-servername", "stock.test", "-verify_hostname", "stock.test",
		"-CAfile", r.caFile(), "-verify_return_error", "-brief")
}

func (r *rig) program(name string, args ...string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		r.t.Fatal(err)
	}
	return string(output)
}

// tlsFaultsNotVerified: a client that does not look gets its reply, which the record shows.
func (s suite) tlsFaultsNotVerified(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, terminating, rules(`{"tls":"expired"}`))
	conn := tls.Client(r.dial().Conn, &tls.Config{InsecureSkipVerify: true})
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	reply, err := io.ReadAll(conn)
	equal(t, "error", err, nil)
	equal(t, "the reply", strings.HasSuffix(string(reply), "ok"), true)
	shake, x := r.exchange(), r.exchange()
	equal(t, "outcome of the handshake", shake.Outcome, proxy.Injected)
	equal(t, "error of the handshake", shake.Error, "")
	equal(t, "outcome", x.Outcome, proxy.OK)
	equal(t, "method", x.Method, "GET")
	equal(t, "numbered", x.ID > shake.ID, true)
	if expired := conn.ConnectionState().PeerCertificates[0].NotAfter; time.Since(expired) < time.Hour {
		t.Errorf("the certificate is good until %v", expired)
	}
	r = s.start(t, upstream, terminating, rules(`{"tls":"expired"}`))
	if err := r.handshake(&tls.Config{ServerName: "stock.test", RootCAs: r.roots()}); err == nil {
		t.Error("an expired certificate was taken")
	}
	if x := r.exchange(); !strings.Contains(x.Error, "remote error: tls: ") {
		t.Errorf("the record does not have what the client said: %q", x.Error)
	}
}

// tlsFaultsNotHit: clients that a rule is not about get what they would get without it, and no record.
func (s suite) tlsFaultsNotHit(t *testing.T) {
	for _, rule := range []string{
		`{"tls":"expired","match":{"sni":"shop.test"}}`,
		`{"tls":"alert","match":{"sni":{"absent":true}}}`,
		`{"tls":"wrong_name","match":{"source":"10.0.0.0/8"}}`,
		`{"tls":"self_signed","percent":0}`,
		`{"tls":"stall","enabled":false}`,
	} {
		upstream, _ := recording(t, okReply)
		r := s.start(t, upstream, terminating, rules(rule))
		equal(t, rule, r.handshake(&tls.Config{ServerName: "stock.test", RootCAs: r.roots()}), nil)
		equal(t, rule+": records beside the exchange", len(r.exchanges), 0)
	}
}

// tlsFaultsCounted: selection holds, and handshakes that a rule was about are on record even if it did not hit. No client can
// resume a session, and so pass a fault by.
func (s suite) tlsFaultsCounted(t *testing.T) {
	counter := faults.NewCounter()
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, terminating, armed(t, counter, `{"tls":"incomplete_chain","skip":1,"every":2,"key":"client"}`))
	client := &tls.Config{ServerName: "stock.test", RootCAs: r.roots(), ClientSessionCache: noSessions{t}}
	for n := 1; n <= 7; n++ {
		hit := n == 3 || n == 5 || n == 7
		err := r.handshakeOnly(client)
		equal(t, fmt.Sprintf("handshake %d fails", n), err != nil, hit)
		x := r.exchange()
		equal(t, fmt.Sprintf("handshake %d is hit", n), x.Outcome == proxy.Injected, hit)
		equal(t, "outcome", x.Outcome == proxy.OK, !hit)
		equal(t, "n", x.Faults.Decisions()[0].N, uint64(n))
	}
	equal(t, "hits", counter.Status().Hit, 3)
	equal(t, "matched", counter.Status().Matched, 7)
	equal(t, "active", counter.Status().Active, 0)
	r.change(armed(t, counter, `{"tls":"alert","shadow":true}`))
	equal(t, "under a shadow", r.handshakeOnly(client), nil)
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.OK)
	equal(t, "decision", x.Faults.Decisions()[0].Outcome, faults.Shadow)
}

// noSessions is a client's cache of sessions, of which there must be none.
type noSessions struct{ t *testing.T }

// Get finds none.
func (noSessions) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put fails the test.
func (s noSessions) Put(string, *tls.ClientSessionState) { s.t.Error("a session could be resumed") }

// handshakeOnly connects, and leaves after the handshake. The error may come with the first read.
func (r *rig) handshakeOnly(config *tls.Config) error {
	r.t.Helper()
	secured := tls.Client(r.dial().Conn, config)
	defer secured.Close()
	if err := secured.HandshakeContext(r.t.Context()); err != nil {
		return err
	}
	_ = secured.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := secured.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// tlsStall: nothing comes for the time that was asked for, or until the client leaves, or the proxy ends.
func (s suite) tlsStall(t *testing.T) {
	t.Run("ForATime", func(t *testing.T) {
		r := s.start(t, nowhere(t), terminating, rules(`{"tls":{"as":"stall","for":"300ms"}}`))
		c := r.dial()
		begin := time.Now()
		c.send(greeting(t))
		got, end := c.rest()
		equal(t, "bytes", got, "")
		equal(t, "end", end, fin)
		if took := time.Since(begin); took < 300*time.Millisecond {
			t.Errorf("ended after %v", took)
		}
		equal(t, "outcome", r.exchange().Outcome, proxy.Injected)
	})
	for _, how := range []string{fin, rst} {
		t.Run("UntilTheClientLeaves/"+how, func(t *testing.T) {
			r := s.start(t, nowhere(t), terminating, rules(`{"tls":"stall"}`))
			c := r.dial()
			c.send(greeting(t))
			c.stay(100 * time.Millisecond)
			equal(t, "ended although the client stayed", len(r.exchanges), 0)
			c.leave(how)
			equal(t, "outcome", r.exchange().Outcome, proxy.Injected)
		})
	}
	t.Run("LongerThanAHandshakeMayTake", func(t *testing.T) {
		t.Parallel()
		r := s.start(t, nowhere(t), terminating, rules(`{"tls":"stall"}`))
		c := r.dial()
		c.send(greeting(t))
		c.stay(handshakeTime + 500*time.Millisecond)
		equal(t, "ended although the client stayed", len(r.exchanges), 0)
		begin := time.Now()
		equal(t, "dropped an exchange", r.shutdown(patience), false)
		if took := time.Since(begin); took > handshakeTime/2 {
			t.Errorf("shutting down took %v", took)
		}
		equal(t, "outcome", r.exchange().Outcome, proxy.Injected)
	})
}

// greeting is what a client begins its handshake with.
func greeting(t *testing.T) string {
	t.Helper()
	here, there := net.Pipe()
	defer there.Close()
	go func() {
		_ = tls.Client(here, clientTLS(tls.VersionTLS13)).Handshake() // ends with the pipe
		_ = here.Close()
	}()
	head := make([]byte, 5) // of the record: its last two are the length (RFC 8446, 5.1)
	if _, err := io.ReadFull(there, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(there, body); err != nil {
		t.Fatal(err)
	}
	return string(head) + string(body)
}

// tlsFaultsOfClearText: a rule for all proxies leaves those alone that do not terminate TLS.
func (s suite) tlsFaultsOfClearText(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, rules(`{"tls":"alert"}`))
	reply, _ := r.get("/")
	equal(t, "status", reply.StatusCode, 200)
	equal(t, "decisions", len(r.exchange().Faults.Decisions()), 0)
}
