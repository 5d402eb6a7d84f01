package admin

import (
	"fmt"
	"runtime"
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

// What is kept of an exchange is not a part of its request's head, which would be kept as a whole: ten thousand of them
// would be 160 MB.
func TestRecentKeepsNoHead(t *testing.T) {
	const size, head = 1000, 16 << 10
	c := NewRecent(size)
	kept := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := kept()
	for i := range size {
		line := fmt.Sprintf("%-6dGET example.org /short%s", i, strings.Repeat("x", head))
		c.Add(proxy.Exchange{
			ID: uint64(i), Client: line[:6], Method: line[6:9], Host: line[10:21], Path: line[22:28], RequestID: line[22:28],
			Error: line[22:28], FaultPanic: line[22:28],
		})
	}
	if grown := int64(kept()) - int64(before); grown > size*1024 {
		t.Errorf("%d bytes of each exchange are kept", grown/size)
	}
	e, _ := c.at(c.newest(), 0)
	if e.Method != "GET" || e.Host != "example.org" || e.Path != "/short" || e.RequestID != "/short" || e.Client != "999   " {
		t.Errorf("kept %+v", e)
	}
	runtime.KeepAlive(c)
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
