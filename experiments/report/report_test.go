package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/experiments/runner"
	"github.com/squall-proxy/squall/internal/browser"
	"github.com/squall-proxy/squall/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// script is a name that would be one if it were not escaped.
const script = `<script>alert("1")</script> | *x*`

// events are those of a run that deviates: a fault from second 10 to 20 with failures, then a recovery.
func events() []runner.Event {
	hits, took := uint64(100), 1500*time.Millisecond
	all := []runner.Event{
		{At: start, What: "run", Name: "checkout & " + script, RunID: "run-1", Experiment: json.RawMessage(`{"version":"v1","description":"p99 stays < 400 ms"}`)},
		{At: start, What: "phase", Name: "before"},
	}
	check := func(s float64, name, phase, seen, why string) {
		made := runner.CheckResult{Check: name, Phase: phase, At: at(s), Seen: seen, Why: why}
		all = append(all, runner.Event{At: at(s), What: "check", Name: name, Why: why, Check: &made})
	}
	second := func(s int) {
		of := load.Second{At: at(float64(s)), Requests: 20, P50: 2 * time.Millisecond, P99: 8 * time.Millisecond}
		if s >= 10 && s < 20 {
			of.Errors, of.P99 = int64(s-9), 300*time.Millisecond
		}
		all = append(all, runner.Event{At: at(float64(s) + 1), What: "load", Name: "main", Seconds: []load.Second{of}})
	}
	for s := range 30 {
		if s == 7 { // a gap
			continue
		}
		second(s)
		switch {
		case s == 9:
			check(9.9, "errors", "before", "0 of 160", "")
			check(9.9, script, "before", "200", "")
			all = append(all, runner.Event{At: at(10), What: "phase", Name: "during"}, runner.Event{At: at(10), What: "step", Name: "bad", Step: &runner.StepResult{Name: "bad", Fault: "bad", Began: at(10)}})
		case s >= 10 && s < 20:
			why := ""
			if s >= 14 {
				why = "12 of 90 requests failed, more than 1%"
			}
			check(float64(s)+0.5, "errors", "during", "12 of 90", why)
			check(float64(s)+0.5, script, "during", "200", "")
		}
		if s == 19 {
			step := runner.StepResult{Name: "bad", Fault: "bad", Began: at(10), Ended: at(20), Hits: &hits}
			all = append(all, runner.Event{At: at(20), What: "step-end", Name: "bad", Hits: &hits, Step: &step},
				runner.Event{At: at(20), What: "step", Name: "pause 2s"},
				runner.Event{At: at(22), What: "step-end", Name: "pause 2s", Step: &runner.StepResult{Name: "pause 2s", Began: at(20), Ended: at(22)}},
				runner.Event{At: at(22), What: "phase", Name: "recovery"})
		}
	}
	slices.SortStableFunc(all, func(a, b runner.Event) int { return a.At.Compare(b.At) })
	figures := load.Figures{Phase: "before", Start: start, Requests: 180, P50: 2 * time.Millisecond, P90: 5 * time.Millisecond, P99: 8 * time.Millisecond, P999: 9 * time.Millisecond, Max: 10 * time.Millisecond}
	during := load.Figures{Phase: "during", Start: at(10), Requests: 200, Errors: 55, P50: 2 * time.Millisecond, P90: 250 * time.Millisecond, P99: 300 * time.Millisecond, P999: 301 * time.Millisecond, Max: 310 * time.Millisecond}
	return append(all, runner.Event{At: at(30), What: "end", Name: "deviated", Result: &runner.Result{
		RunID: "run-1", Title: "checkout & " + script, Verdict: runner.Deviated, State: runner.Completed,
		Reasons: []string{"while faults acted: errors: 12 of 90 requests failed, more than 1%"}, Began: start, Ended: at(30),
		Loads:    []runner.LoadResult{{Load: "main", Phases: []load.Figures{figures, during}, Warning: "the load itself could not keep up"}},
		Recovery: &runner.Recovery{FaultEnded: at(22), Took: &took},
		Expectations: []runner.ExpectationResult{
			{Name: "hits of bad: 10 at least", Outcome: runner.Passed, Says: "100 hits"},
			{
				Name: "bounded_retries of " + script, Outcome: runner.Deviated, Says: "4 retries <b>", Evidence: []uint64{7, 8},
				Figures: []verdict.Figure{{Name: "retries", Value: 4}},
			},
			{Name: "timeout of stock: 350ms at most", Outcome: runner.Inconclusive, Says: "nobody called"},
		},
		Replays: []runner.Replay{{Check: "errors", Path: "run-replay-errors.json"}, {Check: script, Error: "the disk is full"}},
	}})
}

// stopped are the events of a run in which docker stopped a service, once twice, and paused another one: one stop is undone by the
// run, the other one by the next start, and the pause by nobody.
func stopped() []runner.Event {
	do := func(s float64, what, do, service string) runner.Event {
		return runner.Event{At: at(s), What: what, Name: do + " " + service, Docker: &runner.Owed{Do: do, Service: service}}
	}
	step := func(s float64, what, name string) runner.Event {
		of := runner.StepResult{Name: "docker " + name, Kind: "docker stop", Began: at(s)}
		if what == "step-end" {
			of.Began, of.Ended = at(s-2), at(s)
		}
		return runner.Event{At: at(s), What: what, Name: of.Name, Step: &of}
	}
	return []runner.Event{
		{At: start, What: "run", Name: "services that stop", RunID: "run-3"},
		step(1, "step", "stop a"), do(1.1, "docker", "stop", "a"), do(2.9, "docker-undone", "stop", "a"), step(3, "step-end", "stop a"),
		step(4, "step", "restart a"), step(6, "step-end", "restart a"),
		step(7, "step", "pause b"), do(7.1, "docker", "pause", "b"), step(9, "step-end", "pause b"),
		step(9.5, "step", "stop a"), do(9.6, "docker", "stop", "a"),
		do(60, "docker-undone", "stop", "a"),
		{At: at(61), What: "end", Name: "aborted", Why: "interrupted"},
	}
}

// searched are the events of a search that found its breaking point; killed, those before its end.
func searched(ended bool) []runner.Event {
	took, good, bad, none, hits := 1500*time.Millisecond, experiments.Level{}, experiments.Level{Value: 20}, uint64(0), uint64(9)
	trials := []runner.Trial{
		{Number: 1, Level: good, Good: true, Began: at(1), Ended: at(5), Hits: &none, Recovered: &took},
		{Number: 2, Level: bad, Check: script, Why: "3 of 20 failed", Began: at(6), Ended: at(9), Hits: &hits},
	}
	all := []runner.Event{{At: start, What: "run", Name: "how much", RunID: "run-2"}}
	for _, t := range trials {
		step := runner.StepResult{Name: "search", Fault: "search", Began: t.Began, Ended: t.Ended, Hits: t.Hits}
		all = append(all, runner.Event{At: t.Began, What: "step", Name: step.Name, Step: &step}, runner.Event{At: t.Ended, What: "step-end", Name: step.Name, Step: &step})
		all = append(all, runner.Event{At: t.Ended, What: "trial", Trial: &t})
	}
	unknown := runner.CheckResult{Check: "errors", Phase: "trial 2", At: at(8), Unknown: "exchanges were missed"}
	all = append(all, runner.Event{At: at(8), What: "check", Name: "errors", Check: &unknown})
	if !ended {
		return all
	}
	return append(all, runner.Event{At: at(10), What: "end", Result: &runner.Result{
		RunID: "run-2", Title: "how much", Verdict: runner.Passed, State: runner.Completed, Began: start, Ended: at(10),
		Search: &runner.SearchResult{Vary: "rule.percent", LastGood: &good, FirstBad: &bad, Trials: trials},
	}})
}

// killedAt are the events of a run that was killed at a second, and marked by a later one.
func killedAt(second float64) []runner.Event {
	all := events()
	cut := slices.IndexFunc(all, func(e runner.Event) bool { return e.At.After(at(second)) })
	return append(all[:cut:cut], runner.Event{At: at(9998), What: "docker-undone"}, runner.Event{At: at(9999), What: "end", Name: "aborted", Why: "interrupted"})
}

// A journal may say anything of when things were.
func TestARunOfManyYearsIsDrawn(t *testing.T) {
	all := events()
	all[len(all)-1].At = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	var page bytes.Buffer
	if err := Of(all).WriteHTML(&page); err != nil || page.Len() > 1<<20 {
		t.Errorf("%d bytes, %v", page.Len(), err)
	}
}

func TestReports(t *testing.T) {
	for _, test := range []struct {
		file  string
		run   Run
		write func(Run, *bytes.Buffer) error
	}{
		{"deviated.html", Of(events()), func(r Run, b *bytes.Buffer) error { return r.WriteHTML(b) }},
		{"deviated.xml", Of(events()), func(r Run, b *bytes.Buffer) error { return r.WriteJUnit(b) }},
		{"deviated.md", Of(events()), func(r Run, b *bytes.Buffer) error { return r.WriteMarkdown(b) }},
		{"search.html", Of(searched(true)), func(r Run, b *bytes.Buffer) error { return r.WriteHTML(b) }},
		{"search.xml", Of(searched(true)), func(r Run, b *bytes.Buffer) error { return r.WriteJUnit(b) }},
		{"search.md", Of(searched(true)), func(r Run, b *bytes.Buffer) error { return r.WriteMarkdown(b) }},
		{"killed-search.md", Of(searched(false)), func(r Run, b *bytes.Buffer) error { return r.WriteMarkdown(b) }},
		{"docker.html", Of(stopped()), func(r Run, b *bytes.Buffer) error { return r.WriteHTML(b) }},
		{"docker.md", Of(stopped()), func(r Run, b *bytes.Buffer) error { return r.WriteMarkdown(b) }},
		{"killed.html", Of(killedAt(15)), func(r Run, b *bytes.Buffer) error { return r.WriteHTML(b) }},
		{"killed.xml", Of(killedAt(15)), func(r Run, b *bytes.Buffer) error { return r.WriteJUnit(b) }},
		{"killed.md", Of(killedAt(15)), func(r Run, b *bytes.Buffer) error { return r.WriteMarkdown(b) }},
	} {
		var got bytes.Buffer
		if err := test.write(test.run, &got); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", test.file)
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s is another one (-update writes it anew):\n%s", golden, diff)
		}
	}
}

// A run that was killed shows what is known of it, and that it was.
func TestARunThatWasKilled(t *testing.T) {
	for name, all := range map[string][]runner.Event{
		"marked": killedAt(15), "not marked": killedAt(15)[:len(killedAt(15))-2],
	} {
		r := Of(all)
		if r.Verdict != runner.Aborted || !r.Interrupted() || len(r.Reasons) != 1 || r.Reasons[0] != killed {
			t.Errorf("%s: %s, %s, %q", name, r.Verdict, r.State, r.Reasons)
		}
		if !r.Ended.Equal(at(15)) {
			t.Errorf("%s: it ended at %v", name, r.Ended)
		}
		if len(r.Steps) != 1 || !r.Steps[0].Cut || r.Steps[0].Fault != "bad" || r.Steps[0].Took() != 5*time.Second {
			t.Errorf("%s: steps %+v", name, r.Steps)
		}
		if len(r.Loads) != 1 || len(r.Loads[0].Seconds) != 14 /* without the gap */ || len(r.Phases) != 2 || len(r.Checks) != 12 {
			t.Errorf("%s: %d loads, %d phases, %d checks", name, len(r.Loads), len(r.Phases), len(r.Checks))
		}
	}
}

// The last word on a second counts, whatever order they come in.
func TestASecondIsToldOfAgain(t *testing.T) {
	r := Of([]runner.Event{
		{At: start, What: "run"},
		{At: at(2), What: "load", Name: "main", Seconds: []load.Second{{At: at(1), Requests: 1}, {At: start, Requests: 5}}},
		{At: at(3), What: "load", Name: "main", Seconds: []load.Second{{At: at(1), Requests: 7, Errors: 7}}},
	})
	if diff := cmp.Diff([]load.Second{{At: start, Requests: 5}, {At: at(1), Requests: 7, Errors: 7}}, r.Loads[0].Seconds); diff != "" {
		t.Error(diff)
	}
}

// A line of a long run has no more points than can be drawn, and no request or worst time is lost.
func TestALongRunIsThinned(t *testing.T) {
	var seconds []load.Second
	for i := range 10_000 {
		seconds = append(seconds, load.Second{At: at(float64(i)), Requests: 3, Errors: 1, P50: time.Millisecond, P99: time.Duration(i%1000) * time.Millisecond})
	}
	all := points(seconds)
	var requests, errors int64
	var worst time.Duration
	for _, p := range all {
		requests, errors, worst = requests+p.Requests, errors+p.Errors, max(worst, p.P99)
	}
	if len(all) > maxPoints || len(all) < maxPoints/2 || requests != 30_000 || errors != 10_000 || worst != 999*time.Millisecond {
		t.Errorf("%d points, %d requests, %d errors, at most %v", len(all), requests, errors, worst)
	}
}

func TestScales(t *testing.T) {
	for highest, want := range map[float64]string{0: "0 0.2 0.4 0.6 0.8 1", 1: "0 0.2 0.4 0.6 0.8 1", 20: "0 5 10 15 20", 20.5: "0 5 10 15 20 25", 99: "0 20 40 60 80 100", 501: "0 200 400 600"} {
		var c chart
		top := c.scale(highest, func(v float64) string { return fmt.Sprintf("%.3g", v) })
		var got []string
		for _, y := range c.Y {
			got = append(got, y.Text)
		}
		if text := strings.Join(got, " "); text != want || top < highest {
			t.Errorf("%v: %s up to %v, want %s", highest, text, top, want)
		}
	}
	for seconds, want := range map[int]string{5: "0 s 1 s 2 s 3 s 4 s 5 s", 90: "0 s 15 s 30 s 45 s 1:00 min 1:15 min 1:30 min", 7200: "0 s 15:00 min 30:00 min 45:00 min 1:00 h 1:15 h 1:30 h 1:45 h 2:00 h"} {
		var got []string
		for _, x := range (axis{start, at(float64(seconds))}).ticks() {
			got = append(got, x.Text)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%d s: %s, want %s", seconds, text, want)
		}
	}
}

// What things are called comes from a user, and must not become part of the page. Nothing is fetched, nothing is run.
func TestThePageIsSelfContained(t *testing.T) {
	var b bytes.Buffer
	if err := Of(events()).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "http://", "https://", "url(", "@import", " src=", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, wanted := range []string{`lang="en"`, "prefers-color-scheme: dark", "&lt;script&gt;", "<caption>", `scope="col"`, `role="img"`, "<polyline"} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page has no %q", wanted)
		}
	}
	var markdown bytes.Buffer
	if err := Of(events()).WriteMarkdown(&markdown); err != nil {
		t.Fatal(err)
	}
	if text := markdown.String(); strings.Contains(text, "<script") || !strings.Contains(text, `&lt;script&gt;alert("1")&lt;/script&gt; \| \*x\*`) {
		t.Error("a name is taken for Markdown")
	}
}

func TestThePageInABrowser(t *testing.T) {
	for name, run := range map[string]Run{"deviated": Of(events()), "killed": Of(killedAt(15)), "nothing": Of(events()[:1])} {
		path, err := filepath.Abs(filepath.Join(t.TempDir(), name+".html"))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := run.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		address := (&url.URL{Scheme: "file", Path: path}).String()
		page := chromium.Open(t, address)
		if title := browser.Get(t, page, chromedp.Title()); !strings.HasSuffix(title, ": checkout & "+script) {
			t.Errorf("%s: its title is %q", name, title)
		}
		// A text that does not fit, or a drawing that does not show, is no console error.
		const shown = `[...document.querySelectorAll("svg rect, svg polyline")].every(e => e.getBoundingClientRect().width > 0)`
		if !browser.Get(t, page, chromedp.Evaluate[bool](shown)) {
			t.Errorf("%s: something drawn cannot be seen", name)
		}
		const wide = `document.documentElement.scrollWidth <= document.documentElement.clientWidth`
		if !browser.Get(t, page, chromedp.Evaluate[bool](wide)) {
			t.Errorf("%s: the page is wider than its window", name)
		}
		const back = `getComputedStyle(document.body).backgroundColor`
		light := browser.Get(t, page, chromedp.Evaluate[string](back))
		page.Prefer(t, "prefers-color-scheme", "dark")
		if dark := browser.Get(t, page, chromedp.Evaluate[string](back)); dark == light {
			t.Errorf("%s: %s in the light and in the dark", name, dark)
		}
		if name == "deviated" { // for whoever wants to look at it
			page.Screenshot(t, name)
		}
		if found := page.Complaints(); len(found) > 0 {
			t.Errorf("%s: complaints: %q", name, found)
		}
		if asked := page.Requests(); len(asked) != 1 || asked[0] != address {
			t.Errorf("%s: asked for %q, want only the page itself", name, asked)
		}
	}
}
