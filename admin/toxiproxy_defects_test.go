package admin_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// echo is an upstream that sends back what it gets.
func echo(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return ln.Addr().String()
}

// dial connects to a proxy, by the port of the address that an answer gave.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// passes fails the test unless what is sent comes back.
func passes(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, "ping"); err != nil {
		t.Fatalf("sending: %v", err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ping" {
		t.Fatalf("came back: %q, %v", got, err)
	}
}

// ends fails the test unless the other side ends the connection.
func ends(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v: want the end", n, err)
	}
}

// up reports whether something listens.
func up(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// eventually asks until it holds, for five seconds at most.
func eventually(t *testing.T, holds func() (bool, string)) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		ok, is := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after five seconds: %s", is)
		}
	}
}

// field gives a member of a JSON answer whose value is a text.
func field(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, `"`+name+`":"`)
	if !found {
		t.Fatalf("no %s in %s", name, body)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// Who populates again, and writes the same address in another way, loses neither toxics nor connections.
func TestD13PopulatingTwiceLosesNothing(t *testing.T) {
	for _, test := range []struct{ first, again string }{
		{"0.0.0.0:0", "0.0.0.0:PORT"},
		{"0.0.0.0:0", ":PORT"},
		{":0", "0.0.0.0:PORT"},
		{":0", "[::]:PORT"},
		{"", ":PORT"},
		{"localhost:0", "localhost:PORT"},
		{"localhost:0", "127.0.0.1:PORT"},
		{"127.0.0.1:0", "localhost:PORT"},
		{"127.0.0.1:0", "127.0.0.1:0"},
	} {
		t.Run(test.first+" "+test.again, func(t *testing.T) {
			l, upstream := newToxiproxyLab(t), echo(t)
			wanted := func(listen string) string {
				return fmt.Sprintf(`[{"name":"p","listen":%q,"upstream":%q}]`, listen, upstream)
			}
			listen := field(t, l.must(t, "POST", "/populate", wanted(test.first)).body, "listen")
			l.must(t, "POST", "/proxies/p/toxics", `{"type":"noop"}`)
			conn := dial(t, listen)
			passes(t, conn)
			before := l.do(t, "GET", "/proxies", "").body
			revision := l.controller.State().Revision
			port := listen[strings.LastIndex(listen, ":")+1:]
			got := l.must(t, "POST", "/populate", wanted(strings.ReplaceAll(test.again, "PORT", port)))
			if after := l.do(t, "GET", "/proxies", "").body; after != before || !strings.Contains(after, `"type":"noop"`) {
				t.Errorf("it was %s\nand is %s", before, after)
			}
			if want := `{"proxies":[` + strings.TrimSuffix(strings.TrimPrefix(before, `{"p":`), "}") + `]}`; got.body != want {
				t.Errorf("answered %s, want %s", got.body, want)
			}
			if now := l.controller.State().Revision; now != revision {
				t.Errorf("the revision went from %d to %d", revision, now)
			}
			passes(t, conn)
		})
	}
}

// A proxy that really differs is made anew, as in Toxiproxy; so are the toxics that a document names.
func TestPopulateReplacesWhatDiffers(t *testing.T) {
	l, upstream, other := newToxiproxyLab(t), echo(t), echo(t)
	listen := field(t, l.must(t, "POST", "/populate", `[{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream+`"}]`).body, "listen")
	l.must(t, "POST", "/proxies/p/toxics", `{"type":"noop"}`)
	conn := dial(t, listen)
	passes(t, conn)
	same := `[{"name":"p","listen":"` + listen + `","upstream":"` + upstream + `","toxics":[{"type":"noop","name":"x"},{"type":"noop","stream":"upstream"}]}]`
	got := l.must(t, "POST", "/populate", same)
	if !strings.Contains(got.body, `"toxics":[{"attributes":{},"name":"noop_upstream","type":"noop","stream":"upstream","toxicity":1},`+
		`{"attributes":{},"name":"x","type":"noop","stream":"downstream","toxicity":1}]`) {
		t.Errorf("the toxics of the document are not there: %s", got.body)
	}
	passes(t, conn)
	revision := l.controller.State().Revision
	if l.must(t, "POST", "/populate", same); l.controller.State().Revision != revision {
		t.Error("the same toxics again are a change")
	}
	got = l.must(t, "POST", "/populate", `[{"name":"p","listen":"`+listen+`","upstream":"`+other+`"}]`)
	if !strings.Contains(got.body, `"listen":"`+listen+`"`) || !strings.Contains(got.body, `"toxics":[]`) {
		t.Errorf("not made anew: %s", got.body)
	}
	ends(t, conn)
	passes(t, dial(t, listen))
}

// Populate can change whether a proxy is enabled, and nothing else of it.
func TestD14PopulateChangesEnabled(t *testing.T) {
	l, upstream := newToxiproxyLab(t), echo(t)
	const toxics = `"toxics":[{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}]`
	listen := field(t, l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream+`"}`).body, "listen")
	l.must(t, "POST", "/proxies/p/toxics", `{"type":"noop"}`)
	conn := dial(t, listen)
	passes(t, conn)
	for _, enabled := range []bool{false, true} {
		got := l.must(t, "POST", "/populate", fmt.Sprintf(`[{"name":"p","listen":%q,"upstream":%q,"enabled":%v}]`, listen, upstream, enabled))
		if !strings.Contains(got.body, fmt.Sprintf(`"listen":%q,"upstream":%q,"enabled":%v,%s`, listen, upstream, enabled, toxics)) {
			t.Errorf("enabled %v: %s", enabled, got.body)
		}
		if up(listen) != enabled {
			t.Errorf("enabled %v: something listens: %v", enabled, !enabled)
		}
		if !enabled {
			ends(t, conn)
		}
	}
	passes(t, dial(t, listen))
}

// What is refused has changed nothing, and no connection has noticed.
func TestD15WhatIsRefusedChangesNothing(t *testing.T) {
	l, upstream, busy := newToxiproxyLab(t), echo(t), busyPort(t)
	listen := field(t, l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream+`"}`).body, "listen")
	l.must(t, "POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":1,"jitter":2},"toxicity":0.5}`)
	conn := dial(t, listen)
	passes(t, conn)
	before, state := l.do(t, "GET", "/proxies", "").body, l.controller.State()
	for _, test := range []struct {
		path, body string
		status     int
	}{
		{"/proxies/p", `{"upstream":"other:1","listen":"` + busy + `"}`, 500},
		{"/proxies/p", `{"upstream":"other:1","listen":"bad"}`, 500},
		{"/proxies/p", `{"upstream":"other:1","enabled":"no"}`, 400},
		{"/proxies/p/toxics/latency_downstream", `{"attributes":{"latency":100,"jitter":"x"}}`, 400},
		{"/proxies/p/toxics/latency_downstream", `{"attributes":{"latency":100},"toxicity":"x"}`, 400},
		{"/proxies/p/toxics", `{"type":"latency","name":"new","attributes":{"latency":100,"jitter":"x"}}`, 400},
		{"/populate", `[{"name":"p","upstream":"other:1","listen":"` + busy + `"}]`, 500},
	} {
		if got := l.do(t, "POST", test.path, test.body); got.status != test.status {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
		if after := l.do(t, "GET", "/proxies", "").body; after != before || l.controller.State() != state {
			t.Errorf("%s %s: it was %s\nand is %s", test.path, test.body, before, after)
		}
		passes(t, conn)
	}
	passes(t, dial(t, listen))
}

// A name that could never be asked for again is refused, wherever one is given.
func TestD17ANameWithASlashIsRefused(t *testing.T) {
	l := newToxiproxyLab(t)
	l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"x"}`)
	before := l.controller.State()
	for _, test := range []struct{ path, body, want string }{
		{"/proxies", `{"name":"a/b","upstream":"x"}`, "name: must not contain a slash"},
		{"/populate", `[{"name":"c","upstream":"x"},{"name":"a/b","upstream":"x"}]`, "name at proxy 2: must not contain a slash"},
		{"/proxies/p/toxics", `{"type":"noop","name":"a/b"}`, "name: must not contain a slash"},
		{"/proxies", `{"name":"*","upstream":"x"}`, `name: \"*\" stands for all proxies`},
		{"/proxies", `{"name":"..","upstream":"x"}`, `name: must not be \"..\"`},
	} {
		if got := l.do(t, "POST", test.path, test.body); got.status != 400 || !strings.Contains(got.body, `"error":"`+test.want+`"`) {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
	}
	if l.controller.State() != before {
		t.Error("something was made")
	}
	for _, name := range []string{"a:1", "a b", "%2F", "été", strings.Repeat("x", 128)} { // what can be asked for can be made
		got := l.must(t, "POST", "/proxies", fmt.Sprintf(`{"name":%q,"listen":"127.0.0.1:0","upstream":"x"}`, name))
		if field(t, got.body, "name") != name {
			t.Errorf("%q became %s", name, got.body)
		}
	}
}

// The bytes are counted while the connection lasts.
func TestD18MetricsMoveWithTheBytes(t *testing.T) {
	l, upstream := newToxiproxyLab(t), echo(t)
	listen := field(t, l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream+`"}`).body, "listen")
	conn := dial(t, listen)
	counted := func(direction string, received, sent int) {
		t.Helper()
		labels := fmt.Sprintf(`{direction=%q,listener=%q,proxy="p",upstream=%q} `, direction, listen, upstream)
		eventually(t, func() (bool, string) {
			text := l.must(t, "GET", "/metrics", "").body
			return strings.Contains(text, fmt.Sprint("\ntoxiproxy_proxy_received_bytes_total", labels, received, "\n")) &&
				strings.Contains(text, fmt.Sprint("\ntoxiproxy_proxy_sent_bytes_total", labels, sent, "\n")), text
		})
	}
	for _, bytes := range []int{0, 4, 8} {
		counted("upstream", bytes, bytes)
		counted("downstream", bytes, bytes)
		passes(t, conn)
	}
	if !strings.Contains(l.do(t, "POST", "/metrics", "").body, "# TYPE toxiproxy_proxy_received_bytes_total counter") {
		t.Error("it is not a counter, or only GET may ask")
	}

	// What a toxic loses was received, and never sent.
	l.must(t, "POST", "/proxies/p/toxics", `{"type":"timeout","stream":"upstream"}`)
	if _, err := io.WriteString(conn, "lost"); err != nil {
		t.Fatal(err)
	}
	counted("upstream", 16, 12)
	l.must(t, "POST", "/reset", "")
	ends(t, conn)

	// Switched off and on it goes on counting; who is gone is not listed.
	l.must(t, "PATCH", "/proxies/p", `{"enabled":false}`)
	l.must(t, "PATCH", "/proxies/p", `{"enabled":true}`)
	counted("upstream", 16, 12)
	l.must(t, "DELETE", "/proxies/p", "")
	if text := l.must(t, "GET", "/metrics", "").body; strings.Contains(text, "toxiproxy_proxy") {
		t.Errorf("still there:\n%s", text)
	}
}

// TestPopulateWithTooMany is refused before any address is bound.
func TestPopulateWithTooMany(t *testing.T) {
	l := newToxiproxyLab(t)
	list := strings.Repeat(`{"name":"a","listen":"127.0.0.1:0","upstream":"u:1"},`, 1000) + `{"name":"b","upstream":"u:1"}`
	got := l.do(t, "POST", "/populate", "["+list+"]")
	if got.status != 400 || !strings.Contains(got.body, "at most 1000 proxies, got 1001") {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}
