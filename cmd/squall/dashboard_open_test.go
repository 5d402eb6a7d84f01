package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

// store gives scripts the page's own store, as window.store.
func (b *board) store() {
	b.Helper()
	b.do(`import("/ui/store.js").then((store) => { window.store = store })`)
	b.is(`window.store`)
}

// A page stays right over a restart that begins anew: its revisions are smaller then, and its exchanges' numbers are used again.
func TestDashboardOverAFreshStart(t *testing.T) {
	b := openBoard(t, nil)
	b.says("#link", "live")
	get(t, b.url("shop")+"/before")
	for _, mode := range []string{"fallback", "failure", "fallback"} {
		b.squall("faults", "set", mode)
	}
	b.says(".card .badge", "fallback")
	b.says(".exchanges .path", "/before")
	config := `proxies: [{name: shop, listen: "127.0.0.1:0", upstream: "` + fineUpstream(t) + `"}]`
	b.end()
	b.served = startServe(t, nil, "--admin-listen", strings.TrimPrefix(b.admin, "http://"), "--config-inline", config)
	get(t, b.url("shop")+"/after")
	b.says("#news", "started anew")
	b.says(".card .badge", "normal")
	b.says(".exchanges .path", "/after")
	b.is(`document.querySelector(".mode-normal").getAttribute("aria-pressed") === "true"`)
	b.is(`![...document.querySelectorAll(".exchanges .path")].some((n) => n.textContent.includes("/before"))`)
	b.well("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
}

// What a page shows goes by squall's clock: a browser whose own is wrong shows the same, and a sum is of so many seconds.
func TestDashboardWithAWrongClock(t *testing.T) {
	b := openBoard(t, nil)
	callSteadily(t, b.url("shop"))
	b.says("#link", "live")
	b.do(`const right = Date.now; Date.now = () => right() + 3600e3`)
	b.store()
	b.is(`window.store.state.ahead > 3500e3`)
	b.is(`/^[\d.]+\/s/.test(document.querySelector(".card .now").textContent) && Number(document.querySelector(".card .legend .ok b").textContent) > 0`)
	b.says("#map .rate", "/s, 1 open, normal")
	b.is(`(() => {
		const at = Math.floor(store.now() / 1000), series = store.state.series.get("shop");
		for (const column of Object.values(series)) if (Array.isArray(column)) column.splice(0, column.length, ...new Array(30).fill(0));
		series.at.forEach((_, i) => { series.at[i] = at - 29 + i; series.ok[i] = 10 });
		document.querySelector(".choice button").click();
		return document.querySelector(".card .now").textContent.startsWith("10/s ") && document.querySelector(".card .total").textContent.startsWith("300 ");
	})()`)
	b.well()
}

// A page that is open for long keeps what is being read, and forgets what is gone.
func TestDashboardOpenForLong(t *testing.T) {
	b := openBoard(t, nil)
	b.says("#link", "live")
	b.store()

	get(t, b.url("shop")+"/read")
	b.says(".exchanges .path", "/read")
	b.do(`document.querySelector(".exchanges summary").click()`)
	b.says(".why", "Why each rule did or did not fire")
	b.do(`const old = store.state.exchanges[0];
		store.state.exchanges = Array.from({length: 500}, (_, i) => ({...old, id: 5000 - i, path: "/other", faults: []})); store.changed("exchanges")`)
	b.is(`document.querySelectorAll(".exchanges > li").length === 61`)
	b.says(".exchanges details[open] .path", "/read")
	b.do(`document.querySelector(".exchanges details[open] summary").click(); document.activeElement.blur(); store.changed("exchanges")`)
	b.is(`document.querySelectorAll(".exchanges > li").length === 60`)

	b.squall("proxies", "add", "brief", "127.0.0.1:0", fineUpstream(t))
	b.is(`store.state.series.has("brief")`)
	b.squall("proxies", "rm", "brief")
	b.is(`!store.state.series.has("brief")`)

	for range 3 { // of each second with connections there is an event
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url("shop"), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		time.Sleep(1100 * time.Millisecond)
	}
	b.says("#news li", "connections opened")
	b.is(`/[3-9] connections opened/.test(document.querySelector("#news").textContent)`)
	b.is(`[...document.querySelectorAll("#news li")].filter((n) => n.textContent.includes("connections opened")).length === 1`)
	b.well()
}

// The stop lever is told of as long as it is pulled. A control keeps the focus when others before it go, and what expires does so
// also when it was edited.
func TestDashboardFollowsOthers(t *testing.T) {
	b := openBoard(t, nil)
	b.squall("faults", "rule", "first", `{"proxy":"shop","delay":"1ms"}`)
	b.squall("faults", "rule", "second", `{"proxy":"shop","delay":"1ms","ttl":"9m"}`)
	b.says(".rule", "second")
	b.do(`document.querySelector("[aria-label='Edit second']").focus()`)
	b.squall("faults", "rm", "first")
	b.is(`document.querySelectorAll(".rule").length === 1`)
	b.is(`document.activeElement.getAttribute("aria-label") === "Edit second"`)

	b.do(`document.activeElement.click()`)
	b.is(`document.activeElement.closest(".ruleform")`)
	b.do(`document.querySelector(".ruleform input[type=number]").value = "20"`)
	b.click(".ruleform .primary")
	b.says(".rule .what", "20 %")
	b.says(".rule .counts", "ends in 5")

	b.do(`const button = document.querySelector("[aria-label='Delete second']"); button.focus(); button.click()`)
	b.says("dialog", "This deletes the rule second")
	b.click("dialog .danger")
	b.is(`document.querySelectorAll(".rule").length === 0`)
	b.is(`document.activeElement.textContent === "Add a rule"`)

	b.squall("halt")
	b.says("#modes", "The stop lever is pulled")
	b.squall("release")
	b.is(`!document.body.textContent.includes("The stop lever is pulled")`)
	b.well()
}
