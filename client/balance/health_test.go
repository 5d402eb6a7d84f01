package balance

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// watched runs the checks until the test ends.
func watched(t *testing.T, p *pool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { p.Watch(ctx) })
	t.Cleanup(func() {
		cancel()
		watching.Wait()
	})
}

func TestM1DownAndUpAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Health: Health{Path: "/health", Every: time.Second, Down: 3, Up: 2}}, 1, 1)
		watched(t, p)
		check := func() {
			p.pass(time.Second)
			synctest.Wait()
		}
		p.pass(time.Millisecond) // checks are at 0 s, 1 s, 2 s …, and what follows is between them
		p.want(p.calls(4), "abab")
		b := func(status int) { p.set(func() { p.status["b"] = status }) }

		b(503)
		check()
		check()
		b(200)
		check() // two in a row are not enough
		b(503)
		check()
		check()
		p.want(p.calls(4), "abab")
		check()
		p.want(p.calls(4), "aaaa")
		for range 5 {
			check()
		}
		b(302)
		check()
		p.want(p.calls(2), "aa")
		check()
		if got := p.calls(4); strings.Count(got, "b") != 2 {
			t.Errorf("called %s, want b twice", got)
		}
		if want := []string{"http://b: down: 503 Service Unavailable", "http://b: up"}; !slices.Equal(p.events(), want) {
			t.Errorf("told %q, want %q", p.events(), want)
		}
		if got := p.took(); got != "" || p.Status()[1].InFlight != 0 {
			t.Errorf("checks are counted as calls: %q", got)
		}
	})
}

func TestM1AHungCheckIsAFailedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Health: Health{Path: "/health", Every: 2 * time.Second, Timeout: time.Second, Down: 2}}, 1, 1)
		p.takes["b"] = time.Hour
		watched(t, p)
		p.pass(3900 * time.Millisecond)
		if len(p.events()) != 0 {
			t.Errorf("told %q", p.events())
		}
		p.pass(200 * time.Millisecond) // it began at 3 s
		if want := []string{"http://b: down: no answer within 1s"}; !slices.Equal(p.events(), want) {
			t.Errorf("told %q, want %q", p.events(), want)
		}
	})
}

func TestM1AllDownFailsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Health: Health{Path: "/health", Every: time.Second, Down: 1}}, 1, 1)
		p.dead["a"], p.dead["b"] = errRefused, errRefused
		watched(t, p)
		synctest.Wait()
		if len(p.events()) != 2 {
			t.Errorf("told %q", p.events())
		}
		p.want(p.calls(4), "abab")
	})
}

func TestM1WithoutAPathNothingIsAsked(t *testing.T) {
	p := newPool(t, Config{}, 1)
	p.Watch(t.Context())
	if p.probes.Len() != 0 {
		t.Errorf("asked %q", &p.probes)
	}
}
