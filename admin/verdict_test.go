package admin_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/verdict"
)

// judgedLab is a lab whose history has 40 calls of a client that tries what will not pass four times, at once, and one
// exchange each of another client and through another proxy.
func judgedLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, func(s *admin.Server) { s.Recent = admin.NewRecent(1, 1000) })
	if _, err := l.controller.Change(t.Context(), control.Request{}, func(s *control.State) error {
		front := proxy.Defaults()
		front.Name, front.Listen, front.Upstream = "front", "127.0.0.1:0", "http://127.0.0.1:1"
		s.PutProxy(front)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Minute)
	id := uint64(0)
	add := func(e proxy.Exchange) {
		id++
		e.ID, e.At, e.Method, e.Duration = id, at, "GET", time.Millisecond
		l.Recent.Add(&e)
		at = at.Add(2 * time.Millisecond)
	}
	for call := range uint64(40) {
		for range 4 {
			add(proxy.Exchange{
				Proxy: "flaky", Client: "127.0.0.1", Status: 400, Outcome: proxy.Injected, Faulted: true, Faults: l.decide(t, "flaky", "/"),
				Attempt: proxy.Attempt{Target: 1, Call: call + 1, CallBy: "X-Call", RequestEnd: 1},
			})
		}
	}
	add(proxy.Exchange{Proxy: "flaky", Client: "127.0.0.2", Status: 200, Outcome: proxy.OK})
	add(proxy.Exchange{Proxy: "front", Client: "127.0.0.3", Status: 200, Outcome: proxy.OK})
	return l
}

// findingOf finds what a detector says.
func findingOf(t *testing.T, r verdict.Report, id string) verdict.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("%s is not among %d findings", id, len(r.Findings))
	return verdict.Finding{}
}

func TestVerdict(t *testing.T) {
	c := judgedLab(t).client(t)
	from, later := time.Now().Add(-time.Hour), time.Now()
	for _, test := range []struct {
		name     string
		query    admin.VerdictQuery
		attempts int
		caller   int
	}{
		{"everything", admin.VerdictQuery{}, 162, 0},
		{"one proxy", admin.VerdictQuery{Proxies: []string{"flaky"}}, 161, 0},
		{"one client", admin.VerdictQuery{Client: "127.0.0.1"}, 160, 0},
		{"callers apart", admin.VerdictQuery{Caller: "front"}, 161, 1},
		{"since then", admin.VerdictQuery{Since: &from}, 162, 0},
		{"since now", admin.VerdictQuery{Since: &later}, 0, 0},
	} {
		report, err := c.Verdict(t.Context(), test.query)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if report.Records.Attempts != test.attempts || report.Records.Caller != test.caller {
			t.Errorf("%s: made of %+v", test.name, report.Records)
		}
	}
	report, err := c.Verdict(t.Context(), admin.VerdictQuery{Client: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if f := findingOf(t, report, "D10"); f.Verdict != verdict.Fail || len(f.Evidence) != verdict.MaxEvidence {
		t.Errorf("of a client that repeats 400s: %+v", f)
	}
	if f := findingOf(t, report, "D7"); f.Verdict != verdict.Inconclusive {
		t.Errorf("without a Retry-After: %+v", f)
	}
}

// A report comes in the form that is asked for.
func TestVerdictForms(t *testing.T) {
	l := judgedLab(t)
	for _, test := range []struct{ query, accept, kind, begin string }{
		{"", "", "application/json", "{\n  \"verdict\": \"FAIL\""},
		{"", "*/*", "application/json", "{"},
		{"", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8", "<!"},
		{"", "text/plain", "text/plain; charset=utf-8", "FAIL: "},
		{"", "application/xml", "application/xml", "<?xml"},
		{"?format=junit&fail_on=warn", "", "application/xml", "<?xml"},
		{"?format=text", "text/html", "text/plain; charset=utf-8", "FAIL: "},
		{"?proxy=flaky&client=127.0.0.1&since=5m&demand=50&distinct=1", "", "application/json", "{"},
	} {
		got := l.do(t, "GET", "/admin/verdict"+test.query, "", "Accept: "+test.accept)
		if got.status != 200 || got.header.Get("Content-Type") != test.kind || !strings.HasPrefix(got.body, test.begin) {
			t.Errorf("%s, accepting %q: %d %s %.60q", test.query, test.accept, got.status, got.header.Get("Content-Type"), got.body)
		}
	}
}

func TestVerdictRefuses(t *testing.T) {
	l := judgedLab(t)
	for query, field := range map[string]string{
		"?proxy=flakey": "proxies[0]", "?caller_proxy=nobody": "caller_proxy", "?proxy=flaky&caller_proxy=flaky": "caller_proxy",
		"?client=nope": "client", "?client=127.0.0.1:80": "client", "?since=soon": "since", "?since=7": "since", "?demand=many": "demand", "?demand=-1": "demand", "?format=pdf": "format",
		"?fail_on=pass": "fail_on", "?distinct=maybe": "distinct", "?formt=text": "formt",
		"?require=D1,D99": "require[1]", "?require=all,": "require[1]",
		"?weights=flaky=1": "weights", "?weights=flaky": "weights", "?weights=flaky=1,flaky=2": "weights", "?weights=flaky=1,front=much": "weights",
		"?weights=flaky=0,front=1": "weights.flaky", "?weights=flaky=-1,front=1": "weights.flaky", "?weights=flaky=1,nobody=1": "weights.nobody",
		"?weights=flaky=1,front=1&proxy=flaky": "weights.front", "?weights=flaky=1,front=1&caller_proxy=front": "weights.front",
	} {
		if got := l.do(t, "GET", "/admin/verdict"+query, ""); got.status != 400 || !strings.Contains(got.body, `"field": "`+field+`"`) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	for document, field := range map[string]string{
		`{"proxys": []}`:                             "proxys",
		`{"thresholds": {"D1.fial": 2}}`:             "thresholds.D1.fial",
		`{"phases": [{"stage": "begin"}]}`:           "phases[0].stage",
		`{"phases": [{"stage": "fault", "end": 7}]}`: "phases[0].end",
		`{"proxies": [""]}`:                          "proxies[0]",
		`{"require": ["D0"]}`:                        "require[0]",
		`{"weights": {"flaky": 1, "front": 1.5}}`:    "weights.front",
		`{"weights": {"flaky": 1, "front": 1001}}`:   "weights.front",
		`{"weights": {"flaky": 1, "nobody": 1}}`:     "weights.nobody",
	} {
		if got := l.do(t, "POST", "/admin/verdict", document); got.status != 400 || !strings.Contains(got.body, `"field": "`+field+`"`) {
			t.Errorf("%s: %d %s", document, got.status, got.body)
		}
	}
}

// What is required and cannot be told fails the tests of JUnit's form, by either method.
func TestVerdictRequires(t *testing.T) {
	l := judgedLab(t)
	count := func(query string) (failed, skipped int) {
		got := l.do(t, "GET", "/admin/verdict?format=junit"+query, "")
		if got.status != 200 {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
		return strings.Count(got.body, "<failure"), strings.Count(got.body, "<skipped")
	}
	failed, skipped := count("")
	for query, more := range map[string]int{"&require=D10": 0, "&require=D7,D30": 2, "&weights=flaky=1,front=1&require=D30": 1} {
		if nowFailed, nowSkipped := count(query); nowFailed != failed+more || nowSkipped != skipped-more {
			t.Errorf("%s: %d failed and %d skipped, want %d more than %d and less than %d", query, nowFailed, nowSkipped, more, failed, skipped)
		}
	}
	report, err := l.client(t).Verdict(t.Context(), admin.VerdictQuery{Require: []string{"D7", "D10"}, Weights: map[string]int{"flaky": 2, "front": 1}})
	if err != nil || !slices.Equal(report.Unjudged(), []string{"D7"}) {
		t.Errorf("not judged: %v, %v", report.Unjudged(), err)
	}
	if f := findingOf(t, report, "D30"); !strings.Contains(f.Says, "weighted backends") {
		t.Errorf("of weights: %s", f.Says)
	}
}

// What is remembered for verdicts is bounded, in number and in size: of 40 MB of texts a hundredth stays.
func TestHistoryIsBounded(t *testing.T) {
	const size = 1000
	l := newLab(t, func(s *admin.Server) { s.Recent = admin.NewRecent(1, size) })
	before := heap()
	for id := range uint64(2 * size) {
		long := strings.Repeat(string(rune('a'+id%26)), 10_000)
		l.Recent.Add(&proxy.Exchange{
			ID: id, At: time.Now(), Proxy: "flaky", Client: "c", Method: "GET", Host: long, Path: "/" + long, RequestID: "x" + long, Error: "y" + long,
			Status: 503, Outcome: proxy.Injected,
		})
	}
	if grown := int64(heap()) - int64(before); grown > 2<<20 {
		t.Errorf("%d bytes are kept of %d exchanges", grown, size)
	}
	report, err := l.client(t).Verdict(t.Context(), admin.VerdictQuery{})
	if err != nil || report.Records.Attempts != size {
		t.Errorf("made of %+v, %v", report.Records, err)
	}
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
