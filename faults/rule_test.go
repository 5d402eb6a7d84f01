package faults

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

func TestRuleDefaults(t *testing.T) {
	got := mustRule(t, `{"kind":"abort","attributes":{"status":503}}`)
	want := Rule{Kind: "abort", Phase: Before, Percent: 100, Enabled: true, Attributes: &Abort{Status: 503}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestTheExampleOfTheDocumentation is the rule of the API's reference, as far as this version has it.
func TestTheExampleOfTheDocumentation(t *testing.T) {
	const text = `{"name":"slow-stock","proxy":"stock","kind":"delay","phase":"before",` +
		`"match":{"methods":["GET"],"path":["/stock/*","/price/**"],"headers":{"X-Debug":{"absent":true},"X-Tenant":"beta"}},` +
		`"except":{"path":"/stock/health"},"percent":20,"attributes":{"latency":"200ms","jitter":"50ms","distribution":"normal"},` +
		`"max_active":50,"ttl":"30s","owner":"TestCheckout","enabled":true}`
	r := mustRule(t, text)
	written, err := json.Marshal(r)
	if err != nil || string(written) != text {
		t.Errorf("it is written as\n%s, %v, want\n%s", written, err, text)
	}
}

func TestWhatAnswersAddIsReadAndIgnored(t *testing.T) {
	got := mustRule(t, `{"name":"it","delay":"1s","status":{"matched":1,"expires_in":"21s"}}`)
	if want := mustRule(t, `{"name":"it","delay":"1s"}`); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestRulesThatMeanTheSameAreEqual, however they are laid out: the places of their bodies are not part of them.
func TestRulesThatMeanTheSameAreEqual(t *testing.T) {
	for _, pair := range [][2]string{
		{`{"degrade":{"body":{"a":[1,"b",null]}}}`, "{\"kind\":\n\"degrade\", \"attributes\":\n {\"body\": {\"a\": [1,\n\"b\", null]}}}"},
		{`{"degrade":{"merge":{"a":{"b":1}}}}`, `{ "degrade" : { "merge" : { "a" : { "b" : 1 } } } }`},
		{`{"abort":{"status":500,"body":[1]}}`, `{"abort": {"body": [ 1 ], "status": 500}}`},
	} {
		if a, b := mustRule(t, pair[0]), mustRule(t, pair[1]); !reflect.DeepEqual(a, b) {
			t.Errorf("%s and %s are read as\n%+v\n%+v", pair[0], pair[1], a, b)
		}
	}
}

// TestRefusalsNameTheirField: what was written, not what was made of it.
func TestRefusalsNameTheirField(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for _, c := range []struct{ rule, field, reason, suggestion string }{
		{`[]`, "", "want an object", ""},
		{`null`, "", "want an object", ""},
		{`{}`, "kind", "missing: want one of delay, abort,", ""},

		// Kinds and short forms.
		{`{"proxy":"flaky","dely":"300ms"}`, "dely", "unknown field", "delay"},
		{`{"abrot":503}`, "abrot", "unknown field", "abort"},
		{`{"kind":"dely"}`, "kind", "unknown kind", "delay"},
		{`{"kind":"nonsense"}`, "kind", "unknown kind", ""},
		{`{"kind":"` + long + `"}`, "kind", "unknown kind", ""},
		{`{"kind":503}`, "kind", "want a string", ""},
		{`{"delay":"1s","abort":503}`, "abort", "one kind", ""},
		{`{"kind":"delay","delay":"1s"}`, "kind", "not beside the short form", ""},
		{`{"delay":"1s","attributes":{"latency":"1s"}}`, "attributes", "not beside the short form", ""},
		{`{"websocket":{}}`, "websocket", "want refuse", ""},

		// Attributes, in both forms.
		{`{"kind":"delay","attributes":{"latancy":"1s"}}`, "attributes.latancy", "unknown field", "latency"},
		{`{"delay":{"latancy":"1s"}}`, "delay.latancy", "unknown field", "latency"},
		{`{"kind":"delay","attributes":{"latency":"soon"}}`, "attributes.latency", "not a duration", ""},
		{`{"delay":{"latency":"soon"}}`, "delay.latency", "not a duration", ""},
		{`{"delay":"soon"}`, "delay", "not a duration", ""},
		{`{"delay":300}`, "delay", "want a duration", ""},
		{`{"delay":null}`, "delay", "want a duration", ""},
		{`{"delay":"25h"}`, "delay", "must be 0s to 24h0m0s", ""},
		{`{"delay":"0s"}`, "delay", "missing", ""},
		{`{"delay":"` + long + `"}`, "delay", "not a duration", ""},
		{`{"kind":"abort","attributes":{"status":700}}`, "attributes.status", "must be 200 to 599", ""},
		{`{"abort":{"status":700}}`, "abort.status", "must be 200 to 599", ""},
		{`{"abort":700}`, "abort", "must be 200 to 599", ""},
		{`{"abort":5e2}`, "abort", "whole number", ""},
		{`{"abort":503,"phase":"handshake"}`, "phase", "before or after", ""},
		{`{"abort":{"status":503,"headers":{"A":"1","a":"1"}}}`, "abort.headers.a", "twice", ""},
		{`{"kind":"abort"}`, "attributes.status", "missing", ""},
		{`{"kind":"abort","attributes":null}`, "attributes", "null", ""},
		{`{"kind":"degrade","attributes":{}}`, "attributes", "exactly one", ""},
		{`{"degrade":{}}`, "degrade", "exactly one", ""},
		{`{"degrade":"x","phase":"handshake"}`, "phase", "after or before", ""},
		{`{"headers":"x"}`, "headers", "want an object", ""},
		{`{"headers":{"request":{"set":{"a\r\nb":"1"}}}}`, `headers.request.set["a\r\nb"]`, "not a header name", ""},

		// The rest of a rule.
		{`{"delay":"1s","name":""}`, "", "", ""},
		{`{"delay":"1s","name":"a/b"}`, "name", "slash", ""},
		{`{"delay":"1s","name":"` + long + `"}`, "name", "at most 128 characters", ""},
		{`{"delay":"1s","name":"a\u0007"}`, "name", "printable", ""},
		{`{"delay":"1s","owner":".."}`, "owner", "must not be", ""},
		{`{"delay":"1s","ttl":3}`, "ttl", "want a duration", ""}, // and not "did you mean tls"
		{`{"delay":"1s","ttl":"48h"}`, "ttl", "must be 0s to", ""},
		{`{"delay":"1s","tll":"3s"}`, "tll", "unknown field", "ttl"},
		{`{"delay":"1s","lease":{"id":"a/b","for":"1s"}}`, "lease.id", "slash", ""},
		{`{"delay":"1s","ttl":"0s"}`, "ttl", "more than 0", ""},
		{`{"delay":"1s","first":0}`, "first", "more than 0", ""},
		{`{"delay":"1s","every":0}`, "every", "more than 0", ""},
		{`{"delay":"1s","max_total":0}`, "max_total", "more than 0", ""},
		{`{"delay":"1s","max_active":0}`, "max_active", "more than 0", ""},
		{`{"delay":"1s","lease":{"id":"a","fro":"1s"}}`, "lease.fro", "unknown field", "for"},
		{`{"delay":"1s","lease":{"for":"1s"}}`, "lease.id", "must not be empty", ""},
		{`{"delay":"1s","lease":{"id":"a","for":"25h"}}`, "lease.for", "must be 0s to", ""},
		{`{"abort":700,"lease":{"id":"a","for":"1s"}}`, "abort", "must be 200 to 599", ""}, // a lease excuses nothing
		{`{"delay":"1s","stream":"upstream"}`, "stream", "has none", ""},
		{`{"latency":"1s","stream":"sideways"}`, "stream", "want downstream or upstream", ""},
		{`{"latency":"1s","phase":"before"}`, "phase", "acts on a stream", ""},
		{`{"connect":"hang","stream":"upstream"}`, "stream", "has none", ""},
		{`{"latency":"1s","match":{"path":"/"}}`, "match.path", "a TCP connection has none", ""},
		{`{"latency":"1s","match":{"sni":"a"}}`, "match.sni", "a TCP connection has none", ""},
		{`{"latency":"1s","match":{"nth":9007199254740993}}`, "match.nth", "must be 1 to", ""},
		{`{"latency":"1s","match":{"nth":0}}`, "match.nth", "counted from 1", ""},
		{`{"latency":"1s","match":{"first_bytes":""}}`, "match.first_bytes", "must not be empty", ""},
		{`{"latency":"1s","match":{"first_bytes":"0x5"}}`, "match.first_bytes", "in hex", ""},
		{`{"latency":"1s","except":{"first_bytes":"` + strings.Repeat("a", 65) + `"}}`, "except.first_bytes", "at most 64 bytes", ""},
		{`{"latency":"1s","key":"header:X-Test"}`, "key", "a TCP connection has none", ""},
		{`{"delay":"1s","percent":"50"}`, "percent", "want a number", ""},
		{`{"delay":"1s","percent":-0.0001}`, "percent", "0 to 100", ""},
		{`{"delay":"1s","percent":100.0001}`, "percent", "0 to 100", ""},
		{`{"delay":"1s","percent":0.00001}`, "percent", "four decimals", ""},
		{`{"delay":"1s","percent":4e-11}`, "percent", "four decimals", ""},
		{`{"delay":"1s","enabled":1}`, "enabled", "want a boolean", ""},

		// Selection.
		{`{"delay":"1s","first":-1}`, "first", "want a number from 0", ""},
		{`{"delay":"1s","first":1.5}`, "first", "whole number", ""},
		{`{"delay":"1s","skip":9007199254740992}`, "skip", "must be 0 to 9007199254740991", ""},
		{`{"delay":"1s","every":9007199254740992}`, "every", "must be 0 to", ""},
		{`{"delay":"1s","max_total":9007199254740992}`, "max_total", "must be 0 to", ""},
		{`{"delay":"1s","max_active":9007199254740992}`, "max_active", "must be 0 to", ""},
		{`{"delay":"1s","maxtotal":1}`, "maxtotal", "unknown field", "max_total"},
		{`{"delay":"1s","key":"cookie:a"}`, "key", "is not one of", ""},
		{`{"delay":"1s","burst":{"on":1,"off":1}}`, "", "", ""},
		{`{"delay":"1s","burst":{}}`, "burst.on", "must be 1 to 9007199254740991", ""},
		{`{"delay":"1s","burst":{"on":1}}`, "burst.off", "must be 1 to 9007199254740991", ""},
		{`{"delay":"1s","burst":{"on":9007199254740992,"off":1}}`, "burst.on", "must be 1 to", ""},
		{`{"delay":"1s","burst":{"on":1,"off":9007199254740992}}`, "burst.off", "must be 1 to", ""},
		{`{"delay":"1s","burst":{"on":-1,"off":1}}`, "burst.on", "want a number from 0", ""},
		{`{"delay":"1s","burst":{"on":1,"of":1}}`, "burst.of", "unknown field", ""},
		{`{"delay":"1s","exact":true,"percent":7}`, "", "", ""},
		{`{"delay":"1s","exact":true,"percent":33.5}`, "percent", "must be a whole number to be exact", ""},
		{`{"delay":"1s","exact":1}`, "exact", "want a boolean", ""},
		{`{"delay":"1s","max_consecutive":9007199254740991}`, "", "", ""},
		{`{"delay":"1s","max_consecutive":0}`, "max_consecutive", "more than 0", ""},
		{`{"delay":"1s","max_consecutive":9007199254740992}`, "max_consecutive", "must be 0 to", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":0.0001,"over":"24h"},"percent":100}`, "", "", ""},
		{`{"delay":"1s","ramp":{"from":100,"over":"1ns"}}`, "", "", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":1}}`, "ramp.over", "more than 0s", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":1,"over":"24h1s"}}`, "ramp.over", "must be 0s to 24h", ""},
		{`{"delay":"1s","ramp":{"from":-1,"to":1,"over":"1s"}}`, "ramp.from", "0 to 100", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":100.0001,"over":"1s"}}`, "ramp.to", "0 to 100", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":0.00001,"over":"1s"}}`, "ramp.to", "four decimals", ""},
		{`{"delay":"1s","ramp":{"from":5,"to":5,"over":"1s"}}`, "ramp.to", "must differ", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":5,"over":"1s"},"percent":50}`, "percent", "not beside ramp", ""},
		{`{"delay":"1s","ramp":{"from":0,"to":5,"over":"1s"},"exact":true}`, "exact", "not beside ramp", ""},

		// Match and except.
		{`{"delay":"1s","match":{"pth":"/"}}`, "match.pth", "unknown field", "path"},
		{`{"delay":"1s","match":[]}`, "match", "want an object", ""},
		{`{"delay":"1s","match":{"methods":"GET"}}`, "match.methods", "want a list", ""},
		{`{"delay":"1s","match":{"methods":[]}}`, "match.methods", "match nothing", ""},
		{`{"delay":"1s","match":{"methods":["GET","get"]}}`, "match.methods[1]", "not an HTTP method", "GET"},
		{`{"delay":"1s","match":{"methods":["A B"]}}`, "match.methods[0]", "not an HTTP method", ""},
		{`{"delay":"1s","match":{"path":[]}}`, "match.path", "match nothing", ""},
		{`{"delay":"1s","match":{"path":"stock"}}`, "match.path", "must begin with /", ""},
		{`{"delay":"1s","match":{"path":["/","*"]}}`, "match.path[1]", "must begin with /", ""},
		{`{"delay":"1s","match":{"path":{"absent":true}}}`, "match.path.absent", "every exchange has a path", ""},
		{`{"delay":"1s","match":{"path":{"regex":"["}}}`, "match.path.regex", "missing closing", ""},
		{`{"delay":"1s","match":{"path":[{"regex":"["}]}}`, "match.path[0].regex", "missing closing", ""},
		{`{"delay":"1s","match":{"path":"/` + long + `"}}`, "match.path.exact", "at most 1024 bytes", ""},
		{`{"delay":"1s","match":{"host":{"absent":true}}}`, "match.host.absent", "every exchange has a host", ""},
		{`{"delay":"1s","match":{"headers":{"X-A":1}}}`, "match.headers.X-A", "want a string", ""},
		{`{"delay":"1s","match":{"headers":{"X A":"1"}}}`, "match.headers", "not a header name", ""},
		{`{"delay":"1s","match":{"headers":{"Host":"a"}}}`, "match.headers.Host", "condition of its own", ""},
		{`{"delay":"1s","match":{"query":{"a.b":[]}}}`, `match.query["a.b"]`, "match nothing", ""},
		{`{"delay":"1s","match":{"source":"localhost"}}`, "match.source", "neither an address", ""},
		{`{"delay":"1s","match":{"source":["::1","10.0.0.0/33"]}}`, "match.source[1]", "neither an address", ""},
		{`{"delay":"1s","match":{"source":{"absent":true}}}`, "match.source.absent", "every exchange has a source", ""},
		{`{"delay":"1s","match":{"response":{"status":200}}}`, "match.response", "phase after", ""},
		{`{"delay":"1s","phase":"after","match":{"response":{"status":99}}}`, "match.response.status", "100 to 599", ""},
		{`{"delay":"1s","phase":"after","match":{"response":{"status":2.5}}}`, "match.response.status", "whole number", ""},
		{`{"delay":"1s","phase":"after","match":{"response":{"status":[200,"a"]}}}`, "match.response.status[1]", "want a number", ""},
		{`{"delay":"1s","phase":"after","match":{"response":{"status":[]}}}`, "match.response.status", "match nothing", ""},
		{`{"delay":"1s","phase":"after","match":{"response":{"headers":{"a:":"b"}}}}`, "match.response.headers", "not a header name", ""},
		{`{"delay":"1s","match":{"methods":"GET"}}`, "match.methods", `want a list such as ["GET"]`, ""},
		{`{"delay":"1s","phase":"after","match":{"response":{"status":"2xx"}}}`, "match.response.status", `such as [500, 502], got "2xx"`, ""},
		{`{"delay":"1s","match":{"body":{"/a":1}}}`, "", "", ""},
		{`{"delay":"1s","except":{"body":{"":null}}}`, "", "", ""},
		{`{"delay":"1s","match":{"body":{}}}`, "match.body", "match nothing", ""},
		{`{"delay":"1s","match":{"body":{"a":1}}}`, "match.body.a", "not a JSON pointer", ""},
		{`{"delay":"1s","match":{"body":{"/a~2":1}}}`, `match.body["/a~2"]`, "~ is written ~0", ""},
		{`{"delay":"1s","match":{"body":{"/a~":1}}}`, `match.body["/a~"]`, "~ is written ~0", ""},
		{`{"delay":"1s","match":{"body":["/a"]}}`, "match.body", "want an object", ""},
		{`{"delay":"1s","match":{"grpc_service":"a"}}`, "", "", ""},
		{`{"delay":"1s","match":{"grpc_service":[]}}`, "match.grpc_service", "match nothing", ""},
		{`{"delay":"1s","match":{"grpc_service":{"regex":"["}}}`, "match.grpc_service.regex", "missing closing", ""},
		{`{"delay":"1s","except":{"grpc_method":["a",{"absent":true}]}}`, "", "", ""},
		{`{"delay":"1s","match":{"grpc_method":["a",1]}}`, "match.grpc_method[1]", "want a string", ""},
		{`{"delay":"1s","match":{"nth":1}}`, "match.nth", "only rules of TCP kinds", ""},
		{`{"delay":"1s","match":{"first_bytes":"a"}}`, "match.first_bytes", "only rules of TCP kinds", ""},
		{`{"tls":"expired","match":{"sni":"a","source":"::1"},"except":{"sni":{"absent":true}},"key":"client"}`, "", "", ""},
		{`{"tls":"expired","match":{"sni":[]}}`, "match.sni", "match nothing", ""},
		{`{"tls":"expired","match":{"sni":{"regex":"["}}}`, "match.sni.regex", "missing closing", ""},
		{`{"tls":"expired","match":{"source":"a"}}`, "match.source", "neither an address", ""},
		{`{"tls":"expired","match":{"methods":["GET"]}}`, "match.methods", "none yet", ""},
		{`{"tls":"expired","match":{"host":"a"}}`, "match.host", "none yet", ""},
		{`{"tls":"expired","match":{"path":"/a"}}`, "match.path", "none yet", ""},
		{`{"tls":"expired","match":{"headers":{"a":"b"}}}`, "match.headers", "none yet", ""},
		{`{"tls":"expired","match":{"query":{"a":"b"}}}`, "match.query", "none yet", ""},
		{`{"tls":"expired","except":{"grpc_service":"a"}}`, "except.grpc_service", "none yet", ""},
		{`{"tls":"expired","except":{"grpc_method":"a"}}`, "except.grpc_method", "none yet", ""},
		{`{"tls":"expired","match":{"body":{"/a":1}}}`, "match.body", "none yet", ""},
		{`{"tls":"expired","match":{"response":{"status":200}}}`, "match.response", "none yet", ""},
		{`{"tls":"expired","match":{"nth":1}}`, "match.nth", "none yet", ""},
		{`{"tls":"expired","match":{"first_bytes":"a"}}`, "match.first_bytes", "none yet", ""},
		{`{"tls":"expired","except":{}}`, "except", "must name something", ""},
		{`{"tls":"expired","key":"connection"}`, "key", "each connection has one handshake", ""},
		{`{"tls":"expired","key":"header:X"}`, "key", "each connection has one handshake", ""},
		{`{"tls":"expired","key":"query:x"}`, "key", "each connection has one handshake", ""},
		{`{"delay":"1s","match":{"sni":"a"}}`, "match.sni", "only rules of kind tls", ""},
		{`{"delay":"1s","except":{}}`, "except", "must name something", ""},
		{`{"delay":"1s","except":{"headers":{}}}`, "except", "must name something", ""},
		{`{"delay":"1s","except":{"path":"a"}}`, "except.path", "must begin with /", ""},
		{`{"delay":"1s","except":{"response":{"status":200}}}`, "except.response", "phase after", ""},
	} {
		_, err := decodeRule(c.rule)
		if c.reason == "" {
			if err != nil {
				t.Errorf("%s: got %v, want it taken", c.rule, err)
			}
			continue
		}
		var refusal *document.Error
		switch {
		case !errors.As(err, &refusal):
			t.Errorf("%.100s: got %v, want a refusal of %s", c.rule, err, c.field)
		case refusal.Field != c.field || !strings.Contains(refusal.Reason, c.reason) || refusal.DidYouMean != c.suggestion:
			t.Errorf("%.100s: got %q: %q, did you mean %q; want %q: …%s…, %q",
				c.rule, refusal.Field, refusal.Reason, refusal.DidYouMean, c.field, c.reason, c.suggestion)
		case len(refusal.Reason) > 400:
			t.Errorf("%.100s: the reason has %d bytes", c.rule, len(refusal.Reason))
		case refusal.Line != 1:
			t.Errorf("%.100s: the refusal has no place", c.rule)
		}
	}
}

// TestDecodingLeavesTheDocumentAlone: the tree that was handed out is another's.
func TestDecodingLeavesTheDocumentAlone(t *testing.T) {
	const text = `{"degrade":"gone","match":{"response":{"status":200}},"status":{}}`
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var r Rule
		if err := document.Decode(n, &r); err != nil {
			t.Fatal(err)
		}
		if written, err := n.MarshalJSON(); err != nil || string(written) != text {
			t.Errorf("the document has become %s, %v", written, err)
		}
	}
}

// TestValidateOfRulesMadeInGo: what no document can say.
func TestValidateOfRulesMadeInGo(t *testing.T) {
	for _, c := range []struct {
		change func(*Rule)
		field  string
	}{
		{func(*Rule) {}, ""},
		{func(r *Rule) { r.Percent = math.NaN() }, "percent"},
		{func(r *Rule) { r.Percent = 100.0 / 3 }, "percent"},
		{func(r *Rule) { r.Attributes = nil }, "attributes"},
		{func(r *Rule) { r.Attributes = (*Delay)(nil) }, "attributes"},
		{func(r *Rule) { r.Attributes = &Abort{Status: 503} }, "attributes"},
		{func(r *Rule) { r.Attributes = &Delay{Latency: -1} }, "attributes.latency"},
		{func(r *Rule) { r.Name = "\xff" }, "name"},
		{func(r *Rule) { r.TTL = -1 }, "ttl"},
		{func(r *Rule) { r.Phase = "" }, "phase"},
		{func(r *Rule) { r.Match = &Match{Methods: []string{}} }, "match.methods"},
		{func(r *Rule) { r.Match = &Match{Path: Values{}} }, "match.path"},
		{func(r *Rule) { r.Match = &Match{Path: Values{{}}} }, "match.path"},
	} {
		r := Rule{Name: "it", Kind: "delay", Phase: Before, Percent: 33.3333, Enabled: true, Attributes: &Delay{Latency: 1}}
		c.change(&r)
		err := r.Validate()
		if refusal, ok := err.(*document.Error); c.field == "" && err != nil || c.field != "" && (!ok || refusal.Field != c.field) {
			t.Errorf("%+v: got %v, want a refusal of %q", r, err, c.field)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"a", "slow stock", "ä", "日本", "a.b", "...", "*", strings.Repeat("ü", MaxName)} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", ".", "..", "a/b", "/", "a\nb", "\x00", "a\u200b", "\u00a0", "a\u2028", "\x7f", "a\xffb", strings.Repeat("a", MaxName+1),
	} {
		if CheckName(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestDurations(t *testing.T) {
	for given, want := range map[string]string{
		`"0s"`: "0s", `"0"`: "0s", `"1ns"`: "1ns", `"250ms"`: "250ms", `"90s"`: "1m30s", `"24h"`: "24h0m0s", `"1.5s"`: "1.5s", `"-0s"`: "0s",
	} {
		n, err := document.ParseJSON([]byte(given))
		if err != nil {
			t.Fatal(err)
		}
		var d Duration
		if err := document.Decode(n, &d); err != nil || d.String() != want {
			t.Errorf("%s is read as %v, %v, want %s", given, d, err, want)
		}
		if written, err := json.Marshal(d); err != nil || string(written) != `"`+want+`"` {
			t.Errorf("%s is written as %s, %v", given, written, err)
		}
	}
	for _, bad := range []string{`"-1ns"`, `"24h0m0.000000001s"`, `"1d"`, `""`, `"5"`, `5`, `null`, `true`, `"9999999h"`, `"1s "`} {
		n, err := document.ParseJSON([]byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		d := Duration(time.Second)
		if err := document.Decode(n, &d); err == nil || d != Duration(time.Second) {
			t.Errorf("%s is read as %v, %v", bad, d, err)
		}
	}
}

// TestKindsAndFieldsHaveDifferentNames: else a short form would hide a field of the rule, or a wrong value in a field
// would be taken for a misspelt kind.
func TestKindsAndFieldsHaveDifferentNames(t *testing.T) {
	seen := map[string]bool{"status": true}
	for _, of := range []reflect.Type{reflect.TypeFor[Rule](), reflect.TypeFor[Selection]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			seen[name] = true
			if kind := document.Nearest(name, kindNames()); kind != "" {
				t.Errorf("the field %s looks like the kind %s", name, kind)
			}
		}
	}
	for _, k := range Kinds() {
		if seen[k.Name] {
			t.Errorf("%s is the name of two things", k.Name)
		}
		seen[k.Name] = true
		if k.Summary == "" || k.Layer == "" || k.Available() && (len(k.Phases()) == 0) != k.shapes() || k.Available() != (k.New() != nil) {
			t.Errorf("the row of %s is not whole: %+v", k.Name, k)
		}
	}
}
