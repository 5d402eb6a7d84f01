package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/squall-proxy/squall/internal/browser"
)

// chromium is the browser of all tests of this package. The foreign name leads here, as one does that is rebound.
var chromium = browser.Browser{Here: []string{"foreign.example"}}

func TestMain(m *testing.M) { os.Exit(chromium.Around(m).Run()) }

// board is a squall with traffic, and its dashboard in a browser.
type board struct {
	*testing.T
	*served
	*browser.Page
}

// openBoard starts a squall with a proxy "shop", which is called 20 times a second, and opens its dashboard.
func openBoard(t *testing.T, environment map[string]string, args ...string) *board {
	t.Helper()
	config := `proxies: [{name: shop, listen: "127.0.0.1:0", upstream: "` + fineUpstream(t) + `"}]`
	s := startServe(t, environment, append([]string{"--config-inline", config, "--seed", "1"}, args...)...)
	return &board{t, s, chromium.Open(t, s.admin+"/")}
}

// callSteadily calls a URL 20 times a second until the test ends.
func callSteadily(t *testing.T, url string) {
	t.Helper()
	ended, stop := make(chan struct{}), make(chan struct{})
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	go func() {
		defer close(ended)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
			}
			if reply, err := client.Get(url + "/cart"); err == nil {
				_, _ = io.Copy(io.Discard, reply.Body)
				_ = reply.Body.Close()
			}
		}
	}()
	t.Cleanup(sync.OnceFunc(func() {
		close(stop)
		<-ended
		client.CloseIdleConnections()
	}))
}

// do runs a script in the page.
func (b *board) do(script string) {
	b.Helper()
	browser.Get(b.T, b.Page, chromedp.Evaluate[bool]("(() => {"+script+"; return true})()"))
}

// is waits until an expression of the page is true. The page may be between two states of it for a while.
func (b *board) is(expression string) {
	b.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !browser.Get(b.T, b.Page, chromedp.Evaluate[bool]("Boolean("+expression+")")) {
		if time.Now().After(deadline) {
			b.Screenshot(b.T, "failed")
			b.Fatalf("not so: %s\nthe page says: %s\ncomplaints: %q", expression, b.text("body"), b.Complaints())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (b *board) text(selector string) string {
	b.Helper()
	return browser.Get(b.T, b.Page, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)))
}

// says waits until what a selector finds contains a text.
func (b *board) says(selector, text string) {
	b.Helper()
	b.is(fmt.Sprintf("[...document.querySelectorAll(%q)].some((n) => n.textContent.includes(%q))", selector, text))
}

// click clicks where an element is. A page that moves between the look and the click is tried again, up to three times.
func (b *board) click(selector string) {
	b.Helper()
	b.is(fmt.Sprintf("document.querySelector(%q)", selector))
	for range 3 {
		b.do(fmt.Sprintf(`window.hit = false; document.querySelector(%q).addEventListener("click", () => (window.hit = true), { capture: true, once: true })`, selector))
		b.Do(b.T, chromedp.Click(selector))
		if browser.Get(b.T, b.Page, chromedp.Evaluate[bool]("window.hit")) {
			return
		}
		b.Logf("a click on %s missed it", selector)
	}
	b.Fatalf("%s cannot be clicked", selector)
}

// well fails the test if the page complained, but for what is expected.
func (b *board) well(expected ...string) {
	b.Helper()
next:
	for _, complaint := range b.Complaints() {
		for _, text := range expected {
			if strings.Contains(complaint, text) {
				continue next
			}
		}
		b.Errorf("the page complains: %s", complaint)
	}
	for _, asked := range b.Requests() {
		if !strings.HasPrefix(asked, b.admin+"/") {
			b.Errorf("it asked for %s", asked)
		}
	}
}

const oddName = "<script>alert(1)<img src=x onerror=alert(2)>"

// A visitor switches the mode and sees traffic turn, adds a rule and sees it fire, reads why, and clears everything.
func TestDashboard(t *testing.T) {
	b := openBoard(t, nil)
	callSteadily(t, b.url("shop"))
	b.says("#link", "live")
	b.is(`Number(document.querySelector(".card .legend .ok b")?.textContent) >= 10`)

	begun := time.Now()
	b.click(".mode-failure")
	b.is(`Number(document.querySelector(".card .legend .injected b").textContent) > 0`)
	t.Logf("traffic turned %v after the click", time.Since(begun).Round(time.Millisecond))
	b.says(".card .badge", "failure")
	b.says("#news", "changed mode")
	b.click("#news summary")
	b.says(".exchanges .status.injected", "503")
	b.is(`document.querySelector(".mode-failure").getAttribute("aria-pressed") === "true"`)
	shots(b, "failure")
	b.click(".mode-normal")
	b.is(`Number(document.querySelector(".card .legend .ok b").textContent) > 0`)
	b.is(`document.querySelectorAll("#news details").length > 1`)
	b.is(`document.querySelector("#news details[open]")`) // which other news do not close

	b.click("#rules .body > button")
	b.is(`document.activeElement.closest(".ruleform")`)
	b.do(`document.activeElement.value = "` + oddName + `"; const f = document.querySelector(".ruleform"); const of = (label) => document.getElementById([...f.querySelectorAll("label")].find((l) => l.textContent === label).htmlFor);
		of("Kind").value = "abort"; of("Kind").dispatchEvent(new Event("change")); of("status").value = "418"; of("Percent").value = "150"`)
	b.click(".ruleform .primary")
	b.says(".ruleform .bad", "percent: must be 0 to 100, got 150")
	b.do(`document.querySelector(".ruleform input[type=number]").value = "50"`)
	shots(b, "form")
	b.click(".ruleform .primary")
	b.says(".rule .name", oddName)
	b.is(`!/ hit 0 of/.test(document.querySelector(".rule .counts").textContent)`)
	b.says(".exchanges .status", "418")
	b.do(`document.querySelectorAll(".exchanges summary").forEach((s) => s.querySelector(".status").textContent === "418" && s.click())`)
	b.says(".why li.hit", oddName+" (abort): fired")
	shots(b, "rule")
	b.do(`document.querySelectorAll(".exchanges > li").forEach((l) => l.querySelector(".status").textContent === "200" && !l.querySelector("details").open && l.querySelector("summary").click())`)
	b.says(".why li.skip", "the dice said no")

	b.click(".rule [role=switch][aria-label*=shadow]")
	b.says(".rule .counts", "would have hit")
	b.click("#clear")
	b.is(`document.querySelectorAll(".rule").length === 0`)
	b.says("#notice", "All faults are cleared")
	b.is(`((n, top) => { n.hidden = true; const without = top(); n.hidden = false; return top() === without })(document.querySelector("#notice"), () => document.querySelector("#main").getBoundingClientRect().top)`)
	if _, faults := b.fetch("/admin/faults"); !strings.Contains(faults, `"rules": []`) {
		t.Errorf("not clear: %s", faults)
	}

	b.click("#connections button")
	b.says("#connections td", "127.0.0.1:")
	b.click("#verdict button")
	b.says(".findings", "D1 ")
	b.well("400 (Bad Request)") // of the percentage
}

// shots takes pictures of the page as phones and desktops show it, in light and in dark.
func shots(b *board, name string) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.Prefer(b.T, "prefers-color-scheme", scheme)
		for device, width := range map[string]int64{"phone": 390, "desktop": 1280} {
			b.Do(b.T, chromedp.EmulateViewport(width, 900))
			if wide := browser.Get(b.T, b.Page, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")); wide > width {
				b.Errorf("%s, %s: %d wide on a screen of %d", name, device, wide, width)
			}
			b.Screenshot(b.T, strings.Join([]string{name, device, scheme}, "-"))
		}
		for _, found := range browser.Get(b.T, b.Page, chromedp.Evaluate[[]string](auditScript)) {
			b.Errorf("%s, %s: %s", name, scheme, found)
		}
	}
}

// A page stays open over a restart: it says so, comes back by itself, and shows what is in force then.
func TestDashboardOverARestart(t *testing.T) {
	state := t.TempDir() + "/state.json"
	b := openBoard(t, nil, "--state", state)
	b.says("#link", "live")
	b.click(".mode-fallback")
	b.says(".card .badge", "fallback")
	b.end()
	b.says("#link", "no connection")
	b.served = startServe(t, nil, "--admin-listen", strings.TrimPrefix(b.admin, "http://"), "--state", state)
	b.says("#link", "live")
	b.says("#news", "started anew")
	b.says(".card .badge", "fallback")
	b.squall("faults", "set", "failure")
	b.says(".card .badge", "failure")
	b.well("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
}

// A page from elsewhere reaches neither the API nor the stream: not under its own name (DNS rebinding), nor across sites.
func TestDashboardRefusesOtherPages(t *testing.T) {
	s := startServe(t, nil)
	port := s.admin[strings.LastIndex(s.admin, ":")+1:]
	rebound := &board{t, s, chromium.Open(t, "http://foreign.example:"+port+"/admin/faults")}
	rebound.says("body", "not asked for under the name")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	}))
	defer elsewhere.Close()
	foreign := "http://foreign.example:" + elsewhere.URL[strings.LastIndex(elsewhere.URL, ":")+1:]
	b := &board{t, s, chromium.Open(t, foreign)}
	for _, path := range []string{"/admin/faults", "/admin/events", "/"} {
		for _, host := range []string{s.admin, "http://foreign.example:" + port} {
			for _, mode := range []string{"cors", "no-cors"} {
				b.do(fmt.Sprintf(`window.got = ""; fetch(%q, {mode: %q, method: "GET"}).then((r) => window.got = "status " + r.status + " " + r.type, (e) => window.got = "refused")`, host+path, mode))
				b.is(`window.got !== ""`)
				b.is(`window.got === "refused" || window.got === "status 0 opaque"`)
			}
		}
	}
	b.do(fmt.Sprintf(`window.got = ""; const s = new EventSource(%q); s.onopen = () => window.got = "open"; s.onerror = () => window.got = "refused"`, s.admin+"/admin/events"))
	b.is(`window.got === "refused"`)
	b.do(fmt.Sprintf(`window.got = ""; fetch(%q, {mode: "no-cors", method: "POST", body: '{"abort":503}'}).finally(() => window.got = "done")`, s.admin+"/admin/faults/rules"))
	b.is(`window.got === "done"`)
	if _, faults := s.fetch("/admin/faults"); !strings.Contains(faults, `"rules": []`) {
		t.Errorf("a foreign page has added a rule: %s", faults)
	}
}

// Every control is reached by the Tab key, in the order in which it stands.
func TestDashboardByKeyboard(t *testing.T) {
	b := openBoard(t, nil)
	b.squall("faults", "rule", "slow", `{"proxy":"shop","delay":"1ms"}`)
	b.says(".rule", "slow")
	b.click("#rules .body > button")
	b.is(`document.activeElement.closest(".ruleform")`)
	b.do(`document.activeElement.blur(); document.querySelectorAll("details").forEach((d) => d.open = true); scrollTo(0, 0);
		window.wanted = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter((n) => !n.disabled && n.checkVisibility());
		window.order = []; document.addEventListener("focusin", (e) => window.order.push(e.target)); getSelection().removeAllRanges(); document.body.prepend(Object.assign(document.createElement("div"), {id: "begin", tabIndex: -1})); document.getElementById("begin").focus(); window.order = []`)
	count := browser.Get(t, b.Page, chromedp.Evaluate[int]("wanted.length"))
	if count < 30 {
		t.Errorf("only %d controls", count)
	}
	for range count {
		b.Do(t, chromedp.KeyEvent("\t"))
	}
	for _, found := range browser.Get(t, b.Page, chromedp.Evaluate[[]string](`wanted.map((n, i) => n === order[i] ? "" : "number " + i + " is " + (order[i]?.outerHTML ?? "nothing").slice(0, 120) + ", want " + n.outerHTML.slice(0, 120)).filter(Boolean).slice(0, 3)`)) {
		t.Error(found)
	}
	b.do(`document.querySelector(".ruleform input").focus()`)
	b.Do(t, chromedp.KeyEvent("\x1b"))
	b.is(`document.querySelector(".ruleform").hidden && document.activeElement.textContent === "Add a rule"`)
	b.well()
}

// Over a slow line, which another squall makes of a good one, the page works all the same.
func TestDashboardOverASlowNetwork(t *testing.T) {
	inner := startServe(t, nil, "--config-inline", `proxies: [{name: shop, listen: "127.0.0.1:0", upstream: "`+fineUpstream(t)+`"}]`)
	outer := startServe(t, nil, "--config-inline", `proxies: [{name: line, protocol: tcp, listen: "127.0.0.1:0", upstream: "`+strings.TrimPrefix(inner.admin, "http://")+`"}]
rules: [{name: far, proxy: line, latency: 200ms}, {name: thin, proxy: line, bandwidth: 100KB}]`)
	_, line := outer.fetch("/admin/proxies/line")
	inner.admin = "http://" + regexp.MustCompile(`"bound": "([^"]+)"`).FindStringSubmatch(line)[1]
	b := &board{t, inner, chromium.Open(t, inner.admin+"/")}
	b.says("#link", "live")
	b.click(".mode-failure")
	b.says(".card .badge", "failure")
	b.says("#news", "changed mode")
	b.well()
}
