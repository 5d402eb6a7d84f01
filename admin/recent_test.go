package admin

import (
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// A walk sees each exchange once, however many are added meanwhile, and none that has taken the place of another.
func TestAWalkIsNotMoved(t *testing.T) {
	c := NewRecent(3, 0)
	for id := range uint64(5) {
		c.Add(&proxy.Exchange{ID: id + 1})
	}
	last := c.newest()
	want := []uint64{5, 4, 3, 0} // 0 = not remembered
	for added := range 4 {
		for i, id := range want {
			if e, ok := c.at(last, i, 3); e.ID != id || ok != (id != 0) {
				t.Errorf("with %d more: at %d is %d (%v), want %d", added, i, e.ID, ok, id)
			}
		}
		c.Add(&proxy.Exchange{ID: 100})
		want[2-min(added, 2)] = 0 // the oldest made room
	}
	if _, ok := NewRecent(0, 0).at(0, 0, 1); ok {
		t.Error("an exchange that never was is remembered")
	}
}

func TestRecentBoundsEveryText(t *testing.T) {
	c, long := NewRecent(1, 0), strings.Repeat("x", 3*maxKept)
	c.Add(&proxy.Exchange{Client: long, Method: long, Host: long, Path: long, RequestID: long, Error: long, FaultPanic: long})
	e, _ := c.at(1, 0, 1)
	for i, text := range []string{e.Client, e.Method, e.Host, e.Path, e.RequestID, e.Error, e.FaultPanic} {
		if text != long[:maxKept]+"…" {
			t.Errorf("text %d is kept as %d bytes", i, len(text))
		}
	}
}

// Of an exchange that is no longer among the latest that is left of which a verdict is made, and as many are kept as are asked
// for, be that more or fewer than the latest.
func TestRecentCutsDownWhatIsOlder(t *testing.T) {
	long := strings.Repeat("x", 3*maxJudged)
	for _, judged := range []int{0, 1, 2, 3, 5, 300} {
		const whole = 2
		c := NewRecent(whole, judged)
		for id := range uint64(700) {
			c.Add(&proxy.Exchange{ID: id + 1, Path: long, Error: "refused", Front: &proxy.Front{}})
			for i := range 4 {
				e, kept := c.at(id+1, i, c.whole)
				if kept != (i < whole && i <= int(id)) || kept && (e.ID != id+1-uint64(i) || e.Path != long || e.Error != "refused") {
					t.Fatalf("of %d, %d after: %+v (%v)", id+1, i, e, kept)
				}
			}
		}
		all := c.all(func(*proxy.Exchange) bool { return true })
		if len(all) != judged {
			t.Fatalf("%d are kept, want %d", len(all), judged)
		}
		for i, e := range all {
			older := i < judged-whole
			if e.ID != uint64(701-judged+i) || older != (e.Error == "") || older != (e.Front == nil) || older != (e.Path == long[:maxJudged]+"…") {
				t.Errorf("%d of %d: %+v", i, judged, e)
			}
		}
	}
}

// What is remembered costs no allocation of its own, once there is room for it.
func TestRecentAddAllocatesNothing(t *testing.T) {
	for _, judged := range []int{0, 200} {
		recent := NewRecent(100, judged)
		e := proxy.Exchange{Proxy: "flaky", Client: "c", Method: "GET", Path: "/"}
		recent.Add(&e) // makes the room
		if n := testing.AllocsPerRun(200, func() { recent.Add(&e) }); n > 0 {
			t.Errorf("%d judged: %v allocations for each exchange", judged, n)
		}
	}
}
