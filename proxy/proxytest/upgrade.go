package proxytest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func (s suite) upgrade(t *testing.T) {
	t.Run("WebSocket", s.webSocket)
	t.Run("BytesBothWays", s.upgradedBytes)
	t.Run("OtherTokensAreDropped", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream)
		for _, upgrade := range []string{"h2c", "foo", "websocket, h2c", "TLS/1.0"} {
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: "+upgrade, "HTTP2-Settings: AAMAAABk", "", "")
			reply, _ := c.reply(http.MethodGet)
			equal(t, "status", reply.StatusCode, 200)
			equalFields(t, withoutID(next(t, requests).fields), append(r.added("x"), "Host: x"))
		}
	})
	t.Run("NothingFlowsBeforeThe101", func(t *testing.T) {
		upstream, requests := recording(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		r := s.start(t, upstream)
		c := r.dial()
		c.send("GET /up HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "",
			"GET /behind HTTP/1.1", "Host: x", "", "")
		for _, path := range []string{"/up", "/behind"} {
			reply, _ := c.reply(http.MethodGet)
			equal(t, "status", reply.StatusCode, 403)
			got := next(t, requests)
			equal(t, "request line", got.line, "GET "+path+" HTTP/1.1")
			equal(t, "X-Forwarded-For", field(got.fields, "X-Forwarded-For"), "127.0.0.1") // it came the regular way
		}
	})
	t.Run("Unasked101IsAnError", func(t *testing.T) {
		upstream, _ := recording(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		reply, _ := s.start(t, upstream).get("/")
		equal(t, "status", reply.StatusCode, 502)
	})
	t.Run("AnotherProtocolIsAnError", func(t *testing.T) {
		for _, fields := range []string{"Connection: Upgrade\r\nUpgrade: h2c\r\n", ""} {
			upstream, _ := recording(t, "HTTP/1.1 101 Switching Protocols\r\n"+fields+"\r\n")
			c := s.start(t, upstream).dial()
			c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
			reply, _ := c.reply(http.MethodGet)
			equal(t, "status", reply.StatusCode, 502)
		}
	})
	t.Run("FaultsApply", func(t *testing.T) {
		r := s.start(t, serve(t, echoSocket), rules(`{"abort": 503}`))
		_, reply, err := websocket.Dial(t.Context(), r.url, nil)
		if err == nil || reply == nil || reply.StatusCode != 503 {
			t.Errorf("got %v, %v", reply, err)
		}
	})
}

// maxMessage bounds a message, in bytes.
const maxMessage = 1 << 20

// echoSocket is a WebSocket service that sends messages back.
func echoSocket(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxMessage)
	for {
		kind, message, err := socket.Read(r.Context())
		if err != nil {
			return
		}
		if err := socket.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

func (s suite) webSocket(t *testing.T) {
	r := s.start(t, serve(t, echoSocket))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, r.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxMessage)
	sent := 0
	for _, size := range []int{1, 100, 70_000} {
		message := strings.Repeat("x", size)
		if err := socket.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		_, echoed, err := socket.Read(ctx)
		if err != nil || string(echoed) != message {
			t.Fatalf("echo of %d bytes: %d bytes, %v", size, len(echoed), err)
		}
		sent += size
	}
	if err := socket.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("closing handshake: %v", err)
	}
	x := r.exchange()
	equal(t, "status", x.Status, 101)
	equal(t, "outcome", x.Outcome, "ok")
	if x.RequestBytes < int64(sent) || x.ResponseBytes < int64(sent) {
		t.Errorf("counted %d and %d bytes of %d", x.RequestBytes, x.ResponseBytes, sent)
	}
}

// upgradedBytes speaks no WebSocket, only bytes: they flow both ways, and a half-close is passed on.
func (s suite) upgradedBytes(t *testing.T) {
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err != nil {
			return
		}
		p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "X-Own: 1", "", "first")
		got, _ := io.ReadAll(p.reader) // up to the client's half-close
		p.send("got " + string(got))
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: WebSocket", "", "")
	line, fields := c.mustHead()
	equal(t, "line", line, "HTTP/1.1 101 Switching Protocols")
	equalFields(t, fields, []string{"Connection: Upgrade", "Upgrade: websocket", "X-Own: 1"})
	c.expect("first")
	c.send("hello")
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	c.expect("got hello")
	c.expectEnd()
	x := r.exchange()
	equal(t, "request bytes", x.RequestBytes, 5)
	equal(t, "response bytes", x.ResponseBytes, 14)
	if x.Duration <= 0 || x.At.After(time.Now()) {
		t.Errorf("took %v from %v", x.Duration, x.At)
	}
}
