package admin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

// want is what an answer is held against.
type want struct {
	status int
	has    []string // parts of the body
	header []string // "Name: value"
}

func check(t *testing.T, got reply, w want) {
	t.Helper()
	if got.status != w.status {
		t.Errorf("status %d, want %d: %s", got.status, w.status, got.body)
	}
	for _, part := range w.has {
		if !strings.Contains(compact(got.body), part) {
			t.Errorf("no %s in %s", part, got.body)
		}
	}
	for _, field := range w.header {
		name, value, _ := strings.Cut(field, ": ")
		if got.header.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), value)
		}
	}
	if got.body == "" || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		return
	}
	if !json.Valid([]byte(got.body)) || !strings.HasSuffix(got.body, "}\n") {
		t.Errorf("the answer is not JSON with a newline at the end: %q", got.body)
	}
	if got.status < 400 {
		return
	}
	var refusal admin.Error
	if err := json.Unmarshal([]byte(got.body), &refusal); err != nil || refusal.Status != got.status || refusal.Reason == "" {
		t.Errorf("the error has no status or no reason (%v): %s", err, got.body)
	}
}

// compact writes JSON without white space; what is not JSON stays.
func compact(text string) string {
	var raw json.RawMessage
	if json.Unmarshal([]byte(text), &raw) != nil {
		return text
	}
	short, _ := json.Marshal(raw)
	return string(short)
}

const (
	slow  = `{"proxy":"flaky","delay":"300ms","percent":50}`
	other = `{"name":"hello","listen":"127.0.0.1:0","upstream":"http://127.0.0.1:5056"}`
)

// step is a request and what answers it.
type step struct {
	method, path, body string
	field              string // of the request's header, "Name: value"
	want               want
}

type routeTest struct {
	name  string
	given []string // requests before: "METHOD path body"
	step
}

func TestEveryRouteAndItsErrors(t *testing.T) {
	tests := append(slices.Concat(leaseRouteTests(), connectionRouteTests()), []routeTest{
		{"faults", nil, step{"GET", "/admin/faults", "", "", want{200, []string{`{"mode":"normal","modes":{},"seed":42,"profiles":{"failure":{"failure_rate":1},`, `"rules":[]`, `"revision":0}`}, []string{`ETag: "0"`, "Content-Type: application/json"}}}},
		{"faults: HEAD", nil, step{"HEAD", "/admin/faults", "", "", want{200, nil, []string{`ETag: "0"`}}}},
		{"faults: mode", nil, step{"PUT", "/admin/faults", `{"mode":"failure"}`, "", want{200, []string{`"mode":"failure"`, `"revision":1`}, []string{`ETag: "1"`}}}},
		{"faults: rules are named", nil, step{"PUT", "/admin/faults", `{"rules":[{"abort":503},{"abort":500}]}`, "", want{200, []string{`"name":"abort-1"`, `"name":"abort-2"`}, nil}}},
		{"faults: dry run", nil, step{"PUT", "/admin/faults?dry_run=1", `{"mode":"failure"}`, "", want{200, []string{`"mode":"failure"`, `"revision":1`}, []string{`ETag: `}}}},
		{"faults: dry run refused", nil, step{"PUT", "/admin/faults?dry_run=1", `{"mode":"x"}`, "", want{400, []string{`"field":"mode"`}, nil}}},
		{"faults: cut", nil, step{"PUT", "/admin/faults?cut=1", `{"mode":"failure"}`, "", want{400, []string{`"field":"cut"`, "not available in this version"}, nil}}},
		{"faults: no cut", nil, step{"PUT", "/admin/faults?cut=0", `{"mode":"failure"}`, "", want{200, nil, nil}}},
		{"faults: unknown parameter", nil, step{"PUT", "/admin/faults?dryrun=1", `{}`, "", want{400, []string{`"field":"dryrun"`, `"did_you_mean":"dry_run"`}, nil}}},
		{"faults: parameter twice", nil, step{"PUT", "/admin/faults?dry_run=0&dry_run=1", `{}`, "", want{400, []string{`"field":"dry_run"`}, nil}}},
		{"faults: bad query", nil, step{"GET", "/admin/faults?a;b", "", "", want{400, nil, nil}}},
		{"faults: bad flag", nil, step{"PUT", "/admin/faults?dry_run=maybe", `{}`, "", want{400, []string{`"field":"dry_run"`}, nil}}},
		{"faults: unknown mode", nil, step{"PUT", "/admin/faults", `{"mode":"failur"}`, "", want{400, []string{`"field":"mode"`, `"did_you_mean":"failure"`, `"line":1,"column":9`}, nil}}},
		{"faults: unknown field", nil, step{"PUT", "/admin/faults", "{\n \"rules\": [{\"kind\":\"delay\",\"attributes\":{\"latancy\":\"1s\"}}]}", "", want{400, []string{`"field":"rules[0].attributes.latancy","reason":"unknown field","did_you_mean":"latency","line":2`}, nil}}},
		{"faults: unknown proxy of a rule", nil, step{"PUT", "/admin/faults", `{"rules":[{"proxy":"flakey","abort":503}]}`, "", want{400, []string{`"field":"rules[0].proxy"`, `"line":1,"column":20`}, nil}}},
		{"faults: unknown proxy of a mode", nil, step{"PUT", "/admin/faults", `{"modes":{"flakey":"failure"}}`, "", want{400, []string{`"field":"modes.flakey"`}, nil}}},
		{"faults: lease", nil, step{"PUT", "/admin/faults", `{"mode":"failure","lease":{"id":"a","for":"1h"}}`, "", want{200, []string{`"timed":{"mode":{"back_to":"normal","expires_in":"59m59.`, `"lease":"a"}`}, nil}}},
		{"faults: lease without for", nil, step{"PUT", "/admin/faults", `{"mode":"failure","lease":{"id":"a"}}`, "", want{400, []string{`"field":"lease.for"`, `"line":1,"column":27`}, nil}}},
		{"faults: ttl of nothing", nil, step{"PUT", "/admin/faults", `{"ttl":"5s"}`, "", want{400, []string{`"field":"ttl"`}, nil}}},
		{"faults: empty body", nil, step{"PUT", "/admin/faults", ``, "", want{400, []string{`"line":1`}, nil}}},
		{"faults: clear", []string{`PUT /admin/faults {"mode":"failure","rules":[{"abort":503}]}`}, step{"DELETE", "/admin/faults", "", "", want{200, []string{`"mode":"normal"`, `"rules":[]`, `"revision":2`}, []string{`ETag: "2"`}}}},
		{"faults: clear when clear", nil, step{"DELETE", "/admin/faults", "", "", want{200, []string{`"revision":0`}, []string{`ETag: "0"`}}}},
		{"faults: clear dry", []string{`PUT /admin/faults {"mode":"failure"}`}, step{"DELETE", "/admin/faults?dry_run=1", "", "", want{200, []string{`"mode":"normal"`}, nil}}},
		{"faults: owner", []string{`PUT /admin/faults/rules/a {"abort":503,"owner":"me"}`, `PUT /admin/faults/rules/b {"abort":503,"owner":"you"}`}, step{"DELETE", "/admin/faults?owner=me", "", "", want{200, []string{`"name":"b"`, `"revision":3`}, nil}}},
		{"faults: owner missing", nil, step{"DELETE", "/admin/faults?owner=", "", "", want{400, []string{`"field":"owner"`}, nil}}},

		{"rules", []string{"PUT /admin/faults/rules/slow " + slow}, step{"GET", "/admin/faults/rules", "", "", want{200, []string{`{"rules":[{"name":"slow","proxy":"flaky","kind":"delay"`, `"status":{"matched":0,"hit":0,"active":0,"skipped":{"selection":0,"roll":0,"limit":0}}`, `"revision":1}`}, []string{`ETag: "1"`}}}},
		{"rules: none", nil, step{"GET", "/admin/faults/rules", "", "", want{200, []string{`{"rules":[],"revision":0}`}, nil}}},
		{"rules: post", nil, step{"POST", "/admin/faults/rules", `{"abort":503}`, "", want{201, []string{`"name":"abort-1"`}, []string{"Location: /admin/faults/rules/abort-1", `ETag: "1"`}}}},
		{"rules: post named", nil, step{"POST", "/admin/faults/rules", `{"name":"a b?%","abort":503}`, "", want{201, []string{`"name":"a b?%"`}, []string{"Location: /admin/faults/rules/a%20b%3F%25"}}}},
		{"rules: post dry", nil, step{"POST", "/admin/faults/rules?dry_run=true", `{"abort":503}`, "", want{201, []string{`"name":"abort-1"`}, nil}}},
		{"rules: post again", []string{`POST /admin/faults/rules {"name":"a","abort":503}`}, step{"POST", "/admin/faults/rules", `{"name":"a","abort":503}`, "", want{409, []string{`"field":"name"`}, nil}}},
		{"rules: post for another proxy", []string{`POST /admin/faults/rules {"name":"a","abort":503}`}, step{"POST", "/admin/faults/rules", `{"name":"a","proxy":"flaky","abort":503}`, "", want{201, nil, []string{"Location: /admin/faults/rules/a?proxy=flaky"}}}},
		{"rules: post nonsense", nil, step{"POST", "/admin/faults/rules", `{"abort":99}`, "", want{400, []string{`"field":"abort","reason":"must be 200 to 599, got 99"`}, nil}}},
		{"rules: post unknown proxy", nil, step{"POST", "/admin/faults/rules", `{"abort":503,"proxy":"x"}`, "", want{400, []string{`"field":"proxy"`, `"line":1,"column":22`}, nil}}},
		{"rule: get", []string{"PUT /admin/faults/rules/slow " + slow}, step{"GET", "/admin/faults/rules/slow", "", "", want{200, []string{`"percent":50`, `"attributes":{"latency":"300ms"}`}, []string{`ETag: "1"`}}}},
		{"rule: get none", []string{"PUT /admin/faults/rules/slow " + slow}, step{"GET", "/admin/faults/rules/slwo", "", "", want{404, []string{`"field":"rule"`, `"did_you_mean":"slow"`}, nil}}},
		{"rule: put new", nil, step{"PUT", "/admin/faults/rules/slow", slow, "", want{201, []string{`"name":"slow"`}, []string{`ETag: "1"`}}}},
		{"rule: put again", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PUT", "/admin/faults/rules/slow", slow, "", want{200, []string{`"name":"slow"`}, []string{`ETag: "2"`}}}},
		{"rule: put dry", nil, step{"PUT", "/admin/faults/rules/slow?dry_run=1", slow, "", want{201, []string{`"name":"slow"`}, nil}}},
		{"rule: put under another name", nil, step{"PUT", "/admin/faults/rules/slow", `{"name":"fast","delay":"1s"}`, "", want{400, []string{`"field":"name"`, `"line":1,"column":9`}, nil}}},
		{"rule: put bad name", nil, step{"PUT", "/admin/faults/rules/" + strings.Repeat("x", 129), slow, "", want{400, []string{`"field":"name"`}, nil}}},
		{"rule: put unknown proxy", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PUT", "/admin/faults/rules/fast", `{"proxy":"flakey","delay":"1s"}`, "", want{400, []string{`"field":"proxy"`, `"line":1,"column":10`}, nil}}},
		{"rule: put before", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PUT", "/admin/faults/rules/first?before=slow", slow, "", want{201, nil, nil}}},
		{"rule: put before none", nil, step{"PUT", "/admin/faults/rules/first?before=slow", slow, "", want{404, []string{`"field":"before"`}, nil}}},
		{"rule: put before nothing", nil, step{"PUT", "/admin/faults/rules/first?before=", slow, "", want{400, []string{`"field":"before"`}, nil}}},
		{"rule: put moves it", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PUT", "/admin/faults/rules/slow", `{"delay":"1s"}`, "", want{200, []string{`{"name":"slow","kind":"delay"`}, nil}}},
		{"rule: put a second", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PUT", "/admin/faults/rules/slow?proxy=*", `{"delay":"1s"}`, "", want{201, []string{`{"name":"slow","kind":"delay"`}, nil}}},
		{"rule: ambiguous", []string{"PUT /admin/faults/rules/slow " + slow, `PUT /admin/faults/rules/slow?proxy=* {"delay":"1s"}`}, step{"GET", "/admin/faults/rules/slow", "", "", want{409, []string{`"field":"proxy"`, `"candidates":["slow?proxy=flaky","slow?proxy=*"]`}, nil}}},
		{"rule: not ambiguous", []string{"PUT /admin/faults/rules/slow " + slow, `PUT /admin/faults/rules/slow?proxy=* {"delay":"1s"}`}, step{"GET", "/admin/faults/rules/slow?proxy=flaky", "", "", want{200, []string{`"proxy":"flaky"`}, nil}}},
		{"rule: proxy of nothing", nil, step{"GET", "/admin/faults/rules/slow?proxy=", "", "", want{400, []string{`"field":"proxy"`}, nil}}},
		{"rule: patch", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PATCH", "/admin/faults/rules/slow", `{"percent":10,"attributes":{"jitter":"50ms"}}`, "", want{200, []string{`"percent":10`, `"attributes":{"latency":"300ms","jitter":"50ms"}`}, []string{`ETag: "2"`}}}},
		{"rule: patch moves it", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PATCH", "/admin/faults/rules/slow?proxy=flaky", `{"proxy":null}`, "", want{200, []string{`{"name":"slow","kind":"delay"`}, nil}}},
		{"rule: patch renames it", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PATCH", "/admin/faults/rules/slow", `{"name":"fast"}`, "", want{400, []string{`"field":"name"`}, nil}}},
		{"rule: patch badly", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PATCH", "/admin/faults/rules/slow", `{"percent":101}`, "", want{400, []string{`"field":"percent"`, `"line":1,"column":12`}, nil}}},
		{"rule: patch with a list", []string{"PUT /admin/faults/rules/slow " + slow}, step{"PATCH", "/admin/faults/rules/slow", `[]`, "", want{400, nil, nil}}},
		{"rule: patch none", nil, step{"PATCH", "/admin/faults/rules/slow", `{}`, "", want{404, nil, nil}}},
		{"rule: delete", []string{"PUT /admin/faults/rules/slow " + slow}, step{"DELETE", "/admin/faults/rules/slow", "", "", want{204, nil, []string{`ETag: "2"`}}}},
		{"rule: delete none", nil, step{"DELETE", "/admin/faults/rules/slow", "", "", want{404, nil, nil}}},
		{"rule: rearm", []string{"PUT /admin/faults/rules/slow " + slow}, step{"POST", "/admin/faults/rules/slow/rearm", "", "", want{200, []string{`"name":"slow"`}, []string{`ETag: "2"`}}}},
		{"rule: rearm none", nil, step{"POST", "/admin/faults/rules/slow/rearm", "", "", want{404, nil, nil}}},

		{"wait: no rule", nil, step{"GET", "/admin/wait", "", "", want{400, []string{`"field":"rule"`}, nil}}},
		{"wait: no such rule", nil, step{"GET", "/admin/wait?rule=slow", "", "", want{404, nil, nil}}},
		{"wait: over", []string{"PUT /admin/faults/rules/slow " + slow}, step{"GET", "/admin/wait?rule=slow&proxy=flaky&hits=3&timeout=0s", "", "", want{408, []string{`"status":408,"field":"hits"`, `"rule":"slow","hits":0`}, nil}}},
		{"wait: enough", []string{"PUT /admin/faults/rules/slow " + slow}, step{"GET", "/admin/wait?rule=slow&hits=0", "", "", want{200, []string{`{"rule":"slow","hits":0}`}, nil}}},
		{"wait: bad hits", nil, step{"GET", "/admin/wait?rule=slow&hits=-1", "", "", want{400, []string{`"field":"hits"`}, nil}}},
		{"wait: too long", nil, step{"GET", "/admin/wait?rule=slow&timeout=61s", "", "", want{400, []string{`"field":"timeout"`}, nil}}},

		{"proxies", nil, step{"GET", "/admin/proxies", "", "", want{200, []string{`{"proxies":[{"name":"flaky","protocol":"http","listen":"127.0.0.1:0"`, `"revision":0}`}, []string{`ETag: "0"`}}}},
		{"proxy: get", nil, step{"GET", "/admin/proxies/flaky", "", "", want{200, []string{`"timeout":"1m0s"`, `"protect":["/health"]`, `"url":"http://127.0.0.1:`, `"bound":"127.0.0.1:`}, []string{`ETag: "0"`}}}},
		{"proxy: get none", nil, step{"GET", "/admin/proxies/flakey", "", "", want{404, []string{`"field":"proxy"`, `"did_you_mean":"flaky"`}, nil}}},
		{"proxy: put new", nil, step{"PUT", "/admin/proxies/hello", other, "", want{201, []string{`"name":"hello"`, `"url":"http://127.0.0.1:`}, []string{`ETag: "1"`}}}},
		{"proxy: put again", []string{"PUT /admin/proxies/hello " + other}, step{"PUT", "/admin/proxies/hello", `{"listen":"127.0.0.1:0","upstream":"https://x"}`, "", want{200, []string{`"upstream":"https://x"`}, []string{`ETag: "2"`}}}},
		{"proxy: put the same", []string{"PUT /admin/proxies/hello " + other}, step{"PUT", "/admin/proxies/hello", other, "", want{200, nil, []string{`ETag: "1"`}}}},
		{"proxy: put dry", nil, step{"PUT", "/admin/proxies/hello?dry_run=1", other, "", want{201, []string{`"name":"hello"`}, nil}}},
		{"proxy: put under another name", nil, step{"PUT", "/admin/proxies/x", other, "", want{400, []string{`"field":"name"`, `"line":1,"column":9`}, nil}}},
		{"proxy: put badly", nil, step{"PUT", "/admin/proxies/x", `{"listen":"x"}`, "", want{400, []string{`"field":"listen"`}, nil}}},
		{"proxy: tcp", nil, step{"PUT", "/admin/proxies/x", `{"protocol":"tcp","listen":":0","upstream":"http://x:1"}`, "", want{400, []string{`"field":"upstream"`, "want host:port"}, nil}}},
		{"proxy: put a disabled one", nil, step{"PUT", "/admin/proxies/x", `{"listen":"127.0.0.1:0","upstream":"http://x","enabled":false}`, "", want{201, []string{`"enabled":false,"attribution":true}`}, nil}}},
		{"proxy: put a bad name", nil, step{"PUT", "/admin/proxies/*", `{"listen":"127.0.0.1:0","upstream":"http://x"}`, "", want{400, []string{`"field":"name"`}, nil}}},
		{"proxy: patch", nil, step{"PATCH", "/admin/proxies/flaky", `{"timeout":"5s","protect":null}`, "", want{200, []string{`"timeout":"5s"`, `"protect":["/health"]`}, []string{`ETag: "1"`}}}},
		{"proxy: patch badly", nil, step{"PATCH", "/admin/proxies/flaky", `{"timeout":"5"}`, "", want{400, []string{`"field":"timeout"`, `"line":1,"column":12`}, nil}}},
		{"proxy: patch renames it", nil, step{"PATCH", "/admin/proxies/flaky", `{"name":"x"}`, "", want{400, []string{`"field":"name"`}, nil}}},
		{"proxy: patch none", nil, step{"PATCH", "/admin/proxies/x", `{}`, "", want{404, nil, nil}}},
		{"proxy: delete", nil, step{"DELETE", "/admin/proxies/flaky", "", "", want{204, nil, []string{`ETag: "1"`}}}},
		{"proxy: delete none", nil, step{"DELETE", "/admin/proxies/x", "", "", want{404, nil, nil}}},
		{"proxies: no delete", nil, step{"DELETE", "/admin/proxies", "", "", want{405, nil, []string{"Allow: GET, HEAD"}}}},

		{"exchanges", nil, step{"GET", "/admin/exchanges", "", "", want{200, []string{`{"exchanges":[]}`}, nil}}},
		{"exchanges: empty parameters", nil, step{"GET", "/admin/exchanges?proxy=&rule=&hit=true&outcome=&since=&limit=", "", "", want{200, nil, nil}}},
		{"exchanges: bad outcome", nil, step{"GET", "/admin/exchanges?outcome=fine", "", "", want{400, []string{`"field":"outcome"`}, nil}}},
		{"exchanges: bad hit", nil, step{"GET", "/admin/exchanges?hit=x", "", "", want{400, []string{`"field":"hit"`}, nil}}},
		{"exchanges: bad since", nil, step{"GET", "/admin/exchanges?since=yesterday", "", "", want{400, []string{`"field":"since"`}, nil}}},
		{"exchanges: bad limit", nil, step{"GET", "/admin/exchanges?limit=0", "", "", want{400, []string{`"field":"limit"`}, nil}}},
		{"exchanges: too high a limit", nil, step{"GET", "/admin/exchanges?limit=1001", "", "", want{400, []string{`"field":"limit"`, "1 to 1000"}, nil}}},
		{"verdict", nil, step{"GET", "/admin/verdict", "", "", want{200, []string{`"verdict":"INCONCLUSIVE"`}, nil}}},
		{"verdict: bad demand", nil, step{"GET", "/admin/verdict?demand=x", "", "", want{400, []string{`"field":"demand"`}, nil}}},
		{"verdict on a course", nil, step{"POST", "/admin/verdict", `{"proxies":["flaky"]}`, "", want{200, []string{`"phases":[]`}, nil}}},
		{"verdict on a course: bad stage", nil, step{"POST", "/admin/verdict", `{"phases":[{"stage":"x"}]}`, "", want{400, []string{`"field":"phases[0].stage"`}, nil}}},

		{"proxy: put with TLS", nil, step{"PUT", "/admin/proxies/flaky", `{"listen":"127.0.0.1:0","upstream":"http://x","tls":true}`, "", want{200, []string{`"tls":{"ca":"throwaway"}`, `"url":"https://127.0.0.1:`}, nil}}},
		{"proxy: TLS again without", []string{`PATCH /admin/proxies/flaky {"tls":true}`}, step{"PATCH", "/admin/proxies/flaky", `{"tls":null}`, "", want{200, []string{`"url":"http://127.0.0.1:`}, nil}}},
		{"proxy: put files", nil, step{"PUT", "/admin/proxies/x", `{"listen":"127.0.0.1:0","upstream":"http://x","tls":{"certificates":[{"cert_file":"/etc/passwd","key_file":"/x"}]}}`, "", want{400, []string{`"field":"tls.certificates[0].cert_file"`, "in the configuration"}, nil}}},
		{"proxy: put a unix socket", nil, step{"PUT", "/admin/proxies/x", `{"protocol":"tcp","listen":"unix:/tmp/x","upstream":"x:1"}`, "", want{400, []string{`"field":"listen"`, "in the configuration"}, nil}}},
		{"proxy: patch to a unix socket", nil, step{"PATCH", "/admin/proxies/flaky", `{"upstream":"unix:/run/docker.sock"}`, "", want{400, []string{`"field":"upstream"`, "in the configuration"}, nil}}},
		{"proxy: patch files", nil, step{"PATCH", "/admin/proxies/flaky", `{"upstream":"https://x","upstream_tls":{"roots_file":"/etc/passwd"}}`, "", want{400, []string{`"field":"upstream_tls.roots_file"`, "in the configuration"}, nil}}},
		{"ca", nil, step{"GET", "/admin/ca", "", "", want{200, []string{"MII"}, []string{"Content-Type: application/pem-certificate-chain"}}}},
		{"ca: parameters", nil, step{"GET", "/admin/ca?name=x", "", "", want{400, []string{`"field":"name"`}, nil}}},
		{"healthz", nil, step{"GET", "/healthz", "", "", want{200, []string{`{"status":"ok"}`}, nil}}},
		{"readyz", nil, step{"GET", "/readyz", "", "", want{200, []string{`{"status":"ready"}`}, nil}}},
		{"events", nil, step{"GET", "/admin/events?for=1ms", "", "", want{200, []string{"event: hello", `"revision":0`, "event: end"}, []string{"Content-Type: text/event-stream"}}}},
		{"events: head", nil, step{"HEAD", "/admin/events", "", "", want{200, nil, []string{"Content-Type: text/event-stream"}}}},
		{"events: bad time", nil, step{"GET", "/admin/events?for=25h", "", "", want{400, []string{`"field":"for"`}, nil}}},
		{"series", nil, step{"GET", "/admin/series", "", "", want{200, []string{`"proxies":[{"proxy":"flaky","mode":"normal","total":{"ok":0`}, []string{"Content-Type: application/json"}}}},
		{"series: of none", nil, step{"GET", "/admin/series?proxy=x", "", "", want{404, nil, nil}}},
		{"series: too long", nil, step{"GET", "/admin/series?last=16m", "", "", want{400, []string{`"field":"last"`}, nil}}},
		{"kinds", nil, step{"GET", "/admin/kinds", "", "", want{200, []string{`{"name":"delay","layer":"http","main":"latency",`, `{"name":"latency","type":"duration"}`}, nil}}},
		{"a file of the page", nil, step{"GET", "/ui/style.css", "", "", want{200, nil, []string{"Content-Type: text/css; charset=utf-8"}}}},
		{"a file that it has not", nil, step{"GET", "/ui/ui.go", "", "", want{404, nil, nil}}},
		{"version", nil, step{"GET", "/version", "", "", want{200, []string{`{"version":"2.12.0","squall":"0.1.0"}`}, nil}}},
		{"index", nil, step{"GET", "/", "", "", want{200, []string{"squall 0.1.0", "PATCH  /admin/faults/rules/{name}"}, []string{"Content-Type: text/plain; charset=utf-8"}}}},

		{"nothing there", nil, step{"GET", "/admin", "", "", want{404, nil, nil}}},
		{"nothing there either", nil, step{"GET", "/admin/faults/", "", "", want{404, nil, nil}}},
		{"wrong method", nil, step{"POST", "/admin/faults", "{}", "", want{405, nil, []string{"Allow: GET, HEAD, PUT, DELETE"}}}},
		{"wrong method on a rule", nil, step{"POST", "/admin/faults/rules/x", "{}", "", want{405, nil, []string{"Allow: GET, HEAD, PUT, PATCH, DELETE"}}}},
		{"preflight", nil, step{"OPTIONS", "/admin/faults", "", "", want{405, nil, []string{"Allow: GET, HEAD, PUT, DELETE", "Access-Control-Allow-Origin: "}}}},

		{"If-Match holds", []string{`PUT /admin/faults {"mode":"failure"}`}, step{"PUT", "/admin/faults", `{"mode":"normal"}`, `If-Match: "1"`, want{200, nil, []string{`ETag: "2"`}}}},
		{"If-Match is stale", []string{`PUT /admin/faults {"mode":"failure"}`}, step{"PUT", "/admin/faults", `{"mode":"normal"}`, `If-Match: "0"`, want{412, nil, nil}}},
		{"If-Match is stale for a rule", []string{"PUT /admin/faults/rules/slow " + slow}, step{"DELETE", "/admin/faults/rules/slow", "", `If-Match: "0"`, want{412, nil, nil}}},
		{"If-Match is stale for a proxy", []string{`PUT /admin/faults {"mode":"failure"}`}, step{"PATCH", "/admin/proxies/flaky", `{}`, `If-Match: "0"`, want{412, nil, nil}}},
		{"If-Match is stale in a dry run", []string{`PUT /admin/faults {"mode":"failure"}`}, step{"PUT", "/admin/faults?dry_run=1", `{}`, `If-Match: "0"`, want{412, nil, nil}}},
		{"log", nil, step{"GET", "/admin/log", "", "", want{200, []string{`{"level":"info"}`}, nil}}},
		{"log: another level", nil, step{"PUT", "/admin/log", `{"level":"debug"}`, "", want{200, []string{`{"level":"debug"}`}, nil}}},
		{"log: unknown parameter", nil, step{"PUT", "/admin/log?dry_run=1", `{"level":"debug"}`, "", want{400, []string{`"field":"dry_run"`}, nil}}},
		{"If-Match is any", nil, step{"PUT", "/admin/faults", `{"mode":"failure"}`, `If-Match: *`, want{200, nil, nil}}},
		{"If-Match without quotes", nil, step{"PUT", "/admin/faults", `{"mode":"failure"}`, `If-Match: 0`, want{200, nil, nil}}},
		{"If-Match is nonsense", nil, step{"PUT", "/admin/faults", `{"mode":"failure"}`, `If-Match: W/"0"`, want{400, []string{`"field":"If-Match"`}, nil}}},
	}...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, func(s *admin.Server) { s.Connections = &oneConnection{id: 7, proxy: "flaky"} })
			for _, line := range test.given {
				part := strings.SplitN(line, " ", 3)
				l.must(t, part[0], part[1], part[2])
			}
			var fields []string
			if test.field != "" {
				fields = append(fields, test.field)
			}
			before := l.controller.State()
			check(t, l.do(t, test.method, test.path, test.body, fields...), test.want)
			changes := test.want.status/100 == 2 && !strings.Contains(test.path, "dry_run")
			if after := l.controller.State(); !changes && after != before {
				t.Errorf("something changed: revision %d became %d", before.Revision, after.Revision)
			}
		})
	}
	for _, route := range (&admin.Server{}).Routes() {
		succeeds := func(test routeTest) bool {
			return test.method == route.Method && test.want.status/100 == 2 && matches(route.Path, test.path)
		}
		if !isToxiproxys(route.Path) && !slices.ContainsFunc(tests, succeeds) { // those: see TestToxiproxysRoutes
			t.Errorf("no test has an answer of %s %s", route.Method, route.Path)
		}
	}
}

// matches reports whether a request's path is one of a route.
func matches(template, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") && g != "" })
}

func TestAProxyTakesItsRulesAlong(t *testing.T) {
	l := newLab(t)
	l.must(t, "PUT", "/admin/faults/rules/slow", slow)
	l.must(t, "PUT", "/admin/faults/rules/all", `{"abort":503}`)
	l.must(t, "DELETE", "/admin/proxies/flaky", "")
	got := l.must(t, "GET", "/admin/faults/rules", "")
	if strings.Contains(got.body, `"slow"`) || !strings.Contains(got.body, `"all"`) {
		t.Errorf("want all without slow, got %s", got.body)
	}
}

func TestABusyPortIsAConflict(t *testing.T) {
	l := newLab(t)
	taken := strings.TrimPrefix(l.url, "http://")
	got := l.do(t, "PUT", "/admin/proxies/x", `{"upstream":"http://x","listen":"`+taken+`"}`)
	check(t, got, want{409, []string{`"field":"listen"`, `"line":1,"column":33`}, nil})
	check(t, l.do(t, "GET", "/admin/proxies/x", ""), want{404, nil, nil})
}

func TestNamesInPathsAreEscaped(t *testing.T) {
	l := newLab(t)
	for _, test := range []struct{ path, name string }{
		{"a%20b", "a b"},
		{"100%25", "100%"},
		{"%C3%A9t%C3%A9", "été"},
		{"a+b", "a+b"},
		{"a%3Fb%23c", "a?b#c"},
		{"%252f", "%2f"},
		{"rearm", "rearm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.must(t, "PUT", "/admin/faults/rules/"+test.path, `{"abort":503}`)
			got := l.must(t, "GET", "/admin/faults/rules/"+test.path, "")
			var rule struct{ Name string }
			if err := json.Unmarshal([]byte(got.body), &rule); err != nil || rule.Name != test.name {
				t.Errorf("got %q, want %q (%v)", rule.Name, test.name, err)
			}
			l.must(t, "DELETE", "/admin/faults/rules/"+test.path, "")
		})
	}
}

func TestNotReady(t *testing.T) {
	l := newLab(t, func(s *admin.Server) { s.Ready = func() error { return http.ErrServerClosed } })
	check(t, l.do(t, "GET", "/readyz", ""), want{503, []string{http.ErrServerClosed.Error()}, nil})
	check(t, l.do(t, "GET", "/healthz", ""), want{200, nil, nil})
}

// refusingStore saves nothing.
type refusingStore struct{ err error }

func (s *refusingStore) Save(*control.State) error { return s.err }

func TestWhatControlRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy control.Policy
		stored error
		want   want
	}{
		{"policy", control.Policy{MaxPercent: 100, Deny: []string{"abort"}}, nil, want{403, []string{`"field":"kind"`}, nil}},
		{"disk full", control.DefaultPolicy(), &control.Error{Code: control.Full, Reason: "no space"}, want{507, []string{"no space"}, nil}},
		{"disk broken", control.DefaultPolicy(), errors.New("input/output error"), want{500, []string{"input/output error"}, nil}},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &refusingStore{}
			config := control.Config{Engine: &engine{}, Policy: test.policy, Store: store}
			ask := ask(t, &admin.Server{Controller: newController(t, config)})
			store.err = test.stored
			check(t, ask("PUT", "/admin/faults/rules/a", `{"abort":503}`), test.want)
			check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"rules":[],"revision":0}`}, nil})
		})
	}
}
