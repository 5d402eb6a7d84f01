package faults

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// bodyMatch reads conditions as rules have them.
func bodyMatch(t testing.TB, text string) BodyMatch {
	t.Helper()
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var b BodyMatch
	if err := document.Decode(n, &b); err != nil {
		t.Fatal(err)
	}
	if err := b.validate(); err != nil {
		t.Fatal(err)
	}
	return b
}

// bodyRule is one that looks into the body.
func bodyRule(t testing.TB, text, match string) Rule {
	t.Helper()
	r := mustRule(t, text)
	if r.Match == nil {
		r.Match = &Match{}
	}
	r.Match.Body = bodyMatch(t, match)
	return r
}

func TestMatchBody(t *testing.T) {
	const order = ` {"id": 7, "big": 9007199254740993, "price": 1.50, "paid": true, "note": null, "name": "Ü\"\u00e4/~",` +
		` "items": [{"sku": "a", "n": 1}, {"sku": "b"}], "a/b": {"m~n": 1, "": 2}, "twice": 1, "twice": {"x": 2}} `
	for _, c := range []struct {
		match string
		want  bool
	}{
		{`{"/id":7}`, true},
		{`{"/id":7.0}`, true},
		{`{"/id":"7"}`, false},
		{`{"/id":8}`, false},
		{`{"/id":true}`, false},
		{`{"/ID":7}`, false},
		{`{"/big":9007199254740993}`, true},
		{`{"/big":9007199254740992}`, false}, // the same float64
		{`{"/price":15e-1}`, true},
		{`{"/price":1.51}`, false},
		{`{"/paid":true}`, true},
		{`{"/paid":false}`, false},
		{`{"/paid":"true"}`, false},
		{`{"/note":null}`, true},
		{`{"/nothing":null}`, false},
		{`{"/name":"Ü\"ä/~"}`, true},
		{`{"/name":"Ü"}`, false},
		{`{"/items/0/sku":"a","/items/1/sku":"b"}`, true},
		{`{"/items/0/sku":"a","/items/1/sku":"a"}`, false},
		{`{"/items/2":null}`, false},
		{`{"/items/-":null}`, false},
		{`{"/items/00":{"sku":"a","n":1}}`, false},
		{`{"/items/+0":{"sku":"a","n":1}}`, false},
		{`{"/items/99999999999999999999":null}`, false},
		{`{"/items/0":{"n":1e0,"sku":"a"}}`, true},
		{`{"/items/0":{"sku":"a"}}`, false},
		{`{"/items/1":{"sku":"b","n":null}}`, false},
		{`{"/items":[{"sku":"a","n":1},{"sku":"b"}]}`, true},
		{`{"/items":[{"sku":"b"},{"sku":"a","n":1}]}`, false},
		{`{"/items":[{"sku":"a","n":1}]}`, false},
		{`{"/items":[{"sku":"a","n":1},{"sku":"b"},null]}`, false},
		{`{"/items":{}}`, false},
		{`{"/items/sku":"a"}`, false},
		{`{"/id/0":7}`, false},
		{`{"/a~1b/m~0n":1}`, true},
		{`{"/a~1b/":2}`, true},
		{`{"/a~1b":{"":2,"m~n":1}}`, true},
		{`{"/a/b":1}`, false},
		{`{"/twice":{"x":2}}`, true},
		{`{"/twice":1}`, false},
	} {
		set := mustCompile(t, Config{Entries: []Entry{{Rule: bodyRule(t, `{"name":"it","abort":503}`, c.match)}}})
		v := get("/")
		v.Body = []byte(order)
		if _, record := exchange(set, v); record.Hit() != c.want {
			t.Errorf("%s: hit %t, want %t", c.match, record.Hit(), c.want)
		}
	}
}

// TestMatchWholeBodies, and what is no JSON.
func TestMatchWholeBodies(t *testing.T) {
	atLimit := `"` + strings.Repeat("a", MaxMatchBody-2) + `"`
	for _, c := range []struct {
		body, match string
		want        bool
	}{
		{` [] `, `{"":[]}`, true},
		{"\n-0.0e5", `{"":0}`, true},
		{`0`, `{"":-0}`, true},
		{`-1`, `{"":1}`, false},
		{`1e99999999999`, `{"":1e99999999999}`, true},
		{`1e99999999999`, `{"":10e99999999998}`, false}, // beyond all measure
		{`{}`, `{"":{}}`, true},
		{`{"":{}}`, `{"/":{}}`, true},
		{`"a"`, `{"":"a"}`, true},
		{`"a"`, `{"":"A"}`, false},
		{`null`, `{"":null}`, true},
		{``, `{"":null}`, false},
		{`nul`, `{"":null}`, false},
		{`{"a":1}{}`, `{"/a":1}`, false},
		{`{"a":1`, `{"/a":1}`, false},
		{`a=1`, `{"":"a=1"}`, false},
		{atLimit, fmt.Sprintf(`{"":%s}`, atLimit), true},
		{atLimit + " ", fmt.Sprintf(`{"":%s}`, atLimit), false},
		{strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), `{"":[]}`, false},
	} {
		set := mustCompile(t, Config{Entries: []Entry{{Rule: bodyRule(t, `{"name":"it","abort":503}`, c.match)}}})
		v := get("/")
		v.Body = []byte(c.body)
		if _, record := exchange(set, v); record.Hit() != c.want {
			t.Errorf("%.40s in %.40s: hit %t, want %t", c.match, c.body, record.Hit(), c.want)
		}
	}
}

// TestExceptABody: what cannot be looked into is no exception.
func TestExceptABody(t *testing.T) {
	rule := mustRule(t, `{"name":"it","abort":503}`)
	rule.Except = &Match{Body: bodyMatch(t, `{"/test":true}`)}
	set := mustCompile(t, Config{Entries: []Entry{{Rule: rule}}})
	for body, want := range map[string]bool{`{"test":true}`: false, `{"test":false}`: true, ``: true} {
		v := get("/")
		v.Body = []byte(body)
		if _, record := exchange(set, v); record.Hit() != want {
			t.Errorf("%s: hit %t, want %t", body, record.Hit(), want)
		}
	}
	if !set.NeedsBody(get("/")) {
		t.Error("the exception does not ask for the body")
	}
}

// TestNeedsBody: only where a rule that can act may want to see it.
func TestNeedsBody(t *testing.T) {
	set := mustCompile(t, Config{Protect: []string{"/orders/health"}, Entries: []Entry{
		{Rule: mustRule(t, `{"name":"none","delay":"1s"}`)},
		{Rule: bodyRule(t, `{"name":"it","abort":503,"phase":"after","match":{"path":"/orders/*","methods":["POST"],"response":{"status":500}}}`, `{"/a":1}`)},
		{Rule: bodyRule(t, `{"name":"off","abort":503,"enabled":false}`, `{"/a":1}`)},
		{Rule: bodyRule(t, `{"name":"never","abort":503,"percent":0}`, `{"/a":1}`)},
		{Rule: bodyRule(t, `{"name":"over","abort":503}`, `{"/a":1}`), Expires: start},
	}})
	for _, c := range []struct {
		method, path string
		want         bool
	}{{"POST", "/orders/1", true}, {"GET", "/orders/1", false}, {"POST", "/stock/1", false}, {"POST", "/orders/health", false}} {
		v := get(c.path)
		v.Method, v.Status = c.method, 0
		if got := set.NeedsBody(v); got != c.want {
			t.Errorf("%s %s: %t, want %t", c.method, c.path, got, c.want)
		}
		if n := testing.AllocsPerRun(100, func() { set.NeedsBody(v) }); n != 0 {
			t.Errorf("%s %s: %v allocations", c.method, c.path, n)
		}
	}
	if (&Set{}).NeedsBody(get("/")) {
		t.Error("a set without rules asks for the body")
	}
}

// TestAMissOfABodyAllocatesNothing, but for what [json.Valid] takes from a pool.
func TestAMissOfABodyAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has pools forget; make test runs this without it")
	}
	conditions, err := bodyMatch(t, `{"/b":{"x":[1,2]},"/c/1":1.25,"/d":"text","/e":null}`).compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"b":{"x":[1,3]}}`,
		`{"b":{"x":[1,2.0]},"c":[0,125e-1]}`,
		`{"b":{"x":[1,2]},"c":[0,1.25],"d":"text","e":0}`,
	} {
		value, matched := readBody([]byte(body)), false
		if n := testing.AllocsPerRun(100, func() { matched = matchBody(conditions, value) }); n != 0 || matched {
			t.Errorf("%s: %v allocations, matched %t", body, n, matched)
		}
	}
}

// TestTheCostOfBodiesIsBounded: the heaviest set that is taken, on the worst bodies.
func TestTheCostOfBodiesIsBounded(t *testing.T) {
	const most = MaxWeight / 6
	entries := make([]Entry, most+1)
	for i := range entries {
		entries[i].Rule = bodyRule(t, `{"name":"it","delay":"1s"}`, fmt.Sprintf(`{"/a%d":1}`, i))
	}
	if _, err := Compile(Config{Entries: entries}); err == nil || !strings.Contains(err.Error(), "together are too large") {
		t.Errorf("%d rules: %v", len(entries), err)
	}
	entries = entries[:most]
	set := mustCompile(t, Config{Entries: entries})
	for name, body := range map[string]string{
		"members": `{` + strings.Repeat(`"b":1,`, 10_900) + `"a":1}`,
		"text":    `{"a":"` + strings.Repeat(`\"`, 32_000) + `"}`,
		"lists":   `{"a":[` + strings.Repeat(`[],`, 21_000) + `0]}`,
	} {
		v := get("/")
		v.Body = []byte(body)
		if len(body) > MaxMatchBody || !json.Valid(v.Body) {
			t.Fatalf("%s: a body of %d bytes", name, len(body))
		}
		begin := time.Now()
		exchange(set, v)
		if took := time.Since(begin); took > 10*time.Second { // about 1 s
			t.Errorf("%s: %d rules took %v", name, most, took)
		} else {
			t.Logf("%s: %d rules took %v", name, most, took)
		}
	}
}
