package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/squall-proxy/squall/internal/browser"
)

// Under more exchanges than it can show, the page says that it shows a sample, and is as quick to use: a rule is changed in its
// form, and a mode is on for a time that is counted down.
func TestDashboardUnderManyExchanges(t *testing.T) {
	b := openBoard(t, nil)
	b.squall("faults", "rule", "slow", `{"proxy":"shop","delay":"1ms","percent":10}`)
	b.says("#link", "live")
	done := make(chan int)
	go func() { done <- callAtOnce(b.url("shop"), 4, 3000)["200"] }()
	b.do(`window.gap = 0; let last = performance.now(); const frame = () => { const now = performance.now(); window.gap = Math.max(window.gap, now - last); last = now; requestAnimationFrame(frame) }; requestAnimationFrame(frame)`)
	b.says("#exchanges .quiet", "A sample: the last second had")

	b.click(`.rule [aria-label="Edit slow"]`)
	b.is(`document.activeElement.closest(".ruleform")`)
	b.do(`document.querySelector(".ruleform input[type=number]").value = "20"`)
	b.click(".ruleform .primary")
	b.says(".rule .what", "20 %")

	b.do(`const ttl = [...document.querySelectorAll("#modes select")].find((s) => [...s.options].some((o) => o.value === "10s")); ttl.value = "10s"; ttl.dispatchEvent(new Event("change"))`)
	begun := time.Now()
	b.click(".mode-fallback")
	b.says("#modes .timers", "The mode of all proxies is fallback, back to normal in")
	b.says(".card .badge", "fallback")
	t.Logf("the mode was seen %v after the click; the longest pause between two pictures was %.0f ms", time.Since(begun).Round(time.Millisecond),
		browser.Get(t, b.Page, chromedp.Evaluate[float64]("window.gap")))
	b.is(`document.querySelector("#modes .timers").childElementCount === 0`)
	b.says(".card .badge", "normal")
	if took := time.Since(begun); took < 10*time.Second {
		t.Errorf("the mode was over after %v", took)
	}
	if answered := <-done; answered != 12_000 {
		t.Errorf("%d of 12000 requests were answered", answered)
	}
	b.says(".card .total", fmt.Sprint(strconv.Itoa(12_000), " exchanges, 0 injected errors"))
	b.well()
}
