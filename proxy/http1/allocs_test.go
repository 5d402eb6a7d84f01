package http1_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestNoAllocations: what passes through allocates nothing, whatever its shape. (One allocation in 64 exchanges makes the
// request ids, and the runtime has some of its own.) The race detector allocates, so make test runs this without it.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates; make test runs this test once more, without it")
	}
	const exchanges, most = 10_000, 0.05
	const get = "GET /a/b?c=d HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
	kilobyte := strings.Repeat("x", 1<<10)
	for _, test := range []struct{ name, request, reply string }{
		{"WithALength", get, ok},
		{"Chunked", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		{"WithABody", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n" + kilobyte, ok},
		{
			"WithMarks",
			"GET /a HTTP/1.1\r\nHost: x\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nIdempotency-Key: 7\r\n\r\n",
			"HTTP/1.1 503 Busy\r\nDate: Sun, 22 Nov 2026 20:00:00 GMT\r\nRetry-After: 5\r\nCache-Control: max-age=60\r\n" +
				"Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"data\":\"hello\"}",
		},
		{"ThroughAProxy", "GET / HTTP/1.1\r\nHost: x\r\nVia: 1.1 nginx (a, b)\r\nX-Forwarded-For: 198.51.100.7, 203.0.113.9\r\n\r\n", ok},
		{"EmptyReply", "DELETE /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: \xff\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, reply := exchanger(t, test.request, test.reply)
			client.exchange(t, 500, len(reply)) // fills the pools
			before := mallocs()
			client.exchange(t, exchanges, len(reply))
			if each := float64(mallocs()-before) / exchanges; each > most {
				t.Errorf("%.3f allocations for an exchange, want at most %v", each, most)
			} else {
				t.Logf("%.4f allocations for an exchange", each)
			}
		})
	}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// repeater sends the same request again and again, and allocates nothing for that.
type repeater struct {
	conn    net.Conn
	request []byte
	buffer  []byte
}

// exchanger connects a repeater through the engine to an upstream that allocates nothing either. reply is what one
// exchange brings.
func exchanger(t *testing.T, request, answer string) (client *repeater, reply string) {
	t.Helper()
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go answerAll(upstream, request, answer, done)
	t.Cleanup(func() {
		_ = upstream.Close()
		<-done
	})
	engine, addr := startEngine(t, upstream.Addr().String())
	t.Cleanup(func() { stopEngine(t, engine) }) // before the upstream, so that its connection ends
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(6 * patience))
	client = &repeater{conn, []byte(request), make([]byte, 4<<10)}
	if _, err := conn.Write(client.request); err != nil {
		t.Fatal(err)
	}
	_, end, _ := strings.Cut(answer, "\r\n\r\n") // of the reply; its head gets longer on the way
	end = "\r\n\r\n" + end
	for !strings.HasSuffix(reply, end) {
		n, err := conn.Read(client.buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, reply)
		}
		reply += string(client.buffer[:n])
	}
	return client, reply
}

// answerAll answers one connection until it ends. What reaches it for a request is longer than the request, and ends the
// same way.
func answerAll(ln net.Listener, request, answer string, done chan<- struct{}) {
	defer close(done)
	conn, err := ln.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	buffer, got, reply := make([]byte, 8<<10), 0, []byte(answer)
	_, end, _ := strings.Cut(request, "\r\n\r\n")
	ending := []byte("\r\n\r\n" + end)
	for {
		n, err := conn.Read(buffer[got:])
		if err != nil {
			return
		}
		if got += n; bytes.HasSuffix(buffer[:got], ending) {
			got = 0
			if _, err := conn.Write(reply); err != nil {
				return
			}
		}
	}
}

// exchange makes so many exchanges, each of which brings so many bytes.
func (r *repeater) exchange(t *testing.T, times, length int) {
	t.Helper()
	for range times {
		if _, err := r.conn.Write(r.request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r.conn, r.buffer[:length]); err != nil {
			t.Fatal(err)
		}
	}
}
