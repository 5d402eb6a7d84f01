package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/proxy"
)

// TestFiguresAgree: what a client has counted of a run is what /metrics and /admin/exchanges say of it, to the request.
func TestFiguresAgree(t *testing.T) {
	for _, engine := range []string{"http1", "nethttp"} {
		t.Run(engine, func(t *testing.T) {
			s := startServe(t, nil, "--seed", "7", "--config-inline",
				"proxies: [{name: a, listen: \"127.0.0.1:0\", upstream: \""+fineUpstream(t)+"\", engine: "+engine+"}]")
			s.squall("faults", "rule", "slow", `{"proxy":"a","delay":"1ms","percent":20}`)
			s.squall("faults", "rule", "busy", `{"proxy":"a","abort":503,"percent":30}`)
			s.squall("faults", "rule", "gone", `{"proxy":"a","reset":"start","every":10}`)
			const requests = 600
			seen := callAtOnce(s.url("a"), 4, requests/4)
			list := awaitExchanges(t, s.admin, requests)

			exchanges, hits, delayed := map[string]int{}, map[string]int{}, 0
			for _, e := range list {
				exchanges[string(e.Outcome)]++
				for _, d := range e.Faults {
					if d.Outcome == "hit" {
						hits[d.Kind]++
					}
				}
				if e.Outcome == proxy.OK && len(e.Flags) > 0 {
					delayed++
				}
			}
			if want := (map[string]int{"200": exchanges["ok"], "503": hits["abort"], "none": hits["reset"]}); !maps.Equal(seen, want) {
				t.Errorf("the client has seen %v, the exchanges are %v", seen, want)
			}
			if exchanges["injected"] != hits["abort"]+hits["reset"] || len(hits) != 3 {
				t.Errorf("outcomes %v, hits %v", exchanges, hits)
			}
			if n := exchanges["ok"] + exchanges["injected"]; n != requests {
				t.Errorf("%d exchanges of %d requests", n, requests)
			}
			_, series := s.fetch("/admin/series")
			want := fmt.Sprintf(`"total":{"ok":%d,"touched":%d,"injected_errors":%d,"real_errors":0,"client_left":0}`,
				exchanges["ok"]-delayed, delayed, exchanges["injected"])
			if !strings.Contains(series, want) {
				t.Errorf("%s is not in %.300s", want, series)
			}
			_, text := s.fetch("/metrics")
			for name, want := range map[string]int{
				`squall_exchanges_total{fault="none",outcome="ok",proxy="a"}`:        exchanges["ok"] - delayed,
				`squall_exchanges_total{fault="delay",outcome="ok",proxy="a"}`:       delayed,
				`squall_exchanges_total{fault="abort",outcome="injected",proxy="a"}`: hits["abort"],
				`squall_exchanges_total{fault="reset",outcome="injected",proxy="a"}`: hits["reset"],
				`squall_faults_total{kind="delay",proxy="a"}`:                        hits["delay"],
				`squall_faults_total{kind="abort",proxy="a"}`:                        hits["abort"],
				`squall_exchange_duration_seconds_count{proxy="a"}`:                  requests,
				`squall_response_bytes_total{proxy="a"}`:                             responseBytes(list),
			} {
				if got := sample(text, name); got != want {
					t.Errorf("%s is %d, want %d", name, got, want)
				}
			}
		})
	}
}

// callAtOnce makes requests with so many clients, and counts them by the status; "none" = there was none.
func callAtOnce(url string, clients, each int) map[string]int {
	var mu sync.Mutex
	var calling sync.WaitGroup
	seen := map[string]int{}
	for range clients {
		calling.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for range each {
				status := "none"
				request, _ := http.NewRequest(http.MethodPost, url, strings.NewReader("x")) // which net/http does not repeat
				if reply, err := transport.RoundTrip(request); err == nil {
					_, _ = io.Copy(io.Discard, reply.Body)
					_ = reply.Body.Close()
					status = strconv.Itoa(reply.StatusCode)
				}
				mu.Lock()
				seen[status]++
				mu.Unlock()
			}
		})
	}
	calling.Wait()
	return seen
}

// awaitExchanges waits until so many exchanges are told of: a client has its reply a moment before. They are all that there are.
func awaitExchanges(t *testing.T, adminURL string, want int) []admin.Exchange {
	t.Helper()
	client, err := admin.NewClient(adminURL, "")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		list, err := client.Exchanges(t.Context(), admin.ExchangeFilter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) >= want || time.Now().After(deadline) {
			if len(list) != want {
				t.Errorf("%d exchanges, want %d", len(list), want)
			}
			return list
		}
	}
}

func responseBytes(list []admin.Exchange) int {
	sum := 0
	for _, e := range list {
		sum += int(e.ResponseBytes)
	}
	return sum
}

// sample finds a sample in Prometheus' text format; -1 = it is not there.
func sample(text, name string) int {
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\d+)$`).FindStringSubmatch(text)
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(found[1])
	return n
}
