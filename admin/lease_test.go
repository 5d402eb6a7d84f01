package admin_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/control"
)

func TestClientLeases(t *testing.T) {
	l := newLab(t, withToken)
	c, ctx, terms := l.client(t), t.Context(), control.Request{}
	_, err := c.SetFaults(ctx, terms, `{"mode":"failure","rules":[{"abort":503}],"lease":{"id":"run 42?","for":"1h"}}`)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := c.Leases(ctx)
	if err != nil || len(leases) != 1 || leases[0].ID != "run 42?" || time.Duration(leases[0].For) != time.Hour {
		t.Fatalf("got %+v, %v", leases, err)
	}
	renewed, err := c.RenewLease(ctx, "run 42?")
	if err != nil || renewed.ExpiresIn != "1h0m0s" || !slices.Equal(renewed.Holds, []string{"mode", "rules"}) {
		t.Errorf("got %+v, %v", renewed, err)
	}
	stale := uint64(0)
	wantStatus(t, c.EndLease(ctx, control.Request{Revision: &stale}, "run 42?"), http.StatusPreconditionFailed)
	if err := c.EndLease(ctx, control.Request{DryRun: true}, "run 42?"); err != nil || l.controller.State().Revision != 1 {
		t.Errorf("a dry run: %v, revision %d", err, l.controller.State().Revision)
	}
	if err := c.EndLease(ctx, terms, "run 42?"); err != nil {
		t.Fatal(err)
	}
	if s := l.controller.State(); s.Mode.Name != control.ModeNormal || len(s.Rules) > 0 {
		t.Errorf("mode %s, %d rules", s.Mode.Name, len(s.Rules))
	}
	_, err = c.RenewLease(ctx, "run 42?")
	wantStatus(t, err, http.StatusNotFound)
}

func TestClientHalt(t *testing.T) {
	l := newLab(t)
	c, ctx, terms := l.client(t), t.Context(), control.Request{}
	if _, err := c.SetFaults(ctx, terms, `{"mode":"failure","ttl":"1h"}`); err != nil {
		t.Fatal(err)
	}
	if h, err := c.Halted(ctx); err != nil || h.Halted || h.Revision != 1 {
		t.Errorf("got %+v, %v", h, err)
	}
	if h, err := c.Halt(ctx, terms); err != nil || !h.Halted || h.Revision != 2 {
		t.Errorf("got %+v, %v", h, err)
	}
	v, err := c.Faults(ctx)
	if err != nil || !v.Halted || v.Mode != control.ModeNormal || v.Timed != nil {
		t.Errorf("got %+v, %v", v, err)
	}
	_, err = c.SetFaults(ctx, terms, `{"mode":"failure"}`)
	wantStatus(t, err, http.StatusForbidden)
	if _, err := c.ClearFaults(ctx, terms, ""); err != nil {
		t.Error(err)
	}
	if h, err := c.Release(ctx, terms); err != nil || h.Halted || h.Revision != 3 {
		t.Errorf("got %+v, %v", h, err)
	}
	if _, err := c.SetFaults(ctx, terms, `{"mode":"failure"}`); err != nil {
		t.Error(err)
	}
	changes, err := c.Changes(ctx, "1", 2)
	if err != nil || len(changes) != 2 || changes[0].Revision != 4 || string(changes[1].After["halted"]) != "false" {
		t.Errorf("got %+v, %v", changes, err)
	}
}

// What hangs on a lease ends at its very end, also while nobody asks; each renewal puts that off.
func TestALeaseGoesByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t)
		ask("PUT", "/admin/faults", `{"mode":"failure","lease":{"id":"run","for":"6s"}}`)
		for range 10 {
			time.Sleep(6*time.Second - 1)
			check(t, ask("POST", "/admin/leases/run/renew", ""), want{200, []string{`"expires_in":"6s"`}, nil})
		}
		time.Sleep(6*time.Second - 1)
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"mode":"failure"`, `"expires_in":"100ms","lease":"run"`}, []string{`ETag: "1"`}})
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"mode":"normal"`}, []string{`ETag: "2"`}})
		check(t, ask("POST", "/admin/leases/run/renew", ""), want{404, []string{`"field":"lease"`}, nil})
		check(t, ask("GET", "/admin/leases", ""), want{200, []string{`{"leases":[],"revision":2}`}, nil})
	})
}
