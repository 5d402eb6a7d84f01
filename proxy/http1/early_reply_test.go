package http1_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// decider is an upstream that is asked whether it wants a body, and decides before it reads it. What comes behind the
// request line of a connection's first request and looks like another one it takes for one: its answers name the
// connection.
type decider struct {
	listener net.Listener
	interim  string // what it says first
	reads    bool   // the body
	running  sync.WaitGroup
}

func startDecider(t *testing.T, interim string, reads bool) *decider {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &decider{listener: ln, interim: interim, reads: reads}
	d.running.Go(d.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		d.running.Wait()
	})
	return d
}

func (d *decider) accept() {
	for number := 1; ; number++ {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.running.Go(func() { d.serve(conn, number) })
	}
}

func (d *decider) serve(conn net.Conn, number int) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * patience)) // a test that hangs ends
	for in := bufio.NewReader(conn); ; {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if request.Method == http.MethodPost {
			_, _ = io.WriteString(conn, d.interim) // what does not arrive is missed at the client
			if d.reads {
				_, _ = io.Copy(io.Discard, request.Body)
			}
		}
		if strings.HasPrefix(request.URL.Path, "/hidden") {
			if _, err := in.Peek(1); err != nil { // its answer waits until it can be taken for another's
				return
			}
		}
		answer := fmt.Sprintf("%d %s", number, request.URL.Path)
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	}
}

// TestReplyWithoutContinue: an upstream that was asked whether it wants the body, and replied without having said so, may
// not have read what it has got of it. Its connection is not used again; any other is.
func TestReplyWithoutContinue(t *testing.T) {
	const expect, proceed = "Expect: 100-continue\r\n", "HTTP/1.1 100 Continue\r\n\r\n"
	for _, test := range []struct {
		name, field, interim string
		reads                bool
		want                 string // connection and path of the request that follows
		rules                []string
	}{
		{"Refused", expect, "", false, "2 /next", nil},
		{"AskedByARule", "", "", false, "2 /next", []string{`{"headers":{"request":{"set":{"Expect":"100-continue"}}}}`}},
		{"RefusedInOtherWords", "Expect: y 100-continue\r\n", "", false, "2 /next", nil},
		{"RefusedAfterAHint", expect, "HTTP/1.1 103 Early Hints\r\n\r\n", false, "2 /next", nil},
		{"Wanted", expect, proceed, true, "1 /next", nil},
		{"NotAsked", "", "", true, "1 /next", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := startDecider(t, test.interim, test.reads)
			_, addr := startEngine(t, d.listener.Addr().String(), test.rules...)
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			in := bufio.NewReader(conn)
			_, _ = io.WriteString(conn, posted(test.field+"Content-Length: 33", hidden))
			finalReply(t, in)
			_, _ = io.WriteString(conn, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
			if got := finalReply(t, in); got != test.want {
				t.Errorf("the reply is %q, want %q", got, test.want)
			}
		})
	}
}

// finalReply reads a reply behind those that are not final, and gives its body.
func finalReply(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	for {
		reply, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		if reply.StatusCode >= 200 {
			return string(body)
		}
	}
}
