package control

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
)

func TestTheTermsOfALease(t *testing.T) {
	for _, tt := range []struct{ text, field string }{
		{`{"mode":"failure","lease":{"id":"run"}}`, ""},
		{`{"mode":"failure","lease":{"id":"run","for":"5s"}}`, ""},
		{`{"mode":"failure","lease":{"id":"run","for":"6s"}}`, "lease.for"},
		{`{"mode":"failure","lease":{"id":"new"}}`, "lease.for"},
		{`{"modes":{"a":"failure"},"lease":{"id":"new"}}`, "lease.for"},
		{`{"modes":{"a":{"mode":"failure","lease":{"id":"new"}}}}`, "modes.a.lease.for"},
		{`{"rules":[{"abort":503},{"abort":503,"lease":{"id":"new"}}]}`, "rules[1].lease.for"},
		{`{"rules":[{"abort":503,"lease":{"id":"a/b","for":"5s"}}]}`, "rules[0].lease.id"},
		{`{"rules":[{"abort":503,"lease":{"id":"new","for":"-5s"}}]}`, "rules[0].lease.for"},
		{`{"lease":{"id":"run"}}`, "lease"},
	} {
		s := stateWith("a")
		put(t, s, onLease(`{"rules":[{"name":"x","abort":503,LEASE}]}`), t0)
		d, err := tryParse[Document](tt.text)
		if err == nil {
			err = s.Apply(d, t0)
		}
		if code, field := refusal(err); field != tt.field || (err != nil) != (code == Invalid) {
			t.Errorf("%s: refused at %q (%v), want %q", tt.text, field, err, tt.field)
		}
	}
}

func TestThePolicyBindsLeases(t *testing.T) {
	for _, tt := range []struct {
		text   string
		policy Policy
		field  string
	}{
		{`{"rules":[{"abort":503,LEASE}]}`, Policy{RequireTTL: true}, ""},
		{`{"rules":[{"abort":503,LEASE}]}`, Policy{MaxTTL: faults.Duration(5 * time.Second)}, ""},
		{`{"rules":[{"abort":503,LEASE}]}`, Policy{MaxTTL: faults.Duration(4 * time.Second)}, "rules[0].lease.for"},
		{`{"rules":[{"abort":503}],LEASE}`, Policy{MaxTTL: faults.Duration(4 * time.Second)}, "rules[0].lease.for"},
		{`{"modes":{"a":{"mode":"failure",LEASE}}}`, Policy{MaxTTL: faults.Duration(4 * time.Second)}, "modes.a.lease.for"},
		{`{"mode":"failure","ttl":"1m",LEASE}`, Policy{MaxTTL: faults.Duration(5 * time.Second)}, "ttl"},
	} {
		k := start(t, Config{Policy: tt.policy}, stateWith("a"))
		d := parse[Document](t, onLease(tt.text))
		_, err := k.Change(t.Context(), Request{}, func(s *State) error { return s.Apply(d, time.Now()) })
		if code, field := refusal(err); field != tt.field || (err != nil) != (code == Forbidden) {
			t.Errorf("%s: refused with %q at %q (%v), want %q", tt.text, code, field, err, tt.field)
		}
	}
}

func TestLeasesAreBounded(t *testing.T) {
	s := stateWith("a")
	hold := func(id string, now time.Time) error {
		_, err := s.holdFor(0, &faults.Lease{ID: id, For: faults.Duration(5 * time.Second)}, now)
		return err
	}
	for i := range MaxLeases {
		must(t, s, hold(fmt.Sprint(i), t0))
	}
	err := hold("more", after(5*time.Second-1))
	if code, field := refusal(err); code != Invalid || field != "lease" || !strings.Contains(fmt.Sprint(err), "1000") {
		t.Errorf("got %v", err)
	}
	must(t, s, hold("7", after(time.Second)))      // there already
	must(t, s, hold("more", after(5*time.Second))) // the others have run out
	if len(s.Leases) != 1 {
		t.Errorf("%d leases are kept", len(s.Leases))
	}
}

func TestAPatchLeavesTheHoldsThatItDoesNotName(t *testing.T) {
	for _, tt := range []struct {
		patch string
		until time.Duration // 0 = no ttl
		lease string
	}{
		{`{"percent":10}`, 60 * time.Second, "run"},
		{`{"ttl":"30s"}`, 31 * time.Second, "run"},
		{`{"ttl":null}`, 0, "run"},
		{`{"lease":null}`, 60 * time.Second, ""},
		{`{"lease":{"id":"other","for":"2s"}}`, 60 * time.Second, "other"},
		{`{"ttl":"30s","lease":null}`, 31 * time.Second, ""},
	} {
		s := stateWith("a")
		put(t, s, onLease(`{"rules":[{"name":"x","abort":503,"ttl":"1m",LEASE}]}`), t0)
		must(t, s, s.PatchRule(Address{Name: "x"}, node(t, tt.patch), after(time.Second)))
		h, until := s.Rules[0].Hold, time.Time{}
		if tt.until > 0 {
			until = after(tt.until)
		}
		if !h.Until.Equal(until) || h.leaseID() != tt.lease {
			t.Errorf("%s: until %v on lease %q, want %v on %q", tt.patch, h.Until, h.leaseID(), until, tt.lease)
		}
	}
}
