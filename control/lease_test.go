package control

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// leasedThing hangs on a lease, over something untimed.
type leasedThing struct {
	name, document  string
	ends            []string
	hit, afterwards []string // by an exchange on proxy a
}

// leasedThings are all that can hang on a lease.
func leasedThings() []leasedThing {
	return []leasedThing{
		{"mode", `{"mode":"failure",LEASE}`, []string{"mode"}, []string{"base", "mode/failure"}, []string{"base"}},
		{"modes", `{"modes":{"a":"failure"},LEASE}`, []string{"modes.a"}, []string{"base", "mode/failure"}, []string{"base"}},
		{"a mode by itself", `{"modes":{"a":{"mode":"failure",LEASE}}}`, []string{"modes.a"}, []string{"base", "mode/failure"}, []string{"base"}},
		{"rules", `{"rules":[{"name":"x","abort":500}],LEASE}`, []string{"rules"}, []string{"x"}, []string{"base"}},
		{"a rule", `{"rules":[{"name":"base","delay":"1ms"},{"name":"x","abort":500,LEASE}]}`, []string{"rules.x"}, []string{"base", "x"}, []string{"base"}},
		{"two on one lease", `{"mode":"failure","rules":[{"name":"x","delay":"1ms"}],LEASE}`, []string{"mode", "rules"}, []string{"x", "mode/failure"}, []string{"base"}},
		{"a longer ttl", `{"mode":"failure","ttl":"1h",LEASE}`, []string{"mode"}, []string{"base", "mode/failure"}, []string{"base"}},
	}
}

// onLease puts a lease into a document that says LEASE.
func onLease(document string) string {
	return strings.ReplaceAll(document, "LEASE", `"lease":{"id":"run","for":"5s"}`)
}

// onTTL gives the same a time to live instead.
func onTTL(document string) string {
	return strings.Replace(strings.ReplaceAll(document, `"ttl":"1h",LEASE`, "LEASE"), "LEASE", `"ttl":"5s"`, 1)
}

// base is a state with a proxy and a rule that stays.
func base(t *testing.T) *State {
	t.Helper()
	s := stateWith("a")
	put(t, s, `{"rules":[{"name":"base","delay":"1ms"}]}`, time.Now())
	return s
}

// hits decides an exchange now, by what the engine runs.
func (b *rig) hits() []string {
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	return decide(b.engine.last[0].Faults, "a", "/x", time.Now())
}

func (b *rig) wantHits(t *testing.T, want []string) {
	t.Helper()
	if got := b.hits(); !slices.Equal(got, want) {
		t.Errorf("after %v %v strike, want %v", time.Since(b.began), got, want)
	}
}

func TestFaultsDoNotOutliveTheOneWhoSetThem(t *testing.T) {
	for _, tt := range leasedThings() {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, base(t), func(t *testing.T, b *rig) {
				changeTo(t, b.Controller, onLease(tt.document))
				b.wantHits(t, tt.hit)
				b.sleepUntil(5*time.Second - 1)
				b.wantHits(t, tt.hit)
				revision := b.State().Revision
				b.sleepUntil(5 * time.Second)
				b.wantHits(t, tt.afterwards)
				s, events := b.State(), b.log.all()
				last := events[len(events)-1]
				if s.Revision != revision+1 || len(s.Leases) > 0 || s.View(time.Now()).Timed != nil || rulesOf(s) != "base@*" {
					t.Errorf("revision %d, leases %v, rules %s", s.Revision, s.Leases, rulesOf(s))
				}
				if last.By != ByExpiry || !slices.Equal(last.What, tt.ends) || last.At.Sub(b.began) != 5*time.Second {
					t.Errorf("event by %s: %v", last.By, last.What)
				}
				if b.store.last() != s {
					t.Error("the expiry was not saved")
				}
			})
		})
	}
}

// A beat every for/3, late by up to two beats less an instant: the fault never pauses, and a renewal costs nothing.
func TestWhatIsRenewedNeverPauses(t *testing.T) {
	for _, tt := range leasedThings() {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, base(t), func(t *testing.T, b *rig) {
				set := changeTo(t, b.Controller, onLease(tt.document))
				saves, renewed := b.store.tries, 0*time.Second
				for _, pause := range []time.Duration{1666, 1666, 4999, 1, 4999, 4999, 0, 2500} {
					for range pause / 100 {
						time.Sleep(100 * time.Millisecond)
						b.wantHits(t, tt.hit)
					}
					renewed += pause * time.Millisecond
					b.sleepUntil(renewed)
					b.wantHits(t, tt.hit)
					view, err := b.RenewLease("run", time.Now())
					if err != nil || view.ExpiresIn != "5s" || !slices.Equal(view.Holds, tt.ends) {
						t.Fatalf("after %v: %+v, %v", renewed, view, err)
					}
				}
				if b.State() != set || b.store.tries != saves || len(b.log.all()) != 1 {
					t.Errorf("renewing changed something: revision %d, %d saves, %d events", b.State().Revision, b.store.tries, len(b.log.all()))
				}
				b.sleepUntil(renewed + 5*time.Second - 1)
				b.wantHits(t, tt.hit)
				b.sleepUntil(renewed + 5*time.Second)
				b.wantHits(t, tt.afterwards)
			})
		})
	}
}

func TestTheEarlierOfTTLAndLeaseEnds(t *testing.T) {
	for _, text := range []string{
		`{"mode":"failure","ttl":"8s",LEASE}`, `{"rules":[{"name":"x","abort":500,"ttl":"8s",LEASE}]}`,
		`{"rules":[{"name":"x","abort":500,"ttl":"8s"}],LEASE}`, `{"rules":[{"name":"x","abort":500,LEASE}],"ttl":"8s"}`,
	} {
		t.Run(text, func(t *testing.T) {
			bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
				changeTo(t, b.Controller, onLease(text))
				for _, at := range []time.Duration{4 * time.Second, 7 * time.Second} {
					b.sleepUntil(at)
					if _, err := b.RenewLease("run", time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				b.sleepUntil(8*time.Second - 1)
				if len(b.hits()) == 0 {
					t.Error("it ended before both")
				}
				b.sleepUntil(8 * time.Second)
				b.wantHits(t, []string{})
				b.sleepUntil(13 * time.Second)
				if s := b.State(); s.Mode.Name != ModeNormal || len(s.Rules) > 0 {
					t.Errorf("mode %s, rules %s", s.Mode.Name, rulesOf(s))
				}
			})
		})
	}
}

func TestEndingALease(t *testing.T) {
	for _, tt := range leasedThings() {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, base(t), func(t *testing.T, b *rig) {
				changeTo(t, b.Controller, onLease(tt.document))
				changeTo(t, b.Controller, `{"modes":{"a":{"mode":"fallback","lease":{"id":"other","for":"1m"}}}}`)
				s := change(t, b.Controller, func(s *State) error { return s.EndLease("run") })
				views := s.LeaseViews(time.Now())
				if len(views) != 1 || views[0].ID != "other" || rulesOf(s) != "base@*" || s.Mode.Name != ModeNormal {
					t.Errorf("left: %+v, mode %s, rules %s", views, s.Mode.Name, rulesOf(s))
				}
				if _, err := b.RenewLease("run", time.Now()); codeOf(err) != NotFound {
					t.Errorf("renewed: %v", err)
				}
				_, err := b.Change(t.Context(), Request{}, func(s *State) error { return s.EndLease("run") })
				if code, field := refusal(err); code != NotFound || field != "lease" {
					t.Errorf("ended twice: %v", err)
				}
			})
		})
	}
}

func TestALeaseThatHoldsNothingCanBeEnded(t *testing.T) {
	for name, end := range map[string]func(*State) error{
		"ended":   func(s *State) error { return s.EndLease("run") },
		"cleared": func(s *State) error { s.Clear(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
				changeTo(t, b.Controller, onLease(`{"mode":"failure",LEASE}`))
				changeTo(t, b.Controller, `{"mode":"normal"}`)
				if views := b.State().LeaseViews(time.Now()); len(views) != 1 || asJSON(t, views[0].Holds) != "[]" {
					t.Errorf("before: %+v", views)
				}
				if s := change(t, b.Controller, end); len(s.Leases) > 0 || s.Revision != 3 {
					t.Errorf("leases %v, revision %d", s.Leases, s.Revision)
				}
				if s := change(t, b.Controller, func(s *State) error { s.Clear(); return nil }); s.Revision != 3 {
					t.Errorf("nothing is left to clear, and yet revision %d", s.Revision)
				}
			})
		})
	}
}

func TestUnknownLeases(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, onLease(`{"mode":"failure",LEASE}`))
		_, err := b.RenewLease("runn", time.Now())
		if code, field := refusal(err); code != NotFound || field != "lease" || !strings.Contains(fmt.Sprint(err), `"runn"`) {
			t.Errorf("got %v", err)
		}
		// One that is over is not there, although it is still known: nobody would be helped by its own name.
		_, err = b.RenewLease("run", time.Now().Add(5*time.Second))
		if hint := suggestionIn(err); codeOf(err) != NotFound || hint != "" {
			t.Errorf("got %v, did you mean %q", err, hint)
		}
	})
}

// Who renews with a look at the clock that is a moment old comes too late once the end has been acted upon: else half of
// what hung on the lease would be gone and the other half stay.
func TestARenewalThatComesTooLateBringsNothingBack(t *testing.T) {
	s := base(t)
	put(t, s, onLease(`{"mode":"failure","rules":[{"name":"x","delay":"1ms"}],LEASE}`), t0)
	l := s.Leases["run"]
	if l.over(after(5*time.Second-1)) || !l.over(after(5*time.Second)) {
		t.Fatal("want it over after 5s")
	}
	if l.deadline.PutOff(after(4*time.Second), after(9*time.Second)) {
		t.Error("it was renewed")
	}
	if ended := s.expire(after(5 * time.Second)); !slices.Equal(ended, []string{"mode", "rules"}) || len(s.Leases) > 0 {
		t.Errorf("ended %v, left %v", ended, s.Leases)
	}
}

func TestWhatIsLeasedIsDroppedAtAStartAndNamed(t *testing.T) {
	for _, tt := range leasedThings() {
		t.Run(tt.name, func(t *testing.T) {
			s, path, log := base(t), filepath.Join(t.TempDir(), "state.json"), &eventLog{}
			put(t, s, strings.ReplaceAll(onLease(tt.document), `"5s"`, `"24h"`), time.Now())
			restarted := restart(t, path, s, log)
			if rulesOf(restarted) != "base@*" || restarted.ModeOf("a") != ModeNormal || len(restarted.Leases) > 0 {
				t.Errorf("rules %s, mode %s", rulesOf(restarted), restarted.ModeOf("a"))
			}
			events := log.all()
			if len(events) != 1 || events[0].By != ByExpiry || !slices.Equal(events[0].What, tt.ends) {
				t.Errorf("events %+v", events)
			}
		})
	}
}

// restart saves a state as one process does, and gives what another one goes on with.
func restart(t *testing.T, path string, s *State, log *eventLog) *State {
	t.Helper()
	store, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Save(s); err != nil {
		t.Fatal(err)
	}
	loaded, damage, err := store.Load(time.Now())
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	return start(t, Config{Publish: log.add}, loaded).State()
}

// suggestionIn gives the nearest name that an error tells.
func suggestionIn(err error) string {
	var place *document.Error
	errors.As(err, &place)
	return place.DidYouMean
}
