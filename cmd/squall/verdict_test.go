package main

import (
	"encoding/xml"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestVerdictOfAClientThatRepeatsEverything: the flags choose the forms, and the exit code says how bad it is.
func TestVerdictOfAClientThatRepeatsEverything(t *testing.T) {
	s := startServe(t, nil, "--call-header", "X-Shop-Call")
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	s.squall("faults", "rule", "gone", `{"proxy":"a","abort":404}`)
	for _, call := range []string{"1", "2", "3", "4", "5", "6"} {
		for range 3 {
			request, err := http.NewRequestWithContext(t.Context(), "GET", s.url("a"), nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Shop-Call", call)
			reply, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			reply.Body.Close()
		}
	}
	http.DefaultClient.CloseIdleConnections()
	files := t.TempDir()
	junit, page := filepath.Join(files, "verdict.xml"), filepath.Join(files, "verdict.html")
	out := ""
	for range 100 { // an exchange is over a moment behind its reply
		if out = s.squall("verdict", "--proxy", "a", "--junit", junit, "--html", page); strings.Contains(out, "by id: 12") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !strings.HasPrefix(out, "FAIL: ") || !strings.Contains(out, "by id: 12") || !strings.Contains(out, "D10") {
		t.Errorf("the verdict is %s", out)
	}
	if short := s.squall("verdict", "--proxy", "a", "--library", "axios"); !strings.Contains(short, "mend, axios") || strings.Contains(short, "mend, Polly") {
		t.Errorf("for axios the verdict is %s", short)
	}
	var suites struct {
		Failures int `xml:"failures,attr"`
	}
	if text, err := os.ReadFile(junit); err != nil || xml.Unmarshal(text, &suites) != nil || suites.Failures == 0 {
		t.Errorf("JUnit's XML is %s, %v", text, err)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "D10") {
		t.Errorf("the page is %s, %v", text, err)
	}
	for _, test := range []struct {
		code int
		args []string
	}{
		{exitVerdict, []string{"--fail-on", "fail"}},
		{exitVerdict, []string{"--fail-on", "warn", "--json"}},
		{exitOK, []string{"--fail-on", "fail", "--client", "192.0.2.1"}}, // INCONCLUSIVE fails nobody
		{exitVerdict, []string{"--client", "192.0.2.1", "--require", "D10"}},
		{exitVerdict, []string{"--require", "D10,D30"}},
		{exitVerdict, []string{"--require", "all"}},
		{exitOK, []string{"--require", "D10"}}, // a FAIL is judged
		{exitUsage, []string{"--require", "D1,D31"}},
		{exitUsage, []string{"--weights", "a=1"}},
		{exitUsage, []string{"--weights", "a=0,c=1"}},
		{exitUsage, []string{"--weights", "a"}},
		{exitFail, []string{"--weights", "a=1,b=1"}},
		{exitUsage, []string{"--fail-on", "pass"}},
		{exitUsage, []string{"--threshold", "D1.fial=2"}},
		{exitUsage, []string{"--threshold", "D1.fail"}},
		{exitUsage, []string{"--since", "-1s"}},
		{exitUsage, []string{"--library", "curl"}},
		{exitFail, []string{"--proxy", "b"}},
	} {
		code, _, errs := runSquall(t, nil, append([]string{"verdict", "--admin", s.admin}, test.args...)...)
		if code != test.code {
			t.Errorf("%v: exit code %d, want %d; %s", test.args, code, test.code, errs)
		}
	}
}

// TestVerdictHistory: of as many exchanges as are kept a verdict is made, and none where none are.
func TestVerdictHistory(t *testing.T) {
	for _, test := range []struct{ kept, code, calls, seen int }{{3, exitOK, 5, 3}, {0, exitFail, 1, 0}} {
		s := startServe(t, nil, "--verdict-history", strconv.Itoa(test.kept))
		s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
		for range test.calls {
			get(t, s.url("a"))
		}
		code, out, errs := runSquall(t, nil, "verdict", "--admin", s.admin)
		if code != test.code {
			t.Errorf("of %d kept: exit code %d: %s", test.kept, code, errs)
		}
		if test.seen > 0 && !strings.Contains(out, strconv.Itoa(test.seen)+" exchanges in") {
			t.Errorf("of %d kept: %s", test.kept, out)
		}
		if test.kept == 0 && !strings.Contains(errs, "--verdict-history") {
			t.Errorf("of none kept: %s", errs)
		}
	}
	for _, wrong := range []string{"-1", "200001", "many"} {
		if code, _, _ := runSquall(t, nil, "serve", "--verdict-history", wrong); code != exitUsage {
			t.Errorf("--verdict-history %s: exit code %d", wrong, code)
		}
	}
}

// TestVerdictOfSquallCall: equal calls of squall's own client are told apart by the ids that it gives them.
func TestVerdictOfSquallCall(t *testing.T) {
	s := startServe(t, nil)
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	s.squall("faults", "rule", "some", `{"proxy":"a","abort":503,"every":2}`)
	s.squall("call", s.url("a"), "--as", "retry", "--retry-delay", "1ms", "--count", "10")
	out := ""
	for range 100 { // an exchange is over a moment behind its reply
		if out = s.squall("verdict", "--proxy", "a"); strings.Contains(out, "19 exchanges in 10 calls") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !strings.Contains(out, " in 10 calls") || !strings.Contains(out, "by id: 9") || strings.Contains(out, "look like others") {
		t.Errorf("the verdict is %s", out)
	}
}
