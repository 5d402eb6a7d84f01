package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/verdict"
)

// gateway serves callers by calling the service through a client, as a shop's does: every second call is a POST. It passes the
// caller's request id on.
func gateway(t *testing.T, service string, transport http.RoundTripper) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, body := http.MethodGet, ""
		if last := r.URL.Path[len(r.URL.Path)-1]; last%2 == 1 {
			method, body = http.MethodPost, "an order of "+r.URL.Path
		}
		request, err := http.NewRequestWithContext(r.Context(), method, service+r.URL.Path, strings.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		request.Header.Set("X-Request-Id", r.Header.Get("X-Request-Id"))
		reply, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer reply.Body.Close()
		got, err := io.ReadAll(reply.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(reply.StatusCode)
		_, _ = w.Write(got)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// certified leads a client through a short course, both sides of it in view, and gives the verdict.
func certifiedClient(t *testing.T, transport http.RoundTripper, service http.Handler, args ...string) verdict.Report {
	t.Helper()
	upstream := httptest.NewServer(service)
	t.Cleanup(upstream.Close)
	s := startServe(t, nil)
	s.squall("proxies", "add", "service", "127.0.0.1:0", upstream.URL)
	s.squall("proxies", "add", "front", "127.0.0.1:0", gateway(t, s.url("service"), transport))
	_, before := get(t, s.admin+"/admin/faults")
	code, out, errs := runSquall(t, nil, append([]string{
		"certify", "--admin", s.admin, "--proxy", "service", "--caller-proxy", "front", "--url", s.url("front") + "/item/{n}", "--json",
	}, args...)...)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if _, after := get(t, s.admin+"/admin/faults"); withoutRevision(after) != withoutRevision(before) {
		t.Errorf("the course has left %s behind", after)
	}
	var report verdict.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	return report
}

// withoutRevision leaves out of an answer what every change counts up.
func withoutRevision(answer string) string {
	before, _, _ := strings.Cut(answer, `"revision"`)
	return before
}

// graded lists the detectors that have found something of a grade.
func graded(r verdict.Report, grade verdict.Grade) []string {
	var ids []string
	for _, f := range r.Findings {
		if f.Verdict == grade {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// keeping is a transport that keeps as many connections as it has needed: by default it keeps two.
func keeping() http.RoundTripper { return &http.Transport{MaxIdleConnsPerHost: 100} }

// retrying adapts go-retryablehttp as it is by default, but for its log.
func retrying() http.RoundTripper {
	c := retryablehttp.NewClient()
	c.Logger = nil
	return &retryablehttp.RoundTripper{Client: c}
}

// serveGreeting is the service.
func serveGreeting(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "Hello from "+r.URL.Path)
}

// TestCertifyAPlainClient: a client that has no timeout and masks nothing is told so, and nothing of retries that it does not make.
func TestCertifyAPlainClient(t *testing.T) {
	report := certifiedClient(t, &http.Transport{}, http.HandlerFunc(serveGreeting), "--scale", "0.03", "--rate", "60")
	checkFound(t, report, []string{"D13"}, []string{"D3", "D5", "D7", "D9", "D10", "D11"})
}

// checkFound wants some misbehaviour to be found, as WARN or FAIL, and others not to be FAIL.
func checkFound(t *testing.T, report verdict.Report, wrong, right []string) {
	t.Helper()
	failed, warned := graded(report, verdict.Fail), graded(report, verdict.Warn)
	for _, id := range wrong {
		if !slices.Contains(failed, id) && !slices.Contains(warned, id) {
			t.Errorf("%s is not found", id)
		}
	}
	for _, id := range right {
		if slices.Contains(failed, id) {
			t.Errorf("%s is found", id)
		}
	}
}

// TestCertifyFourRealClients: what each of these clients is known to do wrong is found, and what squall's own does is not
// wrong anywhere. They are judged by milliseconds, so it takes a machine that has nothing else to do.
func TestCertifyFourRealClients(t *testing.T) {
	if os.Getenv("SQUALL_TORTURE") == "" {
		t.Skip("takes a minute of a machine's time; SQUALL_TORTURE=1 runs it")
	}
	cfg := client.Default()
	cfg.AttemptTimeout /= 20          // as the course is shorter
	cfg.Hedge.After = 5 * time.Second // beyond the pauses that the course asks for: a hedge does not know of them
	cfg.Retry.Base *= 2               // so few calls fail four times that with full jitter chance would decide whether it is enough
	own, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	for _, test := range []struct {
		name        string
		transport   http.RoundTripper
		wrong       []string // at least, WARN or FAIL
		right       []string // not these
		nothingElse bool     // is wrong
		args        []string
	}{
		{name: "net/http", transport: &http.Transport{}, right: []string{"D1", "D2", "D3", "D5", "D7", "D9", "D10", "D11"}},
		{
			name: "go-retryablehttp", transport: retrying(), wrong: []string{"D5", "D9", "D11"}, right: []string{"D3", "D7", "D10"},
			// A machine under load varies what waits, too. A client that does so on purpose, by a fifth, has 0.115.
			args: []string{"--threshold", "D5.variation=0.09", "--threshold", "D5.spread=0.15"},
		},
		{
			name: "failsafehttp", transport: failsafehttp.NewRoundTripper(keeping(), failsafehttp.NewRetryPolicyBuilder().Build()),
			wrong: []string{"D3", "D11", "D24"}, right: []string{"D10"},
			args: []string{"--threshold", "D3.gaps=2"}, // its default are two retries
		},
		{name: "squall's own", transport: own, nothingElse: true, args: []string{"--rate", "100", "--scale", "0.05"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report := certifiedClient(t, test.transport, http.HandlerFunc(serveGreeting), append([]string{"--scale", "0.04", "--rate", "60"}, test.args...)...)
			checkFound(t, report, test.wrong, test.right)
			failed, warned := graded(report, verdict.Fail), graded(report, verdict.Warn)
			if test.nothingElse && len(failed)+len(warned) > 0 {
				t.Errorf("found %v, %v", failed, warned)
			}
		})
	}
}
