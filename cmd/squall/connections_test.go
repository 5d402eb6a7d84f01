package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestConnectionsAreListedAndDropped(t *testing.T) {
	s := startServe(t, nil)
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	for _, way := range [][]string{{"--proxy", "a", "--reset"}, {"--all"}, nil} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url("a"), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := conn.Read(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		out := s.squall("connections", "list", "--proxy", "a")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != 2 || !strings.Contains(out, conn.LocalAddr().String()) {
			t.Fatalf("listed %s", out)
		}
		if way == nil {
			way = strings.Fields(lines[1])[:1]
		}
		if out := s.squall(append([]string{"connections", "drop"}, way...)...); out != "dropped 1\n" {
			t.Errorf("%v: %s", way, out)
		}
		if rest, err := io.ReadAll(conn); way[0] == "--proxy" == (err == nil) {
			t.Errorf("%v: the client saw %q, %v", way, rest, err)
		}
	}
	for _, args := range [][]string{{}, {"1", "--all"}, {"1", "2"}} {
		if code, _, errs := runSquall(t, nil, append([]string{"connections", "drop"}, args...)...); code != exitUsage || !strings.Contains(errs, "want one of") {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
}
