package client

import (
	"sync"
	"time"

	"github.com/squall-proxy/squall/internal/lru"
)

// Budget bounds attempts beyond the first ones of calls, at each host for itself, over the last 10 seconds: a share of the
// calls made there, plus a number a second, so that a few calls now and then are never held back (Finagle's form). With
// both 0 there is no bound.
type Budget struct {
	Share     float64 // of the calls. To 10.
	PerSecond float64 // on top. To 10,000.
}

// maxHosts is how many hosts state is kept for.
const maxHosts = 1000

const budgetWindow = 10 * time.Second

// account is what is spent of a Budget at one host.
type account struct {
	budget Budget

	mu    sync.Mutex
	tally tally // calls, and what was spent
}

// newAccounts returns the accounts of all hosts, or nil if b has no bound.
func newAccounts(b Budget) *lru.Map[string, *account] {
	if b == (Budget{}) {
		return nil
	}
	return lru.New(maxHosts, func(string) *account {
		return &account{budget: b, tally: tally{slot: budgetWindow / tallySlots}}
	})
}

// earn counts a call.
func (a *account) earn() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally.add(time.Now(), 0, 1)
}

// spend takes an attempt out of the budget, if there is one left.
func (a *account) spend() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.tally.slide(now)
	calls, spent := a.tally.sums[0], a.tally.sums[1]
	if float64(spent+1) > a.budget.Share*float64(calls)+a.budget.PerSecond*budgetWindow.Seconds() {
		return false
	}
	a.tally.add(now, 1, 1)
	return true
}
