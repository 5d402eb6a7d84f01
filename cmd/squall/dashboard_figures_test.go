package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// wrkScript ends a run of wrk behind its 500th reply: on one connection nothing is under way then.
const wrkScript = `local seen = 0
function response()
  seen = seen + 1
  if seen == 500 then wrk.thread:stop() end
end
`

// TestFiguresOfWrkAgree: what wrk has counted of a run is what /metrics, /admin/exchanges, /admin/series and the page say.
func TestFiguresOfWrkAgree(t *testing.T) {
	b := openBoard(t, nil)
	b.squall("faults", "rule", "busy", `{"proxy":"shop","abort":503,"percent":30}`)
	b.says("#link", "live")
	script := filepath.Join(t.TempDir(), "stop.lua")
	if err := os.WriteFile(script, []byte(wrkScript), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), "wrk", "-t1", "-c1", "-d10s", "-s", script, b.url("shop")+"/").CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, output)
	}
	number := func(pattern string) int {
		found := regexp.MustCompile(pattern).FindSubmatch(output)
		if found == nil {
			t.Fatalf("%s is not in what wrk says:\n%s", pattern, output)
		}
		n, _ := strconv.Atoi(string(found[1]))
		return n
	}
	requests, failed := number(`(\d+) requests in`), number(`Non-2xx or 3xx responses: (\d+)`)
	if requests != 500 || failed == 0 {
		t.Fatalf("%d requests, %d failed", requests, failed)
	}

	outcomes := map[string]int{}
	for _, e := range awaitExchanges(t, b.admin, requests) {
		outcomes[string(e.Outcome)]++
	}
	if outcomes["injected"] != failed || outcomes["ok"] != requests-failed {
		t.Errorf("exchanges: %v; wrk: %d failed of %d", outcomes, failed, requests)
	}
	_, text := b.fetch("/metrics")
	for name, want := range map[string]int{
		`squall_exchanges_total{fault="abort",outcome="injected",proxy="shop"}`: failed,
		`squall_exchanges_total{fault="none",outcome="ok",proxy="shop"}`:        requests - failed,
	} {
		if got := sample(text, name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	_, series := b.fetch("/admin/series")
	if want := fmt.Sprintf(`"total":{"ok":%d,"touched":0,"injected_errors":%d,`, requests-failed, failed); !strings.Contains(series, want) {
		t.Errorf("%s is not in %.300s", want, series)
	}
	b.says(".card .total", fmt.Sprintf("%d exchanges, %d injected errors, 0 real errors", requests, failed))
	b.well()
}
