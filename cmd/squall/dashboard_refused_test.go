package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/squall-proxy/squall/admin/live"
)

// refusals counts what the page's console says of a status.
func (b *board) refusals(status string) int {
	n := 0
	for _, complaint := range b.Complaints() {
		if strings.Contains(complaint, status) {
			n++
		}
	}
	return n
}

// The page asks for the token, and the stream brings it, too. It is not refused to learn that it needs one.
func TestDashboardAsksForTheToken(t *testing.T) {
	b := openBoard(t, map[string]string{"SQUALL_ADMIN_TOKEN": "right"})
	b.says("dialog", "admin token")
	b.is(`document.activeElement.type === "password"`)
	if n := b.refusals("401"); n != 0 {
		t.Errorf("%d refusals before there was a token", n)
	}
	b.Do(t, chromedp.KeyEvent("wrong\r"))
	b.is(`document.querySelectorAll("dialog").length === 1 && document.activeElement.type === "password" && document.activeElement.value === ""`)
	b.Do(t, chromedp.KeyEvent("right\r"))
	b.says("#link", "live")
	b.says(".card", "shop")
	b.is(`document.querySelectorAll("dialog").length === 0 && localStorage.length === 0 && !document.cookie`)
	if n := b.refusals("401"); n != 1 {
		t.Errorf("%d refusals of one wrong token", n)
	}
	b.well("401 (Unauthorized)")
}

// A page for which the feed has no room says so, and comes back by itself when there is some.
func TestDashboardWithoutRoom(t *testing.T) {
	s := startServe(t, nil)
	var others []*http.Response
	for range live.MaxReaders {
		reply, err := http.Get(s.admin + "/admin/events")
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		others = append(others, reply)
	}
	b := &board{t, s, chromium.Open(t, s.admin+"/")}
	b.says("#link", "no connection, trying again: 16 read the feed already, and more cannot: close a dashboard")
	_ = others[0].Body.Close()
	b.says("#link", "live")
	b.says("#traffic", "No proxy yet")
	b.well("503 (Service Unavailable)")
}

// A page that nobody looks at gives its place in the feed back after a minute, and takes one again when somebody does.
func TestDashboardThatNobodySees(t *testing.T) {
	b := openBoard(t, nil)
	b.says("#link", "live")
	b.do(`const wait = window.setTimeout; window.setTimeout = (f, ms) => wait(f, ms === 60000 ? 50 : ms);
		window.looks = (yes) => { Object.defineProperty(document, "hidden", {value: !yes, configurable: true}); document.dispatchEvent(new Event("visibilitychange")) };
		looks(false)`)
	b.says("#link", "no connection")
	b.squall("faults", "set", "failure")
	b.is(`!document.querySelector(".card .badge").textContent.includes("failure")`)
	b.do(`looks(true)`)
	b.says("#link", "live")
	b.says(".card .badge", "failure")
	b.says("#news", "changed mode") // which it had missed
	b.well()
}
