package faults

import (
	"sync"
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	d := NewDeadline(start.Add(time.Second))
	if d.Over(start.Add(time.Second - 1)) {
		t.Error("over before its time")
	}
	if !d.PutOff(start, start.Add(time.Minute)) || d.Over(start.Add(time.Second)) || !d.At().Equal(start.Add(time.Minute)) {
		t.Errorf("put off by a minute it is at %v", d.At())
	}
	if !d.PutOff(start, start.Add(30*time.Second)) || !d.At().Equal(start.Add(time.Minute)) {
		t.Errorf("a renewal that came late moved it back to %v", d.At())
	}
	if !d.PutOff(start, start.Add(time.Second)) || !d.At().Equal(start.Add(time.Minute)) {
		t.Errorf("put off to an earlier time it is at %v", d.At())
	}
	if !d.Over(start.Add(time.Minute)) || !d.Over(start) {
		t.Error("what was over for one is not over for another, whose clock was read before")
	}
	if d.PutOff(start, start.Add(time.Hour)) {
		t.Error("what is over can be put off")
	}
}

// Who looked at the clock before the end, and comes after somebody has seen the end, is too late.
func TestADeadlineSeenOverStaysOver(t *testing.T) {
	d := NewDeadline(start.Add(time.Second))
	if !d.Over(start.Add(time.Second)) {
		t.Fatal("not over when its time has come")
	}
	if d.PutOff(start, start.Add(time.Minute)) || !d.Over(start) || !d.At().Equal(start.Add(time.Second)) {
		t.Errorf("it is at %v again", d.At())
	}
}

func TestDeadlineConcurrently(t *testing.T) {
	d := NewDeadline(start.Add(time.Second))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				d.PutOff(start, start.Add(time.Duration(i+1)*time.Second))
				d.Over(start)
			}
		})
	}
	wg.Wait()
	if d.Over(start) || !d.At().Equal(start.Add(8*time.Second)) {
		t.Errorf("it is at %v", d.At())
	}
}

// TestALeaseThatRanOutSilencesItsRule at once, whichever of several it is; one that is renewed keeps it.
func TestALeaseThatRanOutSilencesItsRule(t *testing.T) {
	first, second := NewDeadline(start.Add(2*time.Second)), NewDeadline(start.Add(time.Second))
	set := mustCompile(t, Config{Entries: []Entry{{
		Rule: mustRule(t, `{"name":"it","delay":"1s","lease":{"id":"run","for":"1s"}}`), Leases: []*Deadline{first, second},
	}}})
	at := func(after time.Duration) *View {
		v := get("/")
		v.Now = start.Add(after)
		return v
	}
	if _, record := exchange(set, at(time.Second-1)); !record.Hit() {
		t.Error("the rule is silent before its time")
	}
	second.PutOff(start, start.Add(time.Minute))
	if _, record := exchange(set, at(time.Second)); !record.Hit() {
		t.Error("the rule is silent although its lease was renewed")
	}
	_, record := exchange(set, at(2*time.Second))
	assertDecisions(t, record, no("it", WhyExpired, 0))
}
