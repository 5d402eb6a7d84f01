package control

import (
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// remember has the rules in force on a proxy remember the reply to a request.
func remember(t *testing.T, k *Controller, proxyName string) {
	t.Helper()
	endpoints, err := k.State().endpoints(nil, &k.replies)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range endpoints {
		if e.Config.Name == proxyName {
			v := &faults.View{Proxy: proxyName, Method: "GET", Path: "/", Status: 200, Now: time.Now()}
			var plan faults.Plan
			plan.Begin(e.Faults, v)
			plan.BeginAfter(v)
			keeper := plan.Keeper(v)
			keeper.Add([]byte("hello"))
			keeper.Finish()
			plan.Done()
		}
	}
}

// TestWhatARuleRemembersGoesWithIt: by a change, a new count or its time, and by nothing else.
func TestWhatARuleRemembersGoesWithIt(t *testing.T) {
	const stale = `{"rules":[{"name":"x","proxy":"a","degrade":{"stale":"5m"}},{"name":"y","degrade":{"stale":"5m"}}]}`
	for _, tt := range []struct {
		name   string
		change func(k *Controller)
		left   int64 // of 3 replies: x has one, y one of each proxy
	}{
		{"another rule", func(k *Controller) {
			change(t, k, func(s *State) error { _, err := s.PutRule(Address{Name: "z"}, abort("", ""), "", t0); return err })
		}, 3},
		{"a percentage", func(k *Controller) {
			change(t, k, func(s *State) error { return s.PatchRule(Address{Name: "x"}, node(t, `{"percent":50}`), t0) })
		}, 3},
		{"rearmed", func(k *Controller) {
			change(t, k, func(s *State) error { return s.RearmRule(Address{Name: "y"}) })
		}, 1},
		{"disabled", func(k *Controller) {
			change(t, k, func(s *State) error { return s.PatchRule(Address{Name: "x"}, node(t, `{"enabled":false}`), t0) })
		}, 2},
		{"its proxy removed", func(k *Controller) {
			change(t, k, func(s *State) error { return s.RemoveProxy("a") })
		}, 2},
		{"another seed", func(k *Controller) { changeTo(t, k, `{"seed":7}`) }, 0},
		{"cleared", func(k *Controller) { change(t, k, func(s *State) error { s.Clear(); return nil }) }, 0},
	} {
		k := start(t, Config{}, stateWith("a", "b"))
		changeTo(t, k, stale)
		remember(t, k, "a")
		each := k.replies.Taken() / 2
		remember(t, k, "b")
		if got := k.replies.Taken(); each == 0 || got != 3*each {
			t.Fatalf("%d bytes are taken, one takes %d", got, each)
		}
		tt.change(k)
		if got := k.replies.Taken(); got != tt.left*each {
			t.Errorf("%s: %d bytes are left, want %d of %d", tt.name, got, tt.left, each)
		}
	}
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"rules":[{"name":"x","degrade":{"stale":"5m"}}],"ttl":"30s"}`)
		remember(t, b.Controller, "a")
		b.sleepUntil(30*time.Second - 1)
		before := b.replies.Taken()
		b.sleepUntil(30 * time.Second)
		if after := b.replies.Taken(); before == 0 || after != 0 {
			t.Errorf("%d bytes before its end, %d behind it", before, after)
		}
	})
}
