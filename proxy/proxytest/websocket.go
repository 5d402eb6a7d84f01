package proxytest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// brokenSocket is about the kind websocket.
func (s suite) brokenSocket(t *testing.T) {
	t.Run("Refused", func(t *testing.T) {
		upstream, calls := counted(t)
		r := s.start(t, upstream, rules(`{"websocket": {"refuse": 403}}`))
		_, reply, err := websocket.Dial(t.Context(), r.url, nil)
		if err == nil || reply == nil || reply.StatusCode != 403 || reply.Header.Get(faults.AttributionHeader) == "" {
			t.Errorf("got %v, %v", reply, err)
		}
		equal(t, "calls", calls.Load(), 0)
		plain, _ := r.get("/")
		equal(t, "status of another request", plain.StatusCode, 200)
	})
	t.Run("Delayed", func(t *testing.T) {
		const delay = 150 * time.Millisecond
		r := s.start(t, serve(t, echoSocket), rules(`{"websocket": {"delay": "150ms"}}`))
		begin := time.Now()
		socket, _, err := websocket.Dial(t.Context(), r.url, nil)
		if took := time.Since(begin); err != nil || took < delay {
			t.Fatalf("open after %v, %v", took, err)
		}
		echo(t, socket, "hello")
		_ = socket.Close(websocket.StatusNormalClosure, "")
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.OK)
		equal(t, "delayed", x.Delayed, true)
	})
	t.Run("CutAfterMessages", s.socketCutAfterMessages)
	t.Run("CutAfterBytes", s.socketCutAfterBytes)
	t.Run("OthersAreNotMatched", func(t *testing.T) {
		upstream, _ := recording(t, okReply)
		r := s.start(t, upstream, rules(`{"websocket": {"cut_after": 0}}`))
		for _, header := range [][]string{nil, {"Upgrade", "websocket"}, {"Connection", "upgrade", "Upgrade", "h2c"}} {
			reply, _ := r.get("/", header...)
			equal(t, "status", reply.StatusCode, 200)
			equal(t, "why", r.exchange().Faults.Decisions()[0].Why, faults.WhyMatch)
		}
		c := r.dial() // an upgrade that the upstream does not make
		c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
		reply, _ := c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 200)
		x := r.exchange()
		equal(t, "faulted", x.Faulted, false)
		equal(t, "why", x.Faults.Decisions()[0].Why, faults.WhyBody)
	})
}

// echo sends a message and reads it back.
func echo(t *testing.T, socket *websocket.Conn, message string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := socket.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := socket.Read(ctx); err != nil || string(got) != message {
		t.Fatalf("got %q, %v, want %q", got, err, message)
	}
}

// socketCutAfterMessages: a real client of a real server gets so many messages, and then an abnormal closure.
func (s suite) socketCutAfterMessages(t *testing.T) {
	for _, how := range []string{"close", "reset"} {
		over := make(chan struct{}, 1)
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			echoSocket(w, r)
			over <- struct{}{}
		}), rules(`{"websocket": {"cut_after": {"messages": 3}, "how": "`+how+`"}}`))
		socket, _, err := websocket.Dial(t.Context(), r.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			echo(t, socket, strings.Repeat("x", i*200))
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, got, err := socket.Read(ctx)
		cancel()
		if status := websocket.CloseStatus(err); err == nil || status != -1 || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: a fourth message %q, %v", how, got, err)
		}
		_ = socket.CloseNow()
		within(t, "the upstream's end", over)
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.Injected)
		equal(t, "status", x.Status, 101)
		equal(t, "faulted", x.Faulted, true)
	}
}

// socketCutAfterBytes: raw frames, some of which come with the 101; exactly so many bytes arrive, and then the end that
// was asked for.
func (s suite) socketCutAfterBytes(t *testing.T) {
	const (
		fragment, ping, last = "\x01\x03abc", "\x89\x00", "\x80\x02de"
		all                  = fragment + ping + last + "\x81\x01f"
	)
	for attributes, want := range map[string]string{
		`"cut_after": 0`:               "",
		`"cut_after": 4`:               all[:4],
		`"cut_after": 12`:              all[:12],
		`"cut_after": {"messages": 1}`: fragment + ping + last,
	} {
		for how, end := range map[string]string{"close": fin, "reset": rst} {
			for _, split := range []int{0, 3, len(all)} {
				r := s.start(t, scripted(t, func(p *peer) {
					if _, _, err := p.head(); err != nil {
						return
					}
					p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", all[:split])
					time.Sleep(10 * time.Millisecond) // so that the rest comes apart
					p.send(all[split:])
					_, _ = io.ReadAll(p.reader)
				}), rules(`{"websocket": {`+attributes+`, "how": "`+how+`"}}`))
				c := r.dial()
				c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
				c.mustHead()
				got, ended := c.rest()
				equal(t, attributes+" "+how, got, want)
				equal(t, attributes+" "+how+": end", ended, end)
				x := r.exchange()
				equal(t, "outcome", x.Outcome, proxy.Injected)
				equal(t, "response bytes", x.ResponseBytes, int64(len(want)))
			}
		}
	}
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", all)
			_, _ = io.ReadAll(p.reader)
		}
	}), rules(`{"websocket": {"cut_after": 7, "how": "hang"}}`))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
	c.mustHead()
	c.expect(all[:7])
	c.stay(50 * time.Millisecond)
	c.leave(fin)
	equal(t, "outcome of silence", r.exchange().Outcome, proxy.Injected)
}
