package faults

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/squall-proxy/squall/internal/document"
)

// FuzzRule: no document makes reading panic; a rule that is accepted is written, read as an equal rule, compiled, and
// decided.
func FuzzRule(f *testing.F) {
	for _, seed := range []string{
		`{"delay":"300ms","percent":50}`,
		`{"abort":503,"first":2,"key":"header:X-Test"}`,
		`{"name":"a","proxy":"b","abort":{"status":500,"body":{"a":[1e400]},"headers":{"A":"b"},"keep_headers":true},"phase":"after"}`,
		`{"degrade":{"merge":{"a":null},"otherwise":"abort"},"ttl":"1m","owner":"me","shadow":true}`,
		`{"phase":"before","degrade":"\u00fc<&>","enabled":false}`,
		`{"blackhole":{},"max_total":1,"max_active":2,"skip":3,"every":4}`,
		`{"headers":{"request":{"set":{"A":"1"},"add":{},"remove":["B"]}}}`,
		`{"delay":"1s","match":{"methods":["GET"],"path":["/a/*",{"regex":"^/b"}],"host":{"suffix":".TEST"},"headers":{},` +
			`"query":{"a":{"absent":true}},"source":"10.0.0.0/8"},"except":{"path":"**"}}`,
		`{"delay":"1s","phase":"after","match":{"response":{"status":200,"headers":{"A":[{"prefix":""},"b"]}}}}`,
		`{"kind":"delay","attributes":{"latency":"1s"},"status":{"hit":1},"match":{},"lease":null}`,
		`{"abort":503,"lease":{"id":"run-42","for":"5s"}}`,
		`{"abort":{"status":503,"retry_after":[1,5]},"exact":true,"percent":30,"max_consecutive":2}`,
		`{"abort":{"status":429,"retry_after":{"date":5}},"ramp":{"from":0,"to":50,"over":"1m"},"burst":{"on":5,"off":20}}`,
		`{"delay":{"latency":"1s","jitter":"1ms","distribution":"normal","max":"2s"}}`,
		`{"delay":{"latency":"1s","alpha":1.5,"distribution":"pareto","mode":"floor"}}`,
		`{"delay":{"p50":"20ms","p99":"300ms"}}`, `{"delay":{"quantiles":{"p99.9":"300ms","p0":"1ms"}}}`,
		`{"delay":{"jitter":"1s","distribution":"exponential"},"match":{"grpc_service":"a","grpc_method":{"absent":true}}}`,
		`{"kind":"tls"}`, `{"tls":"wrong_name","match":{"sni":["A.test",{"absent":true}]},"except":{"sni":{"regex":"^x"}}}`,
		`{"tls":{"as":"alert","alert":"unknown_ca"},"key":"client"}`, `{"tls":{"as":"stall","for":"1s"}}`, `{"reset":{"at":"body","after":"1KB"}}`, `{"truncate":0.5}`, `{"malformed":"chunk"}`, `{"burst":null,"abort":503}`, `{"delay":{"latency":"-1s"}}`, `[]`, `{"match":{"body":{}}}`,
		`{"delay":"1s","match":{"body":{"/a~1b/0":[1.0,null]}}}`,
		`{"degrade":{"patch":[{"op":"add","path":"/-","value":[1]}],"otherwise":"pass"}}`, `{"degrade":{"drop":["/a/0"]}}`, `{"degrade":{"lists":0}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := decodeRule(string(text))
		if err != nil {
			if _, ok := err.(*document.Error); !ok {
				t.Fatalf("%s: the error %v names no field", text, err)
			}
			return
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := decodeRule(string(written))
		if err != nil {
			t.Fatalf("%s is written as %s, which is refused: %v", text, written, err)
		}
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s is written as %s, which is another rule: %s", text, written, diff)
		}
		a, b := decideOnce(t, r), decideOnce(t, again)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%s: %+v, but as written %+v", text, a, b)
		}
	})
}

// decideOnce gives what a rule does to one exchange and to one handshake, and what is recorded.
func decideOnce(t *testing.T, r Rule) []any {
	t.Helper()
	set, v := mustCompile(t, Config{Entries: []Entry{{Rule: r}}}), with(get("/a/b"), "A", "b")
	v.SNI = "a.test"
	actions, record := exchange(set, v)
	var shake Plan
	shake.BeginHandshake(set, v)
	defer shake.Done()
	return []any{actions, record.Decisions(), drain(&shake, v), shake.Record().Decisions()}
}

// FuzzGlob: no pattern makes compiling panic, and a short one means what [naive] says.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"/a/*", "/a/b"},
		{"/a/**", "/a/b/c"},
		{"**/*.json", "/a/b.json"},
		{"/a*b/c*d", "/ab/cd"},
		{"/***/", "//"},
		{"/[a](b)+?.", "/[a](b)+?."},
		{"/ü*", "/üä"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		compiled, err := glob(pattern)
		if err != nil || len(path) > 16<<10 { // longer than a request line
			return
		}
		if got := compiled(path); len(pattern) < 12 && len(path) < 12 && got != naive(pattern, path) {
			t.Fatalf("%q on %q: %t", pattern, path, got)
		}
	})
}
