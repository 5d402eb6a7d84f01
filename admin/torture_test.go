package admin_test

import (
	"fmt"
	"strings"
	"testing"
)

// Documents that no one means well with are the sender's mistake, never ours, and change nothing.
func TestTorture(t *testing.T) {
	l := newLab(t)
	l.must(t, "PUT", "/admin/faults/rules/flaky", slow)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	documents := []string{
		"", " ", "\x00", "\xef\xbb\xbf{}", "{", "}", "[", "nul", "NaN", "'a'", `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1,}`, `[1,]`, "{}{}", "{} x", "//",
		"\xff", "{\"mode\":\"\xff\"}", `{"mode":"\ud800"}`, `{"mode":"\u00"}`, "{\"mode\":\"a\nb\"}", `"`, `"\`,
		`{"mode":"a","mode":"b"}`, `{"rules":[],"rules":[]}`, `{"modes":{"flaky":"failure","flaky":"normal"}}`, `{"delay":"1s","delay":"2s"}`,
		deep(65), deep(100_000), strings.Repeat(`{"a":`, 100_000), `{"rules":` + deep(70) + "}", `{"profiles":{"x":{"body":` + deep(70) + `}}}`,
		`{"seed":1e999999999}`, `{"seed":-1}`, `{"seed":18446744073709551616}`, `{"seed":1.5}`, `{"percent":1e400,"delay":"1s"}`,
		`{"delay":"1s","percent":-0.0001}`, `{"delay":"1s","percent":100.0001}`, `{"delay":"9999999h"}`, `{"delay":"-1s"}`, `{"delay":1e99}`,
		`{"delay":"1s","first":1e3}`, `{"delay":"1s","first":` + strings.Repeat("9", 10_000) + "}", `{"abort":1e999}`, `{"abort":503.0}`,
		"null", "true", "0", `""`, "[]", `{"mode":1}`, `{"mode":[]}`, `{"mode":{}}`, `{"rules":{}}`, `{"rules":[null]}`, `{"rules":[[]]}`, `{"rules":[{}]}`,
		`{"modes":[]}`, `{"modes":{"flaky":{}}}`, `{"modes":{"":"failure"}}`, `{"profiles":{"":{"failure_rate":1}}}`, `{"profiles":{"a/b":{}}}`,
		`{"timed":1}`, `{"ttl":"1s"}`, `{"__proto__":{}}`, `{"attributes":{}}`, `{"kind":"delay","attributes":{"latency":{}}}`,
		`{"listen":"127.0.0.1:99999","upstream":"http://x"}`, `{"listen":"127.0.0.1:0","upstream":"http://u:p@x"}`,
		`{"listen":"127.0.0.1:0","upstream":"file:///etc/passwd"}`, `{"listen":"127.0.0.1:0","upstream":"http://x","name":"a/b"}`,
		`{"abort":503,"match":{"path":{"regex":"("}}}`, `{"abort":503,"match":{"path":[]}}`, `{"abort":503,"match":{"headers":{"a b":"c"}}}`,
		`{"abort":{"status":503,"headers":{"X":"a\r\nb"}}}`, `{"abort":503,"key":"nobody"}`, `{"name":"a\u0000","abort":503}`,
		`{"` + strings.Repeat("x", 100_000) + `":1}`,
	}
	before := l.controller.State()
	for i, body := range documents {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for _, at := range []string{
				"PUT /admin/faults", "POST /admin/faults/rules", "PUT /admin/faults/rules/flaky", "PATCH /admin/faults/rules/flaky",
				"PUT /admin/proxies/flaky", "PATCH /admin/proxies/flaky", "PUT /admin/halt",
			} {
				method, path, _ := strings.Cut(at, " ")
				got := l.do(t, method, path+"?dry_run=1", body)
				if harmless(at, body) && got.status == 200 {
					continue
				}
				if got.status != 400 || len(got.body) > 1000 {
					t.Errorf("%s %.80s: %d %.200s (%d bytes)", at, body, got.status, got.body, len(got.body))
				}
			}
		})
	}
	if after := l.controller.State(); after != before {
		t.Errorf("revision %d became %d", before.Revision, after.Revision)
	}
}

// harmless reports whether a document means something, though not to the route that it was written for: a patch, or none
// where none is needed.
func harmless(at, body string) bool {
	return at == "PUT /admin/halt" && body == "" || strings.HasPrefix(at, "PATCH /admin/faults/rules") && (body == `{"attributes":{}}` || body == `{"ttl":"1s"}`)
}
