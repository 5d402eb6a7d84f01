package faults

import (
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

const staleRule = `{"name":"old","degrade":{"stale":"5m"}}`

// pass walks one exchange through phase after: what a rule does to it, and then the upstream's reply comes whole.
func pass(s *Set, v *View, body string) (action Action, d Decision) {
	var p Plan
	p.Begin(s, v)
	defer p.Done()
	p.BeginAfter(v)
	k := p.Keeper(v)
	defer k.End()
	action, d = p.Next(v)
	if k != nil {
		for name, values := range v.ResponseHeader.(http.Header) {
			k.Field(name, values[0])
		}
		for piece := range strings.SplitSeq(body, "|") {
			k.Add([]byte(piece))
		}
		k.Finish()
	}
	return action, d
}

// at is a view of so long after the start.
func at(v *View, after time.Duration) *View {
	v.Now = start.Add(after)
	return v
}

// says gives the body that is given again, "-" for none.
func says(a Action) string {
	if recall, is := a.(Recall); is {
		return string(recall.Body)
	}
	return "-"
}

func TestTheLastGoodReplyIsGivenAgain(t *testing.T) {
	set, counters := setOf(t, staleRule)
	v := get("/tea")
	v.ResponseHeader = http.Header{"Etag": {`"1"`}, "Content-Length": {"2"}, "Age": {"10"}}
	if a, d := pass(set, v, "o|ne"); a != nil || d.Rule != "" {
		t.Errorf("with nothing to give: %+v", a)
	}
	if got, want := counters[0].Status(), (Status{Matched: 1, Skipped: Skipped{Body: 1}}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	want := Recall{Header: []Field{{"Etag", `"1"`}, {"Age", "11"}}, Body: []byte("one")}
	for range 2 {
		failed := at(get("/tea"), 1999*time.Millisecond)
		failed.Status = 500
		a, _ := pass(set, failed, "")
		if !reflect.DeepEqual(a, want) {
			t.Fatalf("got %+v, want %+v", a, want)
		}
		recall := a.(Recall) // which is the executor's to change
		recall.Body[0], recall.Header[0].Value = 'X', "X"
	}
	pass(set, at(get("/tea"), 2*time.Second), "two")
	for i, want := range []string{"two", "three", "four"} { // one call late each, though the rule hits always
		if a, _ := pass(set, at(get("/tea"), time.Duration(i+2)*time.Second), []string{"three", "four", "five"}[i]); says(a) != want {
			t.Errorf("got %s, want %s", says(a), want)
		}
	}
}

// TestAReplyThatIsTooOldIsNotGiven: at the age it is, beyond it is not, and is forgotten.
func TestAReplyThatIsTooOldIsNotGiven(t *testing.T) {
	for age, want := range map[time.Duration]string{5 * time.Minute: "one", 5*time.Minute + 1: "-"} {
		set, _ := setOf(t, staleRule)
		pass(set, get("/"), "one")
		if a, _ := pass(set, at(get("/"), age), "two"); says(a) != want {
			t.Errorf("after %v: %s, want %s", age, says(a), want)
		}
	}
}

// TestRepliesAreToldApart: what is another client's, or another form, is never given.
func TestRepliesAreToldApart(t *testing.T) {
	header := func(name, value string) func(*View) {
		return func(v *View) { v.Header.(http.Header).Set(name, value) }
	}
	others := map[string]func(*View){
		"proxy":   func(v *View) { v.Proxy = "other" },
		"method":  func(v *View) { v.Method = http.MethodHead },
		"host":    func(v *View) { v.Host = "other.test" },
		"path":    func(v *View) { v.Path = "/other" },
		"target":  func(v *View) { v.Target = "/%74ea" },
		"query":   func(v *View) { v.RawQuery = "a=b" },
		"varying": header("X-Form", "b"),
		"key":     header("X-User", "b"),
	}
	for _, name := range toldApart() {
		others[name] = header(name, "b")
	}
	for name, change := range others {
		set, _ := setOf(t, `{"degrade":{"stale":"5m"},"key":"header:X-User"}`)
		v := get("/tea")
		v.Target = "/tea"
		v.ResponseHeader = http.Header{"Vary": {"accept, X-Form"}}
		pass(set, v, "one")
		other := get("/tea")
		other.Target = "/tea"
		change(other)
		if a, _ := pass(set, other, "two"); a != nil {
			t.Errorf("another %s is given %s", name, says(a))
		}
	}
	set, _ := setOf(t, `{"degrade":{"stale":"5m"},"key":"client"}`)
	pass(set, get("/"), "one")
	other := get("/")
	other.Source = netip.MustParseAddr("10.9.9.9")
	if a, _ := pass(set, other, "two"); a != nil {
		t.Errorf("another client is given %s", says(a))
	}
	other = with(get("/"), "X-Request-Id", "another")
	if a, _ := pass(set, other, "two"); says(a) != "one" {
		t.Errorf("the same client is given %s", says(a))
	}
}

// TestWhatIsRemembered: good replies, and no others; of what the rule matches, whether it hits or not.
func TestWhatIsRemembered(t *testing.T) {
	reply := func(name, value string) func(*View) {
		return func(v *View) { v.ResponseHeader = http.Header{name: {value}} }
	}
	for _, tt := range []struct {
		name, rule string
		change     func(*View)
		want       string
	}{
		{"no-store", staleRule, reply("Cache-Control", "no-store"), "one"},
		{"404", staleRule, func(v *View) { v.Status = 404 }, "-"},
		{"203", staleRule, func(v *View) { v.Status = 203 }, "-"},
		{"206", staleRule, func(v *View) { v.Status = 206 }, "-"},
		{"a session", staleRule, reply("Set-Cookie", "a=b"), "-"},
		{"varies by anything", staleRule, reply("Vary", "*"), "-"},
		{"too long", staleRule, reply("Content-Length", "1048577"), "-"},
		{"not hit", `{"degrade":{"stale":"5m"},"skip":1}`, nil, "one"},
		{"of percent 0", `{"degrade":{"stale":"5m"},"percent":0}`, nil, "-"},
		{"not matched", `{"degrade":{"stale":"5m"},"match":{"path":"/other"}}`, nil, "-"},
		{"excepted", `{"degrade":{"stale":"5m"},"except":{"path":"/tea"}}`, nil, "-"},
		{"in place of some", `{"degrade":{"stale":"5m"},"match":{"path":"/tea","response":{"status":[500]}}}`, nil, "500"},
	} {
		set, _ := setOf(t, tt.rule)
		v := get("/tea")
		if tt.change != nil {
			tt.change(v)
		}
		pass(set, v, "one")
		v = get("/tea")
		got, _ := pass(set, v, "two")
		if tt.want == "500" { // of those which stand in for a 500
			if got != nil {
				t.Errorf("%s: in place of a 200 %s", tt.name, says(got))
			}
			v.Status, tt.want = 500, "two"
			got, _ = pass(set, v, "bad")
		}
		if says(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, says(got), tt.want)
		}
	}
	post := get("/tea")
	post.Method = http.MethodPost
	set, _ := setOf(t, `{"degrade":{"stale":"5m","otherwise":"abort"}}`)
	pass(set, post, "one")
	if a, _ := pass(set, post, "two"); a != nil {
		t.Errorf("a POST is given %+v", a)
	}
	if a, _ := pass(set, get("/"), "one"); a.(Recall).Otherwise.Status != 503 {
		t.Errorf("got %+v, want the answer for what there is not", a)
	}
	if a, _ := pass(set, get("/"), "two"); says(a) != "one" || a.(Recall).Otherwise != nil {
		t.Errorf("got %+v", a)
	}
}

// TestALateReplyDoesNotReplaceALaterOne: whose head came first is the older one, however long its body took.
func TestALateReplyDoesNotReplaceALaterOne(t *testing.T) {
	set, _ := setOf(t, staleRule)
	var p Plan
	v := get("/")
	p.Begin(set, v)
	p.BeginAfter(v)
	slow := p.Keeper(v)
	pass(set, at(get("/"), time.Second), "new")
	slow.Add([]byte("old"))
	slow.Finish()
	if a, _ := pass(set, at(get("/"), 2*time.Second), ""); says(a) != "new" {
		t.Errorf("got %s", says(a))
	}
}
