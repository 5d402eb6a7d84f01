package faults

import (
	"reflect"
	"sync"
	"testing"
)

// enter begins an exchange that goes on until its plan is done.
func enter(set *Set) (p *Plan, action Action) {
	p = &Plan{}
	v := get("/")
	p.Begin(set, v)
	action, _ = p.Next(v)
	return p, action
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestConcurrency(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","concurrency":{"max":2,"queue":2,"status":429}}`)
	first, action := enter(set)
	assertDecisions(t, first.Record(), no("it", WhyRoom, 1))
	second, _ := enter(set)
	if action != nil || second.Record().Hit() {
		t.Fatal("there are two places, and one who had none")
	}
	third, action := enter(set)
	if action != (Acquire{}) {
		t.Fatalf("the third gets %+v, want to wait", action)
	}
	assertDecisions(t, third.Record(), yes("it", 3))
	fourth, _ := enter(set)
	fifth, action := enter(set)
	if a, ok := action.(Answer); !ok || a.Status != 429 {
		t.Fatalf("the fifth gets %+v, want to be refused", action)
	}
	fifth.Done()
	if isClosed(third.Granted()) || isClosed(fourth.Granted()) {
		t.Fatal("somebody has a place that nobody gave back")
	}
	first.Done()
	first.Done() // once more gives nothing back
	if !isClosed(third.Granted()) || isClosed(fourth.Granted()) {
		t.Fatal("the first that waits has the place")
	}
	sixth, action := enter(set) // in the queue there is room again
	if action != (Acquire{}) {
		t.Fatalf("the sixth gets %+v, want to wait", action)
	}
	fourth.Done() // it left
	second.Done()
	if !isClosed(sixth.Granted()) {
		t.Fatal("who waits behind one that left has its place")
	}
	third.Done()
	sixth.Done()
	seventh, action := enter(set)
	if action != nil {
		t.Fatalf("the seventh gets %+v, although all are gone", action)
	}
	seventh.Done()
	if got, want := counters[0].Status(), (Status{Matched: 7, Hit: 4, Skipped: Skipped{Room: 3}}); got != want {
		t.Errorf("the counters are %+v, want %+v", got, want)
	}
}

func TestConcurrencyRefusesWithoutAQueue(t *testing.T) {
	set, _ := setOf(t, `{"concurrency":1}`)
	p, _ := enter(set)
	defer p.Done()
	actions, _ := exchange(set, get("/"))
	if a, ok := actions[0].(Answer); !ok || a.Status != 503 {
		t.Errorf("got %+v, want 503", actions[0])
	}
}

// TestAnotherMaxHolds: the places outlive the Set, and more of them go to those who wait.
func TestAnotherMaxHolds(t *testing.T) {
	counter := NewCounter()
	under := func(rule string) *Set {
		return mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, rule), Counter: counter}}})
	}
	small, large := under(`{"concurrency":{"max":1,"queue":5}}`), under(`{"concurrency":{"max":3,"queue":5}}`)
	first, _ := enter(small)
	waiting, _ := enter(small)
	third, action := enter(large)
	if !isClosed(waiting.Granted()) || action != nil {
		t.Errorf("with three places the second has %t and the third gets %+v", isClosed(waiting.Granted()), action)
	}
	fourth, action := enter(small) // three are taken, and now there is one
	first.Done()
	waiting.Done()
	if action != (Acquire{}) || isClosed(fourth.Granted()) {
		t.Error("the fourth has a place although one is all there is")
	}
	third.Done()
	if !isClosed(fourth.Granted()) {
		t.Error("the fourth waits for nobody")
	}
	fourth.Done()
}

// TestWhoDoesNotWaitHasNoPlace: not in a shadow, and not where max_active lets it pass.
func TestWhoDoesNotWaitHasNoPlace(t *testing.T) {
	for rule, want := range map[string]struct {
		hits    uint64
		waiting int
	}{
		`{"concurrency":{"max":1,"queue":9},"shadow":true}`:   {2, 0},
		`{"concurrency":{"max":1,"queue":9},"max_total":1}`:   {1, 1},
		`{"concurrency":{"max":1,"queue":1},"max_active":10}`: {2, 1},
	} {
		set, counters := setOf(t, rule)
		first, _ := enter(set)
		second, _ := enter(set)
		third, _ := enter(set)
		if waiting := counters[0].slots.queue.Len(); waiting != want.waiting {
			t.Errorf("%s: %d wait, want %d", rule, waiting, want.waiting)
		}
		second.Done()
		third.Done()
		if queue := counters[0].slots.queue.Len(); queue != 0 || counters[0].Status().Hit != want.hits {
			t.Errorf("%s: %d wait, %+v, want none and %d hits", rule, queue, counters[0].Status(), want.hits)
		}
		first.Done()
		if counters[0].slots.taken != 0 {
			t.Errorf("%s: %d places are taken by nobody", rule, counters[0].slots.taken)
		}
	}
}

func TestPlacesHoldUnderConcurrency(t *testing.T) {
	const workers, tries, most = 32, 200, 3
	set, counters := setOf(t, `{"concurrency":{"max":3,"queue":1000}}`)
	var wg sync.WaitGroup
	var mu sync.Mutex
	inside, peak := 0, 0
	for range workers {
		wg.Go(func() {
			for range tries {
				p, action := enter(set)
				if action != nil {
					<-p.Granted()
				}
				mu.Lock()
				inside++
				peak = max(peak, inside)
				mu.Unlock()
				mu.Lock()
				inside--
				mu.Unlock()
				p.Done()
			}
		})
	}
	wg.Wait()
	if peak > most || counters[0].slots.taken != 0 || counters[0].slots.queue.Len() != 0 {
		t.Errorf("up to %d had a place, want %d; %d are left", peak, most, counters[0].slots.taken)
	}
}

func TestTrailerDrops(t *testing.T) {
	for name, want := range map[string]bool{"X-Sum": true, "x-sum": true, "X-Other": false} {
		if got := (Trailer{Drop: []string{"X-Sum"}}).Drops(name); got != want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	if !(Trailer{DropAll: true}).Drops("X-Any") {
		t.Error("all are dropped but one")
	}
}

func TestGoawayLeaves(t *testing.T) {
	set, _ := setOf(t, `{"goaway":{}}`)
	if actions, _ := exchange(set, get("/")); !reflect.DeepEqual(actions, []Action{Leave{}}) || Ends(actions[0]) {
		t.Errorf("got %+v, want the exchange to go on", actions)
	}
}
