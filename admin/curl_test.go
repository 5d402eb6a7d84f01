package admin_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// curl sends, byte for byte, what curl 8 does for "curl -X method localhost:8474path -d body".
func (l *lab) curl(t *testing.T, method, path, body string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := method + " " + path + " HTTP/1.1\r\nHost: localhost:8474\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\nContent-Type: application/x-www-form-urlencoded\r\n", len(body))
	}
	if _, err := io.WriteString(conn, head+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// The five lines of the README, in their order.
func TestTheCurlLines(t *testing.T) {
	l := newLab(t)
	for _, line := range []struct {
		method, path, body string
		want               want
		mode               string // of flaky, afterwards
		rules              int
	}{
		{"PUT", "/admin/faults", `{"mode":"failure"}`, want{200, []string{`"mode":"failure"`}, nil}, "failure", 0},
		{"PUT", "/admin/faults", `{"modes":{"flaky":"fallback"},"ttl":"30s"}`, want{200, []string{`"modes":{"flaky":"fallback"}`, `"timed":{"modes":{"flaky":{"back_to":null,"expires_in":"`}, nil}, "fallback", 0},
		{"PUT", "/admin/faults/rules/slow", `{"proxy":"flaky","delay":"300ms","percent":50}`, want{201, []string{`"kind":"delay","phase":"before"`, `"percent":50`}, nil}, "fallback", 1},
		{"PUT", "/admin/faults/rules/twice", `{"proxy":"flaky","abort":503,"first":2}`, want{201, []string{`"kind":"abort"`, `"first":2`}, nil}, "fallback", 2},
		{"DELETE", "/admin/faults", "", want{200, []string{`"mode":"normal","modes":{}`, `"rules":[]`}, nil}, "normal", 0},
	} {
		check(t, l.curl(t, line.method, line.path, line.body), line.want)
		s := l.controller.State()
		if got := s.ModeOf("flaky"); got != line.mode || len(s.Rules) != line.rules {
			t.Errorf("%s %s: mode %s and %d rules, want %s and %d", line.method, line.body, got, len(s.Rules), line.mode, line.rules)
		}
	}
}
