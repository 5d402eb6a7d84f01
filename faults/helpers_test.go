package faults

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// start is when every exchange of the tests begins, unless it says otherwise.
var start = time.Unix(1_700_000_000, 0)

func decodeRule(text string) (Rule, error) {
	var r Rule
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		return r, err
	}
	return r, document.Decode(n, &r)
}

func mustRule(t testing.TB, text string) Rule {
	t.Helper()
	r, err := decodeRule(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func mustCompile(t testing.TB, c Config) *Set {
	t.Helper()
	set, err := Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// setOf compiles rules, with their counters in the same order.
func setOf(t testing.TB, rules ...string) (*Set, []*Counter) {
	t.Helper()
	c := Config{Seed: 42}
	var counters []*Counter
	for _, text := range rules {
		counters = append(counters, NewCounter())
		c.Entries = append(c.Entries, Entry{Rule: mustRule(t, text), Counter: counters[len(counters)-1]})
	}
	return mustCompile(t, c), counters
}

// get is a GET of a path.
func get(path string) *View {
	return &View{
		Proxy: "stock", Method: "GET", Host: "stock.test:8080", Path: path, Header: http.Header{},
		Source: netip.MustParseAddr("10.1.2.3"), Connection: 7, Now: start, Status: 200, ResponseHeader: http.Header{},
	}
}

// with is a view with a request header field.
func with(v *View, name, value string) *View {
	header := v.Header.(http.Header).Clone()
	header.Add(name, value)
	v.Header = header
	return v
}

// drain takes what a phase has to give.
func drain(p *Plan, v *View) (actions []Action) {
	for action, _ := p.Next(v); action != nil; action, _ = p.Next(v) {
		actions = append(actions, action)
	}
	return actions
}

// exchange walks one exchange through both phases and ends it.
func exchange(s *Set, v *View) ([]Action, Record) {
	var p Plan
	p.Begin(s, v)
	defer p.Done()
	actions := drain(&p, v)
	p.BeginAfter(v)
	actions = append(actions, drain(&p, v)...)
	return actions, p.Record()
}

// hits gives the numbers, from 1, of those of n equal exchanges that were hit.
func hits(s *Set, n int, view func(i int) *View) (numbers []int) {
	for i := 1; i <= n; i++ {
		if _, record := exchange(s, view(i)); record.Hit() {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func same(v *View) func(int) *View { return func(int) *View { return v } }
