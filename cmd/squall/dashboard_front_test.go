package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/squall-proxy/squall/internal/browser"
)

// The map draws what traffic shows to stand in front; and an error of the service's own is called one, wherever exchanges are.
func TestDashboardShowsWhatIsAround(t *testing.T) {
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(ill.Close)
	s := startServe(t, nil, "--config-inline", `proxies: [{name: shop, listen: "127.0.0.1:0", upstream: "`+ill.URL+`"}]`)
	b := &board{t, s, chromium.Open(t, s.admin+"/")}
	b.says("#link", "live")
	ask := func(fields ...string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url("shop")+"/cart", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			request.Header.Set(fields[i], fields[i+1])
		}
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
	}
	stops := func() string {
		return browser.Get(t, b.Page, chromedp.Evaluate[string](`[...document.querySelectorAll("#map .stop")].filter((n) => n.checkVisibility()).map((n) => n.textContent).join("|")`))
	}
	ask("Via", "1.1 <b>nginx", "X-Forwarded-For", "203.0.113.9")
	ask("Via", "1.1 <b>nginx", "X-Forwarded-For", "203.0.113.10")
	b.says("#map", "<b>nginx 127.0.0.1 for 2 clients")
	if got := stops(); !strings.HasPrefix(got, "client203.0.113.10, 203.0.113.9|in front<b>nginx 127.0.0.1 for 2 clients|squallshop ") {
		t.Errorf("the map has %s", got)
	}
	ask("X-Real-Ip", "203.0.113.9")
	ask()
	b.says("#map", "127.0.0.1 for 1 client; <b>nginx 127.0.0.1 for 2 clients; some come straight")

	b.says(".exchanges .hits", "service's own error")
	b.do(`const outcome = document.querySelector("[aria-label=Outcome]"); outcome.value = "ok"; outcome.dispatchEvent(new Event("input"))`)
	b.says("#exchanges", "None of the latest exchanges is like that.")
	b.do(`const outcome = document.querySelector("[aria-label=Outcome]"); outcome.value = "real_error"; outcome.dispatchEvent(new Event("input"))`)
	b.is(`document.querySelectorAll(".exchanges .status.real").length === 4`)
	b.do(`document.querySelectorAll(".exchanges summary").forEach((n) => n.click())`)
	b.says(".why", "ok: the reply came through, and is an error of the service's own")
	b.says(".why", "Came through127.0.0.1 for 203.0.113.9")
	b.says(".card .total", "4 exchanges, 0 injected errors, 4 real errors")
	if _, list := b.fetch("/admin/exchanges?limit=2"); strings.Count(list, `"outcome": "ok"`) != 2 || strings.Count(list, `"front": {`) != 1 {
		t.Errorf("the API says %s", list)
	}
	shots(b, "around")
	b.well()
}
