package http1_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// difference is one point in which the two executors do not do the same, as ARCHITECTURE.md has it.
type difference struct {
	what           string
	http1, nethttp string                             // what happens
	happens        func(*testing.T, *bothWays) string // finds it out
}

var differences = []difference{
	{
		"fields of a request", "spelling and order kept", "canonical, in another order",
		func(t *testing.T, b *bothWays) string {
			got := b.request("GET / HTTP/1.1\r\nhost: x\r\nx-zebra: 1\r\nX-APPLE: 2\r\n\r\n")
			zebra, apple := strings.Index(got, "\r\nx-zebra: 1\r\n"), strings.Index(got, "\r\nX-APPLE: 2\r\n")
			if zebra > 0 && apple > zebra {
				return "spelling and order kept"
			}
			if strings.Contains(got, "\r\nX-Zebra: 1\r\n") && strings.Contains(got, "\r\nX-Apple: 2\r\n") {
				return "canonical, in another order"
			}
			return got
		},
	},
	{
		"fields of a reply", "spelling and order kept", "canonical, in another order",
		func(t *testing.T, b *bothWays) string {
			got := b.reply("HTTP/1.1 200 OK\r\nx-zebra: 1\r\nX-APPLE: 2\r\ncontent-length: 0\r\n\r\n")
			zebra, apple := strings.Index(got, "\r\nx-zebra: 1\r\n"), strings.Index(got, "\r\nX-APPLE: 2\r\n")
			if zebra > 0 && apple > zebra {
				return "spelling and order kept"
			}
			if strings.Contains(got, "\r\nX-Zebra: 1\r\n") && strings.Contains(got, "\r\nX-Apple: 2\r\n") {
				return "canonical, in another order"
			}
			return got
		},
	},
	{
		"path `/a|b`", "/a|b", "/a%7Cb",
		func(t *testing.T, b *bothWays) string {
			return strings.Fields(b.request("GET /a|b HTTP/1.1\r\nHost: x\r\n\r\n") + " - -")[1]
		},
	},
	{
		"reason phrase `Fine`", "Fine", "OK",
		func(t *testing.T, b *bothWays) string {
			line, _, _ := strings.Cut(b.reply("HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"), "\r\n")
			return strings.TrimPrefix(line, "HTTP/1.1 200 ")
		},
	},
	{
		"GET on a pooled connection that dies without a byte", "1 call, 502", "2 calls, 200",
		func(t *testing.T, b *bothWays) string {
			b.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			before := b.calls.Load()
			b.die.Store(true)
			reply := b.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			calls := b.calls.Load() - before
			return fmt.Sprintf("%d call%s, %.3s", calls, strings.Repeat("s", int(calls-1)), reply[min(9, len(reply)):])
		},
	},
	{
		"client that leaves during a delay, its body unread", "noticed at once", "noticed after the delay",
		func(t *testing.T, b *bothWays) string {
			const delay = 1500 * time.Millisecond
			b.change(func(e *proxy.Endpoint) { e.Faults = ruled(t, `{"delay": "1500ms"}`) })
			conn := b.dial()
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
			_ = conn.Close()
			if x := <-b.exchanges; x.Duration >= delay {
				return "noticed after the delay"
			}
			return "noticed at once"
		},
	},
	{
		"an empty line before a request", "skipped", "400",
		func(t *testing.T, b *bothWays) string {
			if reply := b.send("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(reply, "HTTP/1.1 200 ") {
				return fmt.Sprintf("%.3s", reply[min(9, len(reply)):])
			}
			return "skipped"
		},
	},
	{
		"bare line feeds in a reply's head", "502", "passed",
		func(t *testing.T, b *bothWays) string {
			return passedOr(b.reply("HTTP/1.1 200 OK\nContent-Length: 0\n\n"))
		},
	},
	{
		"Transfer-Encoding and Content-Length in a reply", "502", "passed",
		func(t *testing.T, b *bothWays) string {
			return passedOr(b.reply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
		},
	},
}

// passedOr gives the status of a reply if it is not 200.
func passedOr(reply string) string {
	if strings.HasPrefix(reply, "HTTP/1.1 200 ") {
		return "passed"
	}
	return fmt.Sprintf("%.3s", reply[min(9, len(reply)):])
}

// TestDifferences holds the table in ARCHITECTURE.md: every row happens, and no row is missing there. What only http1
// refuses of requests has a table of its own.
func TestDifferences(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		t.Run(d.what, func(t *testing.T) {
			for name, want := range map[string]string{"http1": d.http1, "nethttp": d.nethttp} {
				if got := d.happens(t, newBothWays(t, name)); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if row := "| " + d.what + " | " + d.http1 + " | " + d.nethttp + " |\n"; !strings.Contains(string(text), row) {
				t.Errorf("ARCHITECTURE.md has no row %s", row)
			}
		})
	}
}
