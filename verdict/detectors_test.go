package verdict_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// trial is one detector's: a course, a client that behaves and one that does not.
type trial struct {
	id      string
	variant string
	rate    float64 // calls a second; 0 = 12
	burst   int
	front   bool
	weights map[string]int
	after   time.Duration // in which clients finish
	lead    func(*lab)
	good    func(*lab) call
	bad     func(*lab) call
	want    verdict.Grade // of the bad one; "" = FAIL
}

// call makes one call of a client.
type call = func(ctx context.Context, i int)

// lab is what one run of a trial has.
type lab struct {
	*verdicttest.Course
	chance *chance
}

// client is one that talks to the lab's tap.
func (l *lab) client(c client) *client {
	c.tap, c.chance = l.Tap, l.chance
	return &c
}

func TestDetectorsPartClients(t *testing.T) {
	tested := map[string]bool{}
	for _, tr := range trials() {
		tested[tr.id] = true
		t.Run(tr.id+tr.variant, func(t *testing.T) {
			t.Parallel()
			want := tr.want
			if want == "" {
				want = verdict.Fail
			}
			for seed := range uint64(runs) {
				tr.judge(t, "the client that behaves", seed, tr.good, verdict.Pass)
				tr.judge(t, "the client that does not", seed, tr.bad, want)
			}
		})
	}
	for _, d := range verdict.Detectors() {
		if !tested[d.ID] {
			t.Errorf("%s has no trial", d.ID)
		}
	}
}

// judge leads one client through the course.
func (tr trial) judge(t *testing.T, who string, seed uint64, client func(*lab) call, want verdict.Grade) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{&verdicttest.Course{Tap: &verdicttest.Tap{}, Rate: tr.rate, Burst: tr.burst, Weights: tr.weights}, newChance(seed)}
		if tr.rate == 0 {
			l.Rate = 12
		}
		if tr.front {
			l.Front = &verdicttest.Front{}
		}
		l.Call = client(l)
		l.Lead(verdicttest.Baseline(), 6*time.Second, l.fine)
		tr.lead(l)
		report, err := l.Judge(tr.after)
		if err != nil {
			t.Fatal(err)
		}
		if f, _ := report.Find(tr.id); f.Verdict != want {
			t.Errorf("seed %d, %s: got %s, want %s: %s %v", seed, who, f.Verdict, want, f.Says, f.Figures)
		}
	})
}

// fine answers after a few milliseconds.
func (l *lab) fine(verdicttest.Arrival) verdicttest.Answer {
	return verdicttest.Answer{Wait: l.chance.between(2*time.Millisecond, 20*time.Millisecond), Status: 200, Body: "fine"}
}

// refuse answers with a status, in a share of the exchanges.
func (l *lab) refuse(status int, share float64) func(verdicttest.Arrival) verdicttest.Answer {
	return func(a verdicttest.Arrival) verdicttest.Answer {
		if l.chance.draw() >= share {
			return l.fine(a)
		}
		return verdicttest.Answer{Wait: 2 * time.Millisecond, Status: status, Body: "sorry", Injected: true}
	}
}

// outage refuses everything for a time, and then recovers.
func outage(length time.Duration) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("abort 503", 1), length, l.refuse(503, 1))
		l.Lead(verdicttest.Recovery(), 10*time.Second, l.fine)
	}
}

// partly refuses a share for a time.
func partly(status int, share float64, length time.Duration) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault(fmt.Sprintf("abort %d", status), share), length, l.refuse(status, share))
	}
}

// spared is a client that retries as it should.
func (l *lab) spared(c client) *client {
	c.attempts = max(c.attempts, 4)
	if c.pause == nil {
		c.pause = l.chance.backoff(200 * time.Millisecond)
	}
	return l.client(c)
}

// broken is a client with a breaker, which opens for a jittered time.
func (l *lab) broken(b *breaker) *client {
	b.chance = l.chance
	if b.opensAt == 0 {
		b.opensAt = 10
	}
	if b.open == nil {
		b.open = func() time.Duration { return l.chance.between(3*time.Second, 6*time.Second) }
	}
	return l.client(client{attempts: 1, breaker: b})
}

func trials() []trial {
	return slices.Concat(retryTrials(), serviceTrials(), breakerTrials(), callerTrials(), manyTrials())
}
