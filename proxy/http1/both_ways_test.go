package http1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/nethttp"
)

// ruled compiles one rule.
func ruled(t *testing.T, text string) *faults.Set {
	t.Helper()
	node, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var rule faults.Rule
	if err := rule.DecodeDocument(node); err != nil {
		t.Fatal(err)
	}
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule}}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// bothWays is a proxy on one of the executors, between a raw client and a raw upstream.
type bothWays struct {
	t         *testing.T
	engine    proxy.Engine
	endpoint  proxy.Endpoint
	exchanges chan proxy.Exchange
	answer    atomic.Pointer[string]
	calls     atomic.Int64
	die       atomic.Bool // the next request on a connection that was used before ends it
	requests  chan string
}

func newBothWays(t *testing.T, executor string) *bothWays {
	t.Helper()
	b := &bothWays{t: t, exchanges: make(chan proxy.Exchange, 100), requests: make(chan string, 100)}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		b.serve(upstream)
	}()
	b.engine.Executors = map[string]proxy.Executor{
		"http1": &http1.Executor{}, "nethttp": &nethttp.Executor{},
	}
	b.engine.Observer = func(x *proxy.Exchange) { b.exchanges <- *x }
	b.endpoint.Config = proxy.Defaults()
	c := &b.endpoint.Config
	c.Name, c.Listen, c.Upstream, c.Engine = "p", "127.0.0.1:0", "http://"+upstream.Addr().String(), executor
	b.change(func(*proxy.Endpoint) {})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.engine.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		_ = upstream.Close()
		<-served
	})
	return b
}

func (b *bothWays) change(edit func(*proxy.Endpoint)) {
	b.t.Helper()
	edit(&b.endpoint)
	change, err := b.engine.Prepare([]proxy.Endpoint{b.endpoint})
	if err != nil {
		b.t.Fatal(err)
	}
	change.Commit()
}

// serve answers requests without a body, one connection after the other: both executors keep to one.
func (b *bothWays) serve(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		b.serveConn(conn)
		_ = conn.Close()
	}
}

func (b *bothWays) serveConn(conn net.Conn) {
	reader := bufio.NewReader(conn)
	for n := 1; ; n++ {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		b.calls.Add(1)
		if n > 1 && b.die.CompareAndSwap(true, false) {
			return
		}
		b.requests <- head.String()
		answer := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
		if other := b.answer.Load(); other != nil {
			answer = *other
		}
		_, _ = io.WriteString(conn, answer)
	}
}

func (b *bothWays) dial() net.Conn {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.engine.Addr("p").String())
	if err != nil {
		b.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// send sends a request and gives the reply's head and what has come with it.
func (b *bothWays) send(request string) string {
	b.t.Helper()
	conn := b.dial()
	defer conn.Close()
	_, _ = io.WriteString(conn, request)
	reply := make([]byte, 0, 4096)
	for !strings.Contains(string(reply), "\r\n\r\n") {
		n, err := conn.Read(reply[len(reply):cap(reply)])
		reply = reply[:len(reply)+n]
		if err != nil {
			break
		}
	}
	return string(reply)
}

// request sends a request and gives what the upstream got.
func (b *bothWays) request(request string) string {
	b.t.Helper()
	if reply := b.send(request); !strings.HasPrefix(reply, "HTTP/1.1 200 ") {
		return reply
	}
	return <-b.requests
}

// reply has the upstream answer with these bytes, and gives what the client got.
func (b *bothWays) reply(answer string) string {
	b.t.Helper()
	b.answer.Store(&answer)
	return b.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
}
