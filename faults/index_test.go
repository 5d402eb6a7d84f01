package faults

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The model decides as the documentation has it, rule after rule, without an index, compiled conditions or shortcuts.

type modelRule struct {
	Rule
	matched, hits uint64
}

func (r *modelRule) decide(v *View, seed uint64) Decision {
	d := Decision{Rule: r.Name, Kind: r.Kind, Outcome: Skip}
	switch {
	case !r.Enabled:
		d.Why = WhyDisabled
		return d
	case r.Percent == 0:
		d.Why = WhyRoll
		return d
	case !modelMatch(r.Match, v):
		d.Why = WhyMatch
		return d
	case r.Except != nil && modelMatch(r.Except, v):
		d.Why = WhyExcept
		return d
	}
	r.matched++
	d.N = r.matched
	switch {
	case r.First != 0 && d.N > r.First, r.Every != 0 && d.N%r.Every != 0:
		d.Why = WhySelection
	case Roll(seed, r.Proxy, r.Name, "", d.N, 0) >= r.Percent/100:
		d.Why = WhyRoll
	case r.MaxTotal != 0 && r.hits == r.MaxTotal:
		d.Why = WhyLimit
	default:
		r.hits++
		d.Outcome = Hit
	}
	return d
}

func modelMatch(m *Match, v *View) bool {
	if m == nil {
		return true
	}
	holds := (m.Methods == nil || slices.Contains(m.Methods, v.Method)) &&
		modelValues(m.Host, []string{strings.ToUpper(v.Host)}) &&
		modelValues(m.Path, []string{v.Path})
	if m.Response != nil {
		holds = holds && slices.Contains(m.Response.Status, v.Status)
	}
	query, _ := url.ParseQuery(v.RawQuery)
	holds = holds && modelValues(m.Query["q"], query["q"])
	for name, values := range m.Headers {
		holds = holds && modelValues(values, v.Header.Values(name))
	}
	return holds
}

func modelValues(vs Values, texts []string) bool {
	for _, v := range vs {
		if v.Absent && len(texts) == 0 {
			return true
		}
		for _, text := range texts {
			if v.Exact != nil && naive(*v.Exact, text) || v.Prefix != nil && strings.HasPrefix(text, *v.Prefix) ||
				v.Regex != nil && regexp.MustCompile(*v.Regex).MatchString(text) {
				return true
			}
		}
	}
	return len(vs) == 0
}

func modelExchange(rules []*modelRule, v *View, seed uint64) (decisions []Decision) {
	for _, phase := range []Phase{Before, After} {
		for _, r := range rules {
			if r.Phase != phase {
				continue
			}
			d := r.decide(v, seed)
			decisions = append(decisions, d)
			if d.Outcome == Hit && r.Kind == "abort" {
				return decisions
			}
		}
	}
	return decisions
}

// One small world for rules and exchanges, so that they meet often.
func drawTexts(t *rapid.T, what string, from ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID).Draw(t, what)
}

func drawValues(t *rapid.T, what string, from ...string) (vs Values) {
	for _, text := range drawTexts(t, what, from...) {
		if prefix, ok := strings.CutPrefix(text, "prefix:"); ok {
			vs = append(vs, Value{Prefix: &prefix})
		} else if regex, ok := strings.CutPrefix(text, "regex:"); ok {
			vs = append(vs, Value{Regex: &regex})
		} else if text == "absent" {
			vs = append(vs, Value{Absent: true})
		} else {
			vs = append(vs, Value{Exact: &text})
		}
	}
	return vs
}

func drawMatch(t *rapid.T) *Match {
	m := &Match{
		Path: drawValues(t, "path", "/", "/a", "/a/", "/a/b", "/a/b/c", "/a/*", "/a/**", "/*/b", "**", "**/c", "/a/b/*/d", "/b*", "prefix:/a",
			"prefix:/a/b", "prefix:/a/b/c/d", "regex:^/a/b", "regex:^/a/b(/c)?$", "regex:(?i)^/A/B", "regex:/c", "regex:[ab]/c"),
		Host: drawValues(t, "host", "A", "B", "prefix:B"),
	}
	if vs := drawValues(t, "query", "1", "2", "", "absent"); vs != nil {
		m.Query = map[string]Values{"q": vs}
	}
	if methods := drawTexts(t, "methods", "GET", "PUT"); len(methods) > 0 {
		m.Methods = methods
	}
	for _, name := range []string{"X-A", "x-b"} {
		if vs := drawValues(t, name, "1", "2", "", "absent", "prefix:1", "prefix:long", "long-value", "long", "regex:^long"); vs != nil {
			m.Headers = map[string]Values{name: vs}
		}
	}
	return m
}

func drawRule(t *rapid.T, i int) Rule {
	r := Rule{Name: fmt.Sprint("r", i), Kind: "delay", Phase: Before, Attributes: &Delay{Latency: 1}}
	if rapid.IntRange(0, 5).Draw(t, "ends") == 0 {
		r.Kind, r.Attributes = "abort", &Abort{Status: 503}
	}
	if rapid.IntRange(0, 3).Draw(t, "after") == 0 {
		r.Phase = After
	}
	r.Match = drawMatch(t)
	if codes := rapid.SliceOfN(rapid.SampledFrom([]int{200, 503}), 0, 2).Draw(t, "statuses"); r.Phase == After && len(codes) > 0 {
		r.Match.Response = &ResponseMatch{Status: codes}
	}
	if rapid.IntRange(0, 4).Draw(t, "except") == 0 {
		r.Except = drawMatch(t)
	}
	r.Enabled = rapid.IntRange(0, 9).Draw(t, "disabled") > 0
	r.Percent = rapid.SampledFrom([]float64{100, 100, 100, 50, 1, 0}).Draw(t, "percent")
	r.First = rapid.SampledFrom([]uint64{0, 0, 2}).Draw(t, "first")
	r.Every = rapid.SampledFrom([]uint64{0, 0, 2}).Draw(t, "every")
	r.MaxTotal = rapid.SampledFrom([]uint64{0, 0, 3}).Draw(t, "max_total")
	return r
}

func drawView(t *rapid.T) *View {
	v := get(rapid.SampledFrom([]string{"/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/d", "/b", "/bb/c", "/c"}).Draw(t, "path"))
	v.Method = rapid.SampledFrom([]string{"GET", "PUT", "POST"}).Draw(t, "method")
	v.Host = rapid.SampledFrom([]string{"a", "B", "bb", "c"}).Draw(t, "host")
	header := http.Header{}
	for _, name := range []string{"X-A", "X-B"} {
		for _, line := range rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "", "11", "long", "long-value", "long-valued"}), 0, 2).Draw(t, name) {
			header.Add(name, line)
		}
	}
	v.Header = header
	v.RawQuery = rapid.SampledFrom([]string{"", "q=1", "q=1&q=2", "q", "p=1&q=2", "q=3", "q=%31"}).Draw(t, "query")
	v.Status = rapid.SampledFrom([]int{200, 503, 0, 1000}).Draw(t, "status")
	return v
}

// TestDecisionsAreThoseOfALinearScan: the index changes nothing but the time it takes.
func TestDecisionsAreThoseOfALinearScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Seed: rapid.Uint64().Draw(t, "seed")}
		var model []*modelRule
		for i := range rapid.IntRange(0, 40).Draw(t, "rules") {
			r := drawRule(t, i)
			c.Entries = append(c.Entries, Entry{Rule: r, Counter: NewCounter()})
			model = append(model, &modelRule{Rule: r})
		}
		set, err := Compile(c)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 10).Draw(t, "exchanges") {
			v := drawView(t)
			_, record := exchange(set, v)
			got, want := record.Decisions(), modelExchange(model, v, c.Seed)
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s %s%s %v:\n got %+v\nwant %+v", v.Method, v.Host, v.Path, v.Header, got, want)
			}
		}
		for i, entry := range c.Entries {
			if got := entry.Counter.Status(); got.Matched != model[i].matched || got.Hit != model[i].hits || got.Active != 0 {
				t.Fatalf("rule %d: status %+v, want %d matched, %d hits", i, got, model[i].matched, model[i].hits)
			}
		}
	})
}

// TestTheIndexLeavesOutWhatCannotMatch: of 1,000 rules with a literal condition a handful is looked at, and the one
// that does match is among them.
func TestTheIndexLeavesOutWhatCannotMatch(t *testing.T) {
	for _, c := range []struct{ match, own string }{
		{`{"path":"/%s/**"}`, "api"},
		{`{"path":"/api/%s/**"}`, "v1"},
		{`{"path":["/api/v1/%s","/api/v1/%[1]s/*"]}`, "users"},
		{`{"path":"/api/v1/%s/**"}`, "users"},
		{`{"host":"%s.Test"}`, "stock"},
		{`{"headers":{"x-tenant":"%s"}}`, "alpha"},
		{`{"methods":["%s"]}`, "GET"},
		{`{"path":"/api/**","headers":{"X-Tenant":["%s","%[1]s-2"]}}`, "alpha"},
		{`{"methods":["GET"],"path":["/api/**","/%s"],"host":["%[1]s.test","STOCK.test"],"headers":{"X-Tenant":"%[1]s"}}`, "alpha"},
	} {
		rule := func(name string) string {
			return fmt.Sprintf(`{"name":"it","abort":503,"match":`+c.match+`}`, name)
		}
		var config Config
		for i := range 1000 {
			config.Entries = append(config.Entries, Entry{Rule: mustRule(t, rule(fmt.Sprint("R", i)))})
		}
		config.Entries = append(config.Entries, Entry{Rule: mustRule(t, rule(c.own))})
		set := mustCompile(t, config)
		v := with(get("/api/v1/users/"), "X-Tenant", "alpha")
		var p Plan
		p.Begin(set, v)
		looked := 0
		for r := p.candidates.next(); r != nil; r = p.candidates.next() {
			looked++
		}
		if looked > 4*tableCost {
			t.Errorf("%s: %d of 1,001 rules are looked at", c.match, looked)
		}
		if _, record := exchange(set, v); !record.Hit() {
			t.Errorf("%s: the rule that matches is not found", c.match)
		}
	}
}

// TestRulesBelowOnePathCostOthersNothing: they have nothing else that tells them apart, and all stand in one place.
func TestRulesBelowOnePathCostOthersNothing(t *testing.T) {
	var config Config
	for i := range 1000 {
		config.Entries = append(config.Entries, Entry{Rule: mustRule(t, fmt.Sprintf(`{"name":"r","delay":"1s","match":{"path":"/api/*%d"}}`, i))})
	}
	set := mustCompile(t, config)
	for path, most := range map[string]int{"/health": tableCost, "/api/7": 1000} {
		var found candidates
		set.before.index.candidates(&found, get(path))
		looked := 0
		for r := found.next(); r != nil; r = found.next() {
			looked++
		}
		if looked > most {
			t.Errorf("%s: %d of 1,000 rules are looked at", path, looked)
		}
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		path  string
		depth int
		want  string
	}{
		{"", 1, ""},
		{"/", 1, "/"},
		{"/", 2, "/"},
		{"/a", 1, "/a"},
		{"/a/", 1, "/a"},
		{"/a/", 2, "/a/"},
		{"/a/b/c", 1, "/a"},
		{"/a/b/c", 2, "/a/b"},
		{"/a/b/c", 3, "/a/b/c"},
		{"/a/b/c", 4, "/a/b/c"},
		{"//a", 1, "/"},
		{"a", 1, "a"},
	} {
		if got := segments(c.path, c.depth); got != c.want {
			t.Errorf("segments(%q, %d) = %q, want %q", c.path, c.depth, got, c.want)
		}
	}
}
