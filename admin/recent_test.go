package admin

import (
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// A walk sees each exchange once, however many are added meanwhile, and none that has taken the place of another.
func TestAWalkIsNotMoved(t *testing.T) {
	c := NewRecent(3)
	for id := range uint64(5) {
		c.Add(proxy.Exchange{ID: id + 1})
	}
	last := c.newest()
	want := []uint64{5, 4, 3, 0} // 0 = not remembered
	for added := range 4 {
		for i, id := range want {
			if e, ok := c.at(last, i); e.ID != id || ok != (id != 0) {
				t.Errorf("with %d more: at %d is %d (%v), want %d", added, i, e.ID, ok, id)
			}
		}
		c.Add(proxy.Exchange{ID: 100})
		want[2-min(added, 2)] = 0 // the oldest made room
	}
	if _, ok := NewRecent(0).at(0, 0); ok {
		t.Error("an exchange that never was is remembered")
	}
}

func TestRecentBoundsEveryText(t *testing.T) {
	c, long := NewRecent(1), strings.Repeat("x", 3*maxKept)
	c.Add(proxy.Exchange{Client: long, Method: long, Host: long, Path: long, RequestID: long, Error: long, FaultPanic: long})
	e, _ := c.at(1, 0)
	for i, text := range []string{e.Client, e.Method, e.Host, e.Path, e.RequestID, e.Error, e.FaultPanic} {
		if text != long[:maxKept]+"…" {
			t.Errorf("text %d is kept as %d bytes", i, len(text))
		}
	}
}

// What is remembered costs no allocation of its own, once there is room for it.
func TestRecentAddAllocatesNothing(t *testing.T) {
	for name, recent := range map[string]*Recent{"recent": NewRecent(100), "history": NewHistory(100)} {
		e := proxy.Exchange{Proxy: "flaky", Client: "c", Method: "GET", Path: "/"}
		recent.Add(e) // makes the room
		if n := testing.AllocsPerRun(1000, func() { recent.Add(e) }); n > 0 {
			t.Errorf("%s: %v allocations for each exchange", name, n)
		}
	}
}
