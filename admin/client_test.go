package admin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// at addresses a rule by its name.
func at(name string) control.Address { return control.Address{Name: name} }

func on(name, proxyName string) control.Address {
	return control.Address{Name: name, Proxy: &proxyName}
}

func TestClientFaults(t *testing.T) {
	l := newLab(t, withToken)
	c, ctx := l.client(t), t.Context()
	set, err := c.SetFaults(ctx, control.Request{}, map[string]any{"mode": "failure", "ttl": "30s", "rules": []faults.Rule{
		{Name: "slow", Kind: "delay", Phase: faults.Before, Percent: 50, Enabled: true, Attributes: &faults.Delay{Latency: faults.Duration(time.Second)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Faults(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got.Revision != 1 || got.Mode != "failure" || got.Timed == nil || *got.Timed.Mode.BackTo != "normal" || got.Timed.Rules == nil {
		t.Errorf("got %+v", got)
	}
	for _, v := range []control.FaultsView{set, got} {
		if len(v.Rules) != 1 || v.Rules[0].Name != "slow" || v.Rules[0].Attributes.(*faults.Delay).Latency != faults.Duration(time.Second) {
			t.Errorf("rules %+v", v.Rules)
		}
	}
	stale := uint64(0)
	_, err = c.SetFaults(ctx, control.Request{Revision: &stale}, `{"mode":"normal"}`)
	wantStatus(t, err, http.StatusPreconditionFailed)
	dry, err := c.ClearFaults(ctx, control.Request{DryRun: true}, "")
	if err != nil || dry.Mode != "normal" || l.controller.State().Revision != 1 {
		t.Errorf("a dry run gave mode %q (%v), revision %d", dry.Mode, err, l.controller.State().Revision)
	}
	if _, err := c.ClearFaults(ctx, control.Request{}, "somebody"); err != nil || l.controller.State().Mode.Name != "failure" {
		t.Errorf("clearing what nobody set: %v, mode %s", err, l.controller.State().Mode.Name)
	}
	if cleared, err := c.ClearFaults(ctx, control.Request{}, ""); err != nil || cleared.Mode != "normal" || len(cleared.Rules) != 0 {
		t.Errorf("cleared %+v, %v", cleared, err)
	}
}

func TestClientRules(t *testing.T) {
	l := newLab(t)
	c, ctx, terms := l.client(t), t.Context(), control.Request{}
	added, err := c.AddRule(ctx, terms, `{"abort":503}`)
	if err != nil || added.Name != "abort-1" {
		t.Fatalf("added %q, %v", added.Name, err)
	}
	first, created, err := c.PutRule(ctx, terms, at("first one"), json.RawMessage(slow), "abort-1")
	if err != nil || !created || first.Name != "first one" || l.controller.State().Rules[0].Name != "first one" {
		t.Fatalf("put %+v, created %v, %v", first, created, err)
	}
	if _, created, err = c.PutRule(ctx, terms, on("first one", "*"), []byte(`{"delay":"1s"}`), ""); err != nil || !created {
		t.Fatalf("a second of its name: created %v, %v", created, err)
	}
	_, err = c.Rule(ctx, at("first one"))
	if e := wantStatus(t, err, http.StatusConflict); len(e.Candidates) != 2 {
		t.Errorf("candidates %v", e.Candidates)
	}
	if err := c.RemoveRule(ctx, terms, on("first one", "*")); err != nil {
		t.Fatal(err)
	}
	if patched, err := c.PatchRule(ctx, terms, at("first one"), map[string]any{"percent": 10}); err != nil || patched.Percent != 10 {
		t.Errorf("patched %+v, %v", patched, err)
	}
	l.decide(t, "flaky", "/")
	if hits, err := c.WaitHits(ctx, at("abort-1"), 1, time.Second); err != nil || hits != 1 {
		t.Errorf("%d hits, %v", hits, err)
	}
	hits, err := c.WaitHits(ctx, on("abort-1", "*"), 2, time.Millisecond)
	if wantStatus(t, err, http.StatusRequestTimeout); hits != 1 {
		t.Errorf("%d hits after the timeout, want 1", hits)
	}
	if counted, err := c.Rule(ctx, at("abort-1")); err != nil || counted.Status.Hit != 1 || counted.Status.Matched != 1 {
		t.Errorf("status %+v, %v", counted.Status, err)
	}
	if anew, err := c.RearmRule(ctx, terms, on("abort-1", "*")); err != nil || anew.Status.Hit != 0 {
		t.Errorf("rearmed: %+v, %v", anew.Status, err)
	}
	if rules, err := c.Rules(ctx); err != nil || len(rules) != 2 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
	_, err = c.Rule(ctx, at("abort-2"))
	if e := wantStatus(t, err, http.StatusNotFound); e.DidYouMean != "abort-1" {
		t.Errorf("did you mean %q", e.DidYouMean)
	}
}

func TestClientProxies(t *testing.T) {
	l := newLab(t)
	c, ctx, terms := l.client(t), t.Context(), control.Request{}
	config := proxy.Defaults()
	config.Listen, config.Upstream = "127.0.0.1:0", "http://127.0.0.1:1"
	put, created, err := c.PutProxy(ctx, terms, "new one", config)
	if err != nil || !created || put.Name != "new one" || put.URL == "" || put.Bound == "" {
		t.Fatalf("put %+v, created %v, %v", put, created, err)
	}
	if again, created, err := c.PutProxy(ctx, terms, "new one", put); err != nil || created || again.URL != put.URL {
		t.Errorf("sent back: %+v, created %v, %v", again, created, err)
	}
	if patched, err := c.PatchProxy(ctx, terms, "new one", `{"enabled":false}`); err != nil || patched.Enabled || patched.URL != "" {
		t.Errorf("patched %+v, %v", patched, err)
	}
	if all, err := c.Proxies(ctx); err != nil || len(all) != 2 || all[0].Name != "flaky" || all[0].URL == "" {
		t.Errorf("all %+v, %v", all, err)
	}
	if err := c.RemoveProxy(ctx, terms, "new one"); err != nil {
		t.Error(err)
	}
	_, err = c.Proxy(ctx, "new one")
	wantStatus(t, err, http.StatusNotFound)
}

func TestClientRest(t *testing.T) {
	l := newLab(t)
	c := l.client(t)
	if v, err := c.Version(t.Context()); err != nil || v != l.Version {
		t.Errorf("version %+v, %v", v, err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.AddRule(t.Context(), control.Request{}, func() {}); err == nil {
		t.Error("a rule that cannot be encoded was sent")
	}
}

func TestClientAgainstOthers(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8474", "ftp://x", "http://"} {
		if _, err := admin.NewClient(base, ""); err == nil {
			t.Errorf("%q was taken for a URL", base)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/version":
			http.Error(w, "<html>", http.StatusBadGateway)
		}
	}))
	defer other.Close()
	c, err := admin.NewClient(other.URL+"/", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantStatus(t, c.Ready(t.Context()), http.StatusFound)
	_, err = c.Version(t.Context())
	wantStatus(t, err, http.StatusBadGateway)
	if _, err := c.Faults(t.Context()); err == nil || errors.As(err, new(*admin.Error)) {
		t.Errorf("an empty answer gave %v", err)
	}
	other.Close()
	if err := c.Ready(t.Context()); err == nil || errors.As(err, new(*admin.Error)) {
		t.Errorf("nobody there gave %v", err)
	}
}

// wantStatus gives the refusal in an error, which must be of that status.
func wantStatus(t *testing.T, err error, status int) *admin.Error {
	t.Helper()
	var refusal *admin.Error
	if !errors.As(err, &refusal) || refusal.Status != status {
		t.Fatalf("got %v, want a refusal of status %d", err, status)
	}
	return refusal
}
