package control

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// MaxLeases bounds how many leases there are at a time.
const MaxLeases = 1000

// Lease keeps faults in force as long as somebody renews it: when whoever set them dies, they end. Its deadline is not
// part of the state: renewing it is no change.
type Lease struct {
	ID       string
	For      faults.Duration
	deadline *faults.Deadline
}

// LeaseView is what answers say of a lease.
type LeaseView struct {
	ID        string          `json:"id"`
	For       faults.Duration `json:"for"`
	ExpiresIn string          `json:"expires_in"`
	Holds     []string        `json:"holds"` // "mode", "modes.NAME", "rules", "rules.NAME"
}

// over reports whether nobody renewed the lease in time.
func (l *Lease) over(now time.Time) bool { return l.deadline.Over(now) }

// lease finds the lease that a document names, or makes it. For may be left out of one that exists.
func (s *State) lease(asked *faults.Lease, now time.Time) (*Lease, error) {
	if asked == nil {
		return nil, nil
	}
	if running := s.Leases[asked.ID]; running != nil && !running.over(now) {
		if asked.For != 0 && asked.For != running.For {
			return nil, document.Errorf("lease.for", "lease %q is there already, for %v", asked.ID, running.For)
		}
		return running, nil
	}
	if asked.For == 0 {
		return nil, document.Errorf("lease.for", "missing: no lease is named %q yet", asked.ID)
	}
	s.dropLeases(now)
	if len(s.Leases) >= MaxLeases {
		return nil, document.Errorf("lease", "at most %d at a time: end one, or let it run out", MaxLeases)
	}
	l := &Lease{ID: asked.ID, For: asked.For, deadline: faults.NewDeadline(now.Add(time.Duration(asked.For)))}
	s.Leases[asked.ID] = l
	return l, nil
}

// EndLease takes away all that hangs on a lease.
func (s *State) EndLease(id string) error {
	l := s.Leases[id]
	if l == nil {
		return s.unknownLease(id)
	}
	s.revert(func(h Hold) bool { return h.Lease == l })
	delete(s.Leases, id)
	return nil
}

func (s *State) unknownLease(id string) error {
	others := slices.DeleteFunc(sortedKeys(s.Leases), func(other string) bool { return other == id }) // it may be there still
	return &Error{
		Code: NotFound, Field: "lease", Reason: fmt.Sprintf("no lease is named %q, or nobody renewed it in time", id),
		Err: suggestion(id, others),
	}
}

// dropLeases forgets the leases that nobody renewed. What hung on them is gone already, or will be at the next tick.
func (s *State) dropLeases(now time.Time) {
	maps.DeleteFunc(s.Leases, func(_ string, l *Lease) bool { return l.over(now) })
}

// liveLeases are those that somebody renewed in time.
func (s *State) liveLeases(now time.Time) map[string]*Lease {
	live := maps.Clone(s.Leases)
	maps.DeleteFunc(live, func(_ string, l *Lease) bool { return l.over(now) })
	return live
}

// LeaseViews describes the leases, in the order of their ids.
func (s *State) LeaseViews(now time.Time) []LeaseView {
	views := make([]LeaseView, 0, len(s.Leases))
	for _, id := range sortedKeys(s.Leases) {
		if l := s.Leases[id]; !l.over(now) {
			views = append(views, s.leaseView(l, now))
		}
	}
	return views
}

func (s *State) leaseView(l *Lease, now time.Time) LeaseView {
	return LeaseView{ID: l.ID, For: l.For, ExpiresIn: expiresIn(l.deadline.At(), now), Holds: s.heldBy(l)}
}

// heldBy names what hangs on a lease.
func (s *State) heldBy(l *Lease) []string {
	held := []string{}
	if s.Mode.Hold.Lease == l {
		held = append(held, "mode")
	}
	for _, name := range sortedKeys(s.Modes) {
		if s.Modes[name].Hold.Lease == l {
			held = append(held, "modes."+name)
		}
	}
	if s.TimedRules != nil && s.TimedRules.Hold.Lease == l {
		held = append(held, "rules")
	}
	for _, r := range s.Rules {
		if r.Hold.Lease == l {
			held = append(held, "rules."+r.Name)
		}
	}
	return held
}

// RenewLease puts a lease's end off to its whole time from now. One that has run out stays so. It is no change: it takes
// no lock, is not saved, and the revision stays.
func (k *Controller) RenewLease(id string, now time.Time) (LeaseView, error) {
	s := k.State()
	l := s.Leases[id]
	if l == nil || !l.deadline.PutOff(now, now.Add(time.Duration(l.For))) {
		return LeaseView{}, s.unknownLease(id)
	}
	return s.leaseView(l, now), nil
}
