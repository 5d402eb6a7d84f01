package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin/live"
)

// squall watch shows rates, rules that hit and changes, as lines, until its time is over.
func TestWatch(t *testing.T) {
	s := startServe(t, nil, "--config-inline", `proxies: [{name: shop, listen: "127.0.0.1:0", upstream: "`+fineUpstream(t)+`"}]`)
	callSteadily(t, s.url("shop"))
	seen := make(chan string)
	go func() { seen <- s.squall("watch", "--for", "3500ms") }()
	eventually(t, "nobody watches", func() bool {
		_, text := s.fetch("/admin/connections")
		return strings.Contains(text, "shop")
	})
	time.Sleep(500 * time.Millisecond) // until it reads: what came before it is not told of
	s.squall("faults", "rule", "busy", `{"proxy":"shop","abort":503}`)
	out := <-seen
	if code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, "watch", "--proxy", "shp", "--for", "1s"); code != exitFail || !strings.Contains(errs, "shp") {
		t.Errorf("a proxy that there is not: exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		`(?m)^AT       PROXY `, `(?m)^\d\d:\d\d:\d\d shop +normal +\d+ +[1-9]\d* `, `rule busy \(abort on shop\) hit \d+ of \d+`, `revision 1: 127\.0\.0\.1:\d+ changed rules`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s is not in:\n%s", want, out)
		}
	}
}

func TestWatchWithoutASquall(t *testing.T) {
	code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": "http://127.0.0.1:1"}, "watch")
	if code != exitFail || !strings.Contains(errs, "is squall running?") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// In a terminal the table is drawn again in place, with the latest news below; what others have named moves no cursor.
func TestWatchInATerminal(t *testing.T) {
	var out bytes.Buffer
	screen := &tableScreen{out: &out}
	for i := range 12 {
		screen.news(time.Unix(int64(i), 0), "news")
	}
	screen.figures(time.Now(), []live.ProxyFigures{{Proxy: "a\x1b[2J", Mode: "normal", Point: live.Point{Counts: live.Counts{OK: 3}, P50: 1.25}}})
	screen.figures(time.Now(), nil)
	text := out.String()
	if strings.Count(text, "\x1b[2J") != 1 || strings.Count(text, "\x1b[H") != 14 || !strings.Contains(text, "1.2ms") {
		t.Errorf("%q", text)
	}
	out.Reset()
	screen.news(time.Now(), "squall has gone") // no figures follow
	if text := out.String(); strings.Count(text, "news") != shownNews-1 || !strings.Contains(text, "squall has gone") || !strings.Contains(text, figuresHead) {
		t.Errorf("%q", text)
	}
}

// Once squall was reached, squall watch goes on where the feed has no place for it, and ends where it may not ask.
func TestWatchComesBack(t *testing.T) {
	answers := make(chan func(http.ResponseWriter), 4)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { (<-answers)(w) }))
	defer server.Close()
	refuse := func(status int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"status":%d,"reason":"not now"}`, status)
		}
	}
	answers <- func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, "event: gap\ndata: {\"missed\":0,\"reason\":\"a fresh start\"}\n\n")
	}
	answers <- refuse(http.StatusServiceUnavailable)
	answers <- refuse(http.StatusUnauthorized)
	code, out, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": server.URL}, "watch")
	if code != exitFail || strings.Count(errs, "not now") != 1 || strings.Count(out, "not now") != 1 || !strings.Contains(out, "some events are missing here: a fresh start") || !strings.Contains(out, "squall has gone") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
}
