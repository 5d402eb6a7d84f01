package runner

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/experiments/load"
)

// What checks of every source say of good and of bad answers, over real sockets and processes.
func TestProbes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.Query().Get("query"); query {
		case "":
			w.Header().Set("X-Mode", "normal")
			_, _ = w.Write([]byte(`{"ok": true}`))
		case "scalar":
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1.5,"7.5"]}}`))
		case "one":
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"42"]}]}}`))
		case "none":
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
		default:
			_, _ = w.Write([]byte(`{"status":"error","error":"bad expression"}`))
		}
	}))
	defer server.Close()
	r := Runner{client: load.NewClient()}
	defer r.client.CloseIdleConnections()
	for _, test := range []struct{ check, why string }{
		{`http: {url: URL}, tolerance: 200`, ""},
		{`http: {url: URL}, tolerance: 201`, "want 201, got 200"},
		{`http: {url: URL}, tolerance: {jsonpath: $.ok, expect: true, target: body}`, ""},
		{`http: {url: URL}, tolerance: {process: {path: grep, args: [normal]}}`, ""},
		{`http: {url: URL}, tolerance: {process: {path: grep, args: [fallback]}}`, "grep ended with 1"},
		{`http: {url: "http://127.0.0.1:1"}, tolerance: 200`, "refused"},
		{`process: {path: sh, args: [-c, "echo $A; exit 3"], env: {A: b}}, tolerance: 3`, ""},
		{`process: {path: sh, args: [-c, "echo $A; exit 3"], env: {A: b}}, tolerance: {regex: "^b", target: stdout}`, ""},
		{`process: {path: sh, args: [-c, "exit 3"]}, tolerance: 0`, "want 0, got 3"},
		{`process: {path: sleep, args: ["60"], timeout: 50ms}, tolerance: 0`, "sleep: context deadline exceeded"},
		{`process: {path: ./no-such-program}, tolerance: 0`, "no such file"},
		{`prometheus: {url: URL, query: scalar}, tolerance: [0, 10]`, ""},
		{`prometheus: {url: URL, query: one}, tolerance: [0, 10]`, "want [0,10], got 42"},
		{`prometheus: {url: URL, query: none}, tolerance: [0, 10]`, "the query gives 0 values"},
		{`prometheus: {url: URL, query: wrong}, tolerance: [0, 10]`, "bad expression"},
	} {
		check := strings.ReplaceAll(test.check, "URL", `"`+server.URL+`"`)
		e := experiment(t, "\nmethod: [{pause: 1s}]\nsteady_state: {checks: [{name: x, "+check+"}]}")
		began := time.Now()
		_, why := r.judge(t.Context(), &e.SteadyState.Checks[0])
		if (why == "") != (test.why == "") || !strings.Contains(why, test.why) {
			t.Errorf("%s: %q, want %q", test.check, why, test.why)
		}
		if time.Since(began) > 30*time.Second {
			t.Errorf("%s: took %v", test.check, time.Since(began))
		}
	}
}
