package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestCertifyRefusesWhatItCannotDo(t *testing.T) {
	s := startServe(t, nil)
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	s.squall("proxies", "add", "b", "127.0.0.1:0", fineUpstream(t))
	s.squall("proxies", "add", "gone", "127.0.0.1:0", "http://127.0.0.1:1")
	s.squall("faults", "rule", "slow", `{"proxy":"b","delay":"1ms"}`)
	for _, test := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "want --proxy", nil},
		{exitUsage, "want --proxy", []string{"--proxy", "a", "--upstream", "http://x"}},
		{exitUsage, "not with --admin", []string{"--upstream", "http://x", "--cmd", "true"}},
		{exitUsage, "--rate: of what", []string{"--proxy", "a", "--rate", "5"}},
		{exitUsage, "--rate 2000", []string{"--proxy", "a", "--rate", "2000", "--url", "http://x"}},
		{exitUsage, "--url", []string{"--proxy", "a", "--url", "localhost:80"}},
		{exitUsage, "--scale 0.01", []string{"--proxy", "a", "--scale", "0.01"}},
		{exitUsage, "--fail-on", []string{"--proxy", "a", "--fail-on", "pass"}},
		{exitUsage, `no detector "D31"`, []string{"--proxy", "a", "--require", "D31"}},
		{exitUsage, "unknown threshold", []string{"--proxy", "a", "--threshold", "D1.fial=2"}},
		{exitFail, "no proxy", []string{"--proxy", "nobody"}},
		{exitFail, `rule "slow" acts on proxy "b" already`, []string{"--proxy", "b"}},
		{exitFail, `nobody has called proxy "a"`, []string{"--proxy", "a", "--scale", "0.02"}},
		{exitFail, "exchanges of proxy \"gone\" failed, the last one with status 502", []string{"--proxy", "gone", "--scale", "0.02", "--url", s.url("gone")}},
		{exitFail, "the client has ended before the course did (exit status 7: no such shop)", []string{"--proxy", "a", "--cmd", "echo no such shop >&2; exit 7"}},
		{exitFail, "failed, the last with exit status 3: lost", []string{"--proxy", "a", "--scale", "0.02", "--rate", "20", "--cmd", "echo lost >&2; exit 3"}},
	} {
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, append([]string{"certify"}, test.args...)...)
		if code != test.code || !strings.Contains(errs, test.says) {
			t.Errorf("%v: exit code %d, %s", test.args, code, errs)
		}
	}
	s.squall("faults", "set", "failure")
	if code, _, errs := runSquall(t, nil, "certify", "--admin", s.admin, "--proxy", "a"); code != exitFail || !strings.Contains(errs, "in mode failure already") {
		t.Errorf("in mode failure: exit code %d, %s", code, errs)
	}
}

// TestCertifyCutShort: an interrupted course takes its fault away at once, and ends the client that it has started.
func TestCertifyCutShort(t *testing.T) {
	s := startServe(t, nil)
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pid := filepath.Join(t.TempDir(), "pid")
	log := &lockedBuffer{}
	sys := system{in: strings.NewReader(""), out: log, err: log, getenv: func(string) string { return "" }}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{
			"certify", "--admin", s.admin, "--proxy", "a", "--url", s.url("a"), "--scale", "0.1", "--cmd", "echo $$ >" + pid + "; sleep 60; true",
		}, sys)
	}()
	for !strings.Contains(s.squall("leases", "list"), "certify-") {
		if time.Sleep(20 * time.Millisecond); len(ended) > 0 {
			t.Fatalf("it has ended: %s", log)
		}
	}
	cancel()
	if code := <-ended; code != exitFail {
		t.Errorf("exit code %d: %s", code, log)
	}
	if rules := s.squall("leases", "list"); strings.Contains(rules, "certify-") {
		t.Errorf("it has left behind %s", rules)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(text))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the client goes on: %v", err)
	}
}

// TestDrivenCalls: a command is run once a call and told its number, or the URL is called.
func TestDrivenCalls(t *testing.T) {
	folder := t.TempDir()
	var called atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n := called.Add(1); r.URL.Path != "/"+strconv.Itoa(int(n)) {
			t.Errorf("call %d is for %s", n, r.URL.Path)
		}
	}))
	defer server.Close()
	for _, d := range []driving{
		{command: "echo $SQUALL_A_URL >" + folder + "/$SQUALL_CALL", rate: 20},
		{url: server.URL + "/{n}", rate: 20},
	} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errors.New("over"))
		made, missed := d.start(ctx, func(err error) { t.Error(err) }, system{}, "SQUALL_A_URL=here").wait()
		cancel()
		if made < 2 || missed != 0 {
			t.Errorf("%+v: made %d, missed %d", d, made, missed)
		}
	}
	if text, err := os.ReadFile(filepath.Join(folder, "1")); err != nil || string(text) != "here\n" {
		t.Errorf("the first command has written %q, %v", text, err)
	}
	if called.Load() < 2 {
		t.Errorf("the URL was called %d times", called.Load())
	}
}

// Of what a command writes to its standard error the end is kept.
func TestTail(t *testing.T) {
	var end tail
	for i := range 1000 {
		fmt.Fprintf(&end, "line %d\n", i)
	}
	if text := end.text(); len(end.kept) != toldOfCommand || !strings.HasSuffix(text, "line 998 line 999") || strings.Contains(text, "\n") {
		t.Errorf("%d bytes are kept: %q", len(end.kept), text)
	}
}

// TestCertifyWantsTheProxyForItself: a course ends without a verdict where somebody else sets a fault, or takes its own away.
func TestCertifyWantsTheProxyForItself(t *testing.T) {
	s := startServe(t, nil)
	for name, test := range map[string]struct{ says, method, path, body string }{
		"another rule": {`rule "other" acts on proxy "a" already`, "PUT", "/admin/faults/rules/other", `{"proxy":"a","delay":"1ms"}`},
		"none left":    {"somebody has taken the course's fault away", "DELETE", "/admin/faults", ""},
	} {
		s.squall("faults", "clear")
		s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
		type end struct {
			code int
			errs string
		}
		ended := make(chan end, 1)
		go func() {
			code, _, errs := runSquall(t, nil, "certify", "--admin", s.admin, "--proxy", "a", "--url", s.url("a"), "--scale", "0.05", "--rate", "20")
			ended <- end{code, errs}
		}()
		for !strings.Contains(s.squall("leases", "list"), "certify-") {
			if time.Sleep(20 * time.Millisecond); len(ended) > 0 {
				t.Fatalf("%s: it has ended: %+v", name, <-ended)
			}
		}
		request, err := http.NewRequest(test.method, s.admin+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
		if e := <-ended; e.code != exitFail || !strings.Contains(e.errs, test.says) {
			t.Errorf("%s: exit code %d, %s", name, e.code, e.errs)
		}
		s.squall("faults", "clear")
		s.squall("proxies", "rm", "a")
	}
	http.DefaultClient.CloseIdleConnections()
}
