package faults

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

const (
	jsonType = "application/json"
	textType = "text/plain; charset=utf-8"
)

// actionOf is what a rule that always hits has to do.
func actionOf(t testing.TB, rule string) Action {
	t.Helper()
	set, _ := setOf(t, rule)
	actions, _ := exchange(set, get("/"))
	if len(actions) != 1 {
		t.Fatalf("%s: got %+v, want one action", rule, actions)
	}
	return actions[0]
}

func TestActions(t *testing.T) {
	unavailable := []byte("{\"message\":\"Service Unavailable\"}\n")
	for _, c := range []struct {
		rule string
		want Action
	}{
		{`{"delay":"300ms"}`, Wait{300 * time.Millisecond}},
		{`{"delay":"300ms","phase":"after"}`, Wait{300 * time.Millisecond}},

		{`{"abort":503}`, Answer{Status: 503, ContentType: jsonType, Body: unavailable}},
		{`{"abort":299}`, Answer{Status: 299, ContentType: jsonType, Body: []byte("{\"message\":\"Status 299\"}\n")}},
		{`{"abort":418}`, Answer{Status: 418, ContentType: jsonType, Body: []byte("{\"message\":\"I'm a teapot\"}\n")}},
		{`{"abort":204}`, Answer{Status: 204}},
		{`{"abort":205}`, Answer{Status: 205}},
		{`{"abort":304}`, Answer{Status: 304}},
		{`{"abort":{"status":500,"body":"<b>sorry</b>\n"}}`, Answer{Status: 500, ContentType: textType, Body: []byte("<b>sorry</b>\n")}},
		{`{"abort":{"status":500,"body":""}}`, Answer{Status: 500, ContentType: textType, Body: []byte{}}},
		{
			`{"abort":{"status":500,"body":{"b":1.0,"a":[null,"<&>"]}}}`,
			Answer{Status: 500, ContentType: jsonType, Body: []byte("{\"b\":1.0,\"a\":[null,\"<&>\"]}\n")},
		},
		{`{"abort":{"status":500,"body":null}}`, Answer{Status: 500, ContentType: jsonType, Body: []byte("null\n")}},
		{
			`{"abort":{"status":500,"body":"x","content_type":"text/html"}}`,
			Answer{Status: 500, ContentType: "text/html", Body: []byte("x")},
		},
		{
			`{"abort":{"status":503,"headers":{"retry-after":"1","Content-Type":"application/problem+json","A":"b"}}}`,
			Answer{
				Status: 503, ContentType: "application/problem+json", Body: unavailable,
				Header: []Field{{"A", "b"}, {"retry-after", "1"}},
			},
		},
		{
			`{"phase":"after","abort":{"status":503,"keep_headers":true}}`,
			Answer{Status: 503, ContentType: jsonType, Body: unavailable, KeepHeader: true},
		},

		{`{"reset":{}}`, End{How: EndReset}},
		{`{"reset":"start","phase":"after"}`, End{How: EndReset}},
		{`{"reset":"head"}`, End{How: EndReset, Raw: []byte("HTTP/1.1 2")}},
		{`{"reset":"body"}`, End{How: EndReset, Body: true}},
		{`{"reset":{"at":"body","after":"2MB"},"phase":"after"}`, End{How: EndReset, Body: true, Bytes: 2_000_000}},
		{`{"truncate":0}`, End{How: EndClose, Body: true}},
		{`{"truncate":"3"}`, End{How: EndClose, Body: true, Bytes: 3}},
		{`{"truncate":{"after":"3B","how":"reset"}}`, End{How: EndReset, Body: true, Bytes: 3}},
		{`{"truncate":{"after":2.5e-1,"how":"hang"}}`, End{How: EndHang, Body: true, Fraction: 0.25}},
		{`{"empty":{}}`, End{How: EndClose}},
		{`{"phase":"after","empty":{}}`, End{How: EndClose}},
		{`{"malformed":"status_line"}`, End{Raw: []byte("HTTP/1.1 OK 200\r\nContent-Length: 2\r\n\r\nok")}},
		{`{"malformed":"header"}`, End{Raw: []byte("HTTP/1.1 200 OK\r\nthis is no field\r\nContent-Length: 2\r\n\r\nok")}},
		{
			`{"malformed":"chunk"}`,
			End{Raw: []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nsize\r\nok\r\n0\r\n\r\n")},
		},

		{`{"blackhole":"5s"}`, Hold{5 * time.Second}},
		{`{"blackhole":{}}`, Hold{}},

		{
			`{"phase":"before","degrade":{"body":{"data":[1,2,3]},"headers":{"X-Service-Mode":"fallback"}}}`,
			Answer{
				Status: 200, ContentType: jsonType, Body: []byte("{\"data\":[1,2,3]}\n"),
				Header: []Field{{"X-Service-Mode", "fallback"}},
			},
		},
		{`{"degrade":"gone"}`, Body{Replace: []byte("gone"), ContentType: textType}},
		{`{"degrade":[]}`, Body{Replace: []byte("[]\n"), ContentType: jsonType}},
		{
			`{"degrade":{"merge":{"a":null,"b":[1]},"headers":{"Content-Type":"application/x","A":"b"}}}`,
			Body{Merge: []byte(`{"a":null,"b":[1]}`), ContentType: "application/x", Header: []Field{{"A", "b"}}},
		},
		{
			`{"degrade":{"merge":{},"otherwise":"abort"}}`,
			Body{Merge: []byte(`{}`), Otherwise: &Answer{Status: 503, ContentType: jsonType, Body: unavailable}},
		},
		{`{"degrade":{"merge":{},"otherwise":"pass"}}`, Body{Merge: []byte(`{}`)}},

		{
			`{"headers":{"request":{"set":{"B":"2","A":"1"},"add":{"C":"3"},"remove":["E","D"]},"response":{"set":{"F":""}}}}`,
			Header{
				Request:  Edit{Set: []Field{{"A", "1"}, {"B", "2"}}, Add: []Field{{"C", "3"}}, Remove: []string{"E", "D"}},
				Response: Edit{Set: []Field{{"F", ""}}},
			},
		},
		{`{"phase":"after","headers":{"response":{"remove":["ETag"]}}}`, Header{Response: Edit{Remove: []string{"ETag"}}}},
	} {
		if got := actionOf(t, c.rule); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got\n%+v, want\n%+v", c.rule, got, c.want)
		}
	}
}

func TestEditEmpty(t *testing.T) {
	if !(Edit{}).Empty() || (Edit{Set: []Field{{"A", ""}}}).Empty() || (Edit{Remove: []string{"A"}}).Empty() {
		t.Error("an edit is empty when it changes nothing")
	}
}

// TestMerge has the test cases of RFC 7396, appendix A, and what surrounds them.
func TestMerge(t *testing.T) {
	for _, c := range []struct{ body, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},

		{`null`, `{"a":1}`, `{"a":1}`},
		{` "text" `, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, `{"a":[null,{"b":1}]}`, `{"a":[null,{"b":1}]}`},
		{`{"a":[null]}`, `{"b":1}`, `{"a":[null],"b":1}`},
		{"\n{\"z\":1e400,\"a\":1.0}", `{"m":12345678901234567890}`, `{"z":1e400,"a":1.0,"m":12345678901234567890}`},
		{`{"message":"Hello","data":[1,2,3,4,5]}`, `{"data":[1,2,3]}`, `{"message":"Hello","data":[1,2,3]}`},
	} {
		action := actionOf(t, `{"kind":"degrade","attributes":{"merge":`+c.patch+`}}`).(Body)
		if got, err := action.Apply("", []byte(c.body)); err != nil || string(got) != c.want {
			t.Errorf("%s merged into %s: got %s, %v, want %s", c.patch, c.body, got, err, c.want)
		}
	}
}

func TestABodyThatIsNotJSONIsAnError(t *testing.T) {
	action := actionOf(t, `{"degrade":{"merge":{"a":1}}}`).(Body)
	for _, body := range []string{
		``, ` `, `{`, `<html>`, `{"a":1}{"b":2}`, `{"a":1} x`, "\x1f\x8b\x08\x00", `{"a":nul}`,
		strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
	} {
		if got, err := action.Apply("", []byte(body)); err == nil {
			t.Errorf("%.20q has become %.20q", body, got)
		}
	}
	replace := actionOf(t, `{"degrade":"gone"}`).(Body)
	if got, err := replace.Apply("", []byte("\x1f\x8b")); err != nil || string(got) != "gone" {
		t.Errorf("replaced: got %q, %v", got, err)
	}
}

// TestHeaderInjectionIsRefused wherever a rule can write a header field.
func TestHeaderInjectionIsRefused(t *testing.T) {
	names := []string{
		"", "a b", "a:", "a\r\nB", "ä", "Content-Length", "transfer-encoding", "CONNECTION", "Keep-Alive", "Upgrade",
		"Trailer", "TE", "Proxy-Connection", "host", strings.Repeat("a", MaxField+1),
	}
	values := []string{"a\rb", "a\nb", "a\r\n\r\nHTTP/1.1 200 OK", "\x00", "a\x1f", "\x7f", strings.Repeat("a", MaxField+1)}
	fields := []map[string]string{}
	for _, name := range names {
		fields = append(fields, map[string]string{name: "1"})
	}
	for _, value := range values {
		fields = append(fields, map[string]string{"A": value})
	}
	for _, bad := range fields {
		for field, attributes := range map[string]Attributes{
			"headers":      &Abort{Status: 503, Headers: bad},
			"headers ":     &Degrade{Body: &document.Node{Kind: document.Null}, Headers: bad},
			"request.set":  &Headers{Request: &HeaderEdit{Set: bad}},
			"request.add":  &Headers{Request: &HeaderEdit{Add: bad}},
			"response.set": &Headers{Response: &HeaderEdit{Set: bad}},
			"response.add": &Headers{Response: &HeaderEdit{Add: bad}},
		} {
			refusal, ok := attributes.check(Before).(*document.Error)
			if !ok || !strings.HasPrefix(refusal.Field, strings.TrimSpace(field)) {
				t.Errorf("%s: %.60q: got %v, want a refusal", field, bad, refusal)
			}
		}
	}
	for _, name := range names {
		if (&Headers{Response: &HeaderEdit{Remove: []string{name}}}).check(Before) == nil {
			t.Errorf("%.60q can be removed", name)
		}
	}
	for _, value := range values {
		if (&Abort{Status: 503, ContentType: value}).check(Before) == nil {
			t.Errorf("%.60q is a content type", value)
		}
	}
	for _, good := range []string{"", "a b", "a\tb", "ä", `"quoted", other;q=1`} {
		if err := (&Abort{Status: 503, Headers: map[string]string{"X-A": good}}).check(Before); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
}
