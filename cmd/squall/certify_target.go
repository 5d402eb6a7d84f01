package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
)

// certified is the proxy of a running squall on which a course is run.
type certified struct {
	client *admin.Client
	proxy  string
	url    string        // of the proxy
	ahead  time.Duration // its clock before ours
	begin  time.Time     // of the course, by its clock
}

// prepare refuses a proxy on which a course would disturb somebody, or show nothing, and compares clocks.
func (t *certified) prepare(ctx context.Context) error {
	p, err := t.client.Proxy(ctx, t.proxy)
	if err != nil {
		return err
	}
	t.url = p.URL
	if err := t.alone(ctx, "", 0); err != nil {
		return err
	}
	return t.compareClocks(ctx)
}

// alone refuses to begin, or to go on, unless so many rules of an owner are all that acts on the proxy.
func (t *certified) alone(ctx context.Context, owner string, rules int) error {
	faults, err := t.client.Faults(ctx)
	if err != nil {
		return err
	}
	mode, single := faults.Modes[t.proxy]
	if !single {
		mode = faults.Mode
	}
	switch {
	case faults.Halted:
		return fmt.Errorf("the stop lever is pulled: no fault can be set (squall release)")
	case mode != control.ModeNormal:
		return fmt.Errorf("proxy %q is in mode %s already: a course wants it for itself (squall faults clear)", t.proxy, mode)
	}
	for _, r := range faults.Rules {
		switch {
		case !r.Enabled || r.Proxy != "" && r.Proxy != t.proxy:
		case rules > 0 && r.Owner == owner:
			rules--
		default:
			return fmt.Errorf("rule %q acts on proxy %q already: a course wants it for itself (squall faults rm %s)", r.Name, t.proxy, r.Name)
		}
	}
	if rules > 0 {
		return errors.New("somebody has taken the course's fault away")
	}
	return nil
}

// compareClocks finds out what time it is where exchanges are recorded. A clock that may be ours is taken for it: how long the
// question took is not known to a half.
func (t *certified) compareClocks(ctx context.Context) error {
	never := time.Now().AddDate(1, 0, 0)
	before := time.Now()
	report, err := t.client.Verdict(ctx, admin.VerdictQuery{Since: &never})
	if err != nil {
		return err
	}
	if after := time.Now(); report.End.Before(before) || report.End.After(after) {
		t.ahead = report.End.Sub(before.Add(after.Sub(before) / 2))
	}
	t.begin = t.now()
	return nil
}

// now is the time by the clock of the records.
func (t *certified) now() time.Time { return time.Now().Add(t.ahead).Round(0) }

// seen refuses to go on if nobody has called the proxy, or if most of what was called failed: nothing could be told of a client
// whose service is not well without a fault.
func (t *certified) seen(ctx context.Context) error {
	exchanges, err := t.client.Exchanges(ctx, admin.ExchangeFilter{Proxy: t.proxy, Since: t.begin.Format(time.RFC3339Nano), Limit: 100})
	if err != nil {
		return err
	}
	failed := 0
	for _, x := range exchanges {
		if x.Outcome == proxy.RealError || x.Status >= http.StatusBadRequest {
			failed++
		}
	}
	switch {
	case len(exchanges) == 0:
		return fmt.Errorf("nobody has called proxy %q at %s in the baseline: is that what the client calls?", t.proxy, t.url)
	case 2*failed > len(exchanges):
		return fmt.Errorf("without any fault %d of the last %d exchanges of proxy %q failed, the last one with status %d: is the service well, and is there what the client asks for?",
			failed, len(exchanges), t.proxy, exchanges[0].Status)
	}
	return nil
}

// variable tells a command where the proxy is.
func (t *certified) variable() string { return "SQUALL_" + variableName(t.proxy) + "_URL=" + t.url }

// Arm adds a rule.
func (t *certified) Arm(ctx context.Context, rule map[string]any) error {
	_, err := t.client.AddRule(ctx, control.Request{}, rule)
	return err
}

// Renew puts a lease's end off.
func (t *certified) Renew(ctx context.Context, lease string) error {
	_, err := t.client.RenewLease(ctx, lease)
	return err
}

// End takes away all that hangs on a lease; one that there never was has nothing.
func (t *certified) End(ctx context.Context, lease string) error {
	err := t.client.EndLease(ctx, control.Request{}, lease)
	if refusal, ok := errors.AsType[*admin.Error](err); ok && refusal.Status == http.StatusNotFound {
		return nil
	}
	return err
}
