package control

import (
	"testing"
	"time"
)

// Leases whose faults were taken away meanwhile must not end what is set under the same name later.
func TestALeaseThatHoldsNothingEndsToo(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"mode":"failure","lease":{"id":"l","for":"5s"}}`, t0)
	put(t, s, `{"mode":"normal"}`, after(time.Second))
	if views := s.LeaseViews(after(6 * time.Second)); len(views) > 0 {
		t.Errorf("shown: %+v", views)
	}
	put(t, s, `{"mode":"failure","lease":{"id":"l","for":"5s"}}`, after(7*time.Second))
	if ended := s.expire(after(12*time.Second - 1)); len(ended) > 0 {
		t.Errorf("ended at once: %v", ended)
	}
	if ended := s.expire(after(12 * time.Second)); len(ended) != 1 || len(s.Leases) > 0 {
		t.Errorf("ended: %v, leases %v", ended, s.Leases)
	}
}

// What is leased ends with the process that it was told to: nobody knows whether whoever renewed it is still there.
func TestWhatIsLeasedIsDroppedAtAStart(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"modes":{"a":"fallback"},"rules":[{"name":"x","abort":503},{"name":"y","abort":503}]}`, t0)
	put(t, s, `{"mode":"failure","modes":{"a":"failure"},"rules":[{"name":"x","delay":"1s"},{"name":"z","delay":"1s"}],"lease":{"id":"l","for":"1h"}}`, t0)
	_, err := s.PutRule(Address{Name: "y"}, rule(t, `{"abort":500,"lease":{"id":"m","for":"1h"}}`), "", t0)
	must(t, s, err)
	saved, err := encodeState(s)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := decodeState(saved, after(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	k := start(t, Config{}, loaded)
	got := k.State()
	if got.Mode.Name != "normal" || got.ModeOf("a") != "fallback" || rulesOf(got) != "x@* y@*" || got.TimedRules != nil || len(got.Leases) > 0 {
		t.Errorf("mode %s, a %s, rules %s, leases %v", got.Mode.Name, got.ModeOf("a"), rulesOf(got), got.Leases)
	}
}
