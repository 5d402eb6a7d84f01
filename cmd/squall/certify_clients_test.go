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
	report := certifiedClient(t, &http.Transport{}, http.HandlerFunc(serveGreeting),
		"--scale", "0.03", "--rate", "60", "--threshold", "D13.limit=0.9", "--require", "D13")
	if f, _ := report.Find("D13"); !f.Required {
		t.Error("D13 is not required, as was asked for")
	}
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

// TestCertifyFourRealClients: of each of these clients exactly that is found which it does wrong, by the verdict's own defaults
// and in a course of the usual length, and of squall's own, as it is by default, nothing. What a client may be found to do, too, is
// true of it, and so near to a limit that a run may say either.
func TestCertifyFourRealClients(t *testing.T) {
	if os.Getenv("SQUALL_TORTURE") == "" {
		t.Skip("takes 8 minutes, nearly all of them waiting; SQUALL_TORTURE=1 runs it, with -parallel 4")
	}
	own, err := client.New(client.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	for _, test := range []struct {
		name         string
		transport    http.RoundTripper
		wrong, maybe []string // WARN or FAIL
		passed       int      // at least; else nothing was told of it
	}{
		{
			name: "net/http", transport: &http.Transport{}, passed: 12,
			wrong: []string{"D13", "D16"}, // it has neither a timeout nor a breaker
			maybe: []string{"D28"},        // that the Transport repeats a GET whose connection ended in silence hides a tenth of the failures
		},
		{
			name: "go-retryablehttp", transport: retrying(), passed: 10,
			wrong: []string{"D5", "D9", "D11", "D1", "D8", "D13", "D16", "D22"}, // up to four retries, and nothing that spares the service
			maybe: []string{"D25"},                                              // for one second more than is allowed
		},
		{
			name: "failsafehttp", transport: failsafehttp.NewRoundTripper(keeping(), failsafehttp.NewRetryPolicyBuilder().Build()), passed: 6,
			wrong: []string{"D3", "D11", "D24", "D7", "D8", "D9", "D13", "D16", "D25"}, // D7: of dates
			maybe: []string{"D1", "D22"},                                               // three attempts are just the limit of D1
		},
		{name: "squall's own", transport: own, passed: 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report := certifiedClient(t, test.transport, http.HandlerFunc(serveGreeting), "--rate", "20")
			found := slices.Concat(graded(report, verdict.Fail), graded(report, verdict.Warn))
			for _, id := range test.wrong {
				if !slices.Contains(found, id) {
					t.Errorf("%s is not found", id)
				}
			}
			for _, id := range found {
				if !slices.Contains(test.wrong, id) && !slices.Contains(test.maybe, id) {
					t.Errorf("%s is found", id)
				}
			}
			if passed := graded(report, verdict.Pass); len(passed) < test.passed {
				t.Errorf("only %v passed, want %d", passed, test.passed)
			}
		})
	}
}
