package faults

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// listOf writes n texts as a JSON list.
func listOf(n int, text func(i int) string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text(i)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// TestListsOfAMatchAreBounded: 100,000 methods took 11 s at every change.
func TestListsOfAMatchAreBounded(t *testing.T) {
	quoted := func(pattern string) func(int) string {
		return func(i int) string { return fmt.Sprintf(pattern, i) }
	}
	for _, c := range []struct {
		match, field string // match with %s for a list
		entry        func(int) string
	}{
		{`{"methods":%s}`, "methods", quoted(`"M%d"`)},
		{`{"path":%s}`, "path", quoted(`"/%d"`)},
		{`{"host":%s}`, "host", quoted(`"h%d"`)},
		{`{"source":%s}`, "source", quoted(`"10.0.%d.0/24"`)},
		{`{"headers":{"X-A":%s}}`, "headers.X-A", quoted(`"v%d"`)},
		{`{"query":{"a":%s}}`, "query.a", quoted(`"v%d"`)},
		{`{"response":{"status":%s}}`, "response.status", func(i int) string { return fmt.Sprint(200 + i%100) }},
		{`{"response":{"headers":{"X-A":%s}}}`, "response.headers.X-A", quoted(`"v%d"`)},
		{`{"headers":{%s}}`, "headers", quoted(`"X-%d":"v"`)},
		{`{"query":{%s}}`, "query", quoted(`"a%d":"v"`)},
	} {
		entry := c.entry
		if c.field == "source" {
			entry = func(i int) string { return fmt.Sprintf(`"10.%d.%d.1"`, i/250, i%250) }
		}
		for n, want := range map[int]string{MaxList: "", MaxList + 1: c.field} {
			list := listOf(n, entry)
			if strings.Contains(c.match, "{%s}") {
				list = strings.Trim(list, "[]")
			}
			for _, side := range []string{"match", "except"} {
				_, err := decodeRule(`{"name":"it","abort":503,"phase":"after","` + side + `":` + fmt.Sprintf(c.match, list) + `}`)
				var refusal *document.Error
				switch {
				case want == "" && err != nil:
					t.Errorf("%d entries of %s: %v", n, c.field, err)
				case want != "" && (!errors.As(err, &refusal) || refusal.Field != side+"."+want):
					t.Errorf("%d entries of %s: got %v, want a refusal of %s.%s", n, c.field, err, side, want)
				}
			}
		}
	}
}

// TestManyMethodsCompileInLinearTime: Go code can build what no document says.
func TestManyMethodsCompileInLinearTime(t *testing.T) {
	r := mustRule(t, `{"name":"it","abort":503}`)
	r.Match = &Match{}
	for i := range 100_000 {
		r.Match.Methods = append(r.Match.Methods, fmt.Sprintf("M%d", i))
	}
	begin := time.Now()
	set := mustCompile(t, Config{Entries: []Entry{{Rule: r}}})
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	for method, want := range map[string]bool{"M99999": true, "GET": false} {
		v := get("/")
		v.Method = method
		if _, record := exchange(set, v); record.Hit() != want {
			t.Errorf("%s: hit %t, want %t", method, record.Hit(), want)
		}
	}
}

// TestRegularExpressionsAreBounded: one of 900 instructions took 200 ms of a request with a path of 16 KiB.
func TestRegularExpressionsAreBounded(t *testing.T) {
	for expression, fine := range map[string]bool{
		`^/v[0-9]+/users/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`: true,
		`(a|b)+c{1,200}`: true,
		`[a/]{0,900}b`:   false,
		`(a{25}){25}`:    false,
		`(a+){499}`:      false,
	} {
		_, err := decodeValues(`{"regex":"` + expression + `"}`)
		var refusal *document.Error
		if fine != (err == nil) || !fine && (!errors.As(err, &refusal) || refusal.Field != "regex") {
			t.Errorf("%s: got %v", expression, err)
		}
	}
	set, _ := setOf(t, `{"name":"it","abort":503,"match":{"path":{"regex":"^/a+$"}}}`)
	for n, want := range map[int]bool{MaxRegexText: true, MaxRegexText + 1: false} {
		if _, record := exchange(set, get("/"+strings.Repeat("a", n-1))); record.Hit() != want {
			t.Errorf("a path of %d bytes: hit %t, want %t", n, record.Hit(), want)
		}
	}
}

// TestRegularExpressionsSeeTheFirstLines: a header of 56 KiB in seven lines cost ten seconds.
func TestRegularExpressionsSeeTheFirstLines(t *testing.T) {
	set, _ := setOf(t, `{"name":"it","abort":503,"match":{"headers":{"X-A":{"regex":"^b$"}}}}`)
	for length, want := range map[int]bool{MaxRegexText - 1: true, MaxRegexText: false} {
		v := with(with(get("/"), "X-A", strings.Repeat("a", length)), "X-A", "b")
		if _, record := exchange(set, v); record.Hit() != want {
			t.Errorf("behind a line of %d bytes: hit %t, want %t", length, record.Hit(), want)
		}
	}
}

// TestConditionsOfASetAreBoundedTogether: a thousand regular expressions within their own bounds are a minute of a request.
func TestConditionsOfASetAreBoundedTogether(t *testing.T) {
	for _, c := range []struct {
		match    string // of 1,000 rules
		fine     bool
		excepted bool
	}{
		{match: `{"path":{"regex":"^/r[0-9]+$"}}`, fine: true},
		{match: `{"path":{"regex":"a{0,100}b"}}`},
		{match: `{"host":{"regex":"a{0,100}b"}}`},
		{match: `{"headers":{"A":{"regex":"a{0,100}b"}}}`},
		{match: `{"query":{"a":{"regex":"a{0,100}b"}}}`},
		{match: `{"path":{"regex":"a{0,100}b"}}`, excepted: true},
		{match: `{"response":{"headers":{"A":{"regex":"a{0,100}b"}}}}`},
		{match: `{"path":"/a/**/b"}`, fine: true},
		{match: `{"path":[` + strings.TrimSuffix(strings.Repeat(`"**`+strings.Repeat("a", 100)+`**b",`, 20), ",") + `]}`},
	} {
		side := "match"
		if c.excepted {
			side = "except"
		}
		entry := Entry{Rule: mustRule(t, `{"name":"it","abort":503,"phase":"after","`+side+`":`+c.match+`}`)}
		var entries []Entry
		for range 1000 {
			entries = append(entries, entry)
		}
		_, err := Compile(Config{Entries: entries})
		if c.fine != (err == nil) || !c.fine && !strings.Contains(err.Error(), `rule "it"`) {
			t.Errorf("%.60s: got %v", c.match, err)
		}
	}
}

// TestHostilePathsStayCheap: 1,000 rules with ** took 20 s of a request with a path of 16 KiB.
func TestHostilePathsStayCheap(t *testing.T) {
	var rules []string
	for i := range 1000 {
		rules = append(rules, fmt.Sprintf(`{"name":"r%d","abort":503,"match":{"path":"%s%d*a"}}`, i, strings.Repeat("**a", 20), i))
	}
	set, _ := setOf(t, rules...)
	begin := time.Now()
	if _, record := exchange(set, get("/"+strings.Repeat("a", 16<<10))); record.Hit() {
		t.Error("a rule hit")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if _, record := exchange(set, get("/"+strings.Repeat("xa", 20)+"999a")); !record.Hit() {
		t.Error("no rule hit")
	}
}

// BenchmarkRegex_Hostile is the most that one regular expression costs.
func BenchmarkRegex_Hostile(b *testing.B) {
	expression := `[a/]{0,240}b`
	compiled, err := Value{Regex: &expression}.compile(equal)
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("a", MaxRegexText)
	for b.Loop() {
		compiled(text)
	}
}
