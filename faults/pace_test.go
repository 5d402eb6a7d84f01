package faults

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// went is a piece of a body: when it went, since the start, and how many bytes.
type went struct {
	at time.Duration
	n  int
}

// send paces a body that is there at once, in the bubble's time.
func send(t *testing.T, p *Pacer, bytes int) (pieces []went) {
	t.Helper()
	begin := time.Now()
	for bytes > 0 {
		n := p.Limit(bytes)
		if err := wait.For(t.Context(), p.Take(time.Now(), n)); err != nil {
			t.Error(err)
			return pieces
		}
		p.Sent(time.Now(), n)
		pieces = append(pieces, went{time.Since(begin), n})
		bytes -= n
	}
	return pieces
}

// most gives how many bytes went within some span of a time.
func most(pieces []went, span time.Duration) (bytes int) {
	for i, first := range pieces {
		sum := 0
		for _, p := range pieces[i:] {
			if p.at-first.at <= span {
				sum += p.n
			}
		}
		bytes = max(bytes, sum)
	}
	return bytes
}

func TestARateIsKeptExactly(t *testing.T) {
	for _, c := range []struct {
		rate  int64
		bytes int
		took  time.Duration
	}{
		{1000, 10_000, 10*time.Second - smoothness},
		{100_000, 200_000, 2*time.Second - smoothness},
		{1_000_000_000, 100_000_000, 100*time.Millisecond - smoothness},
		{1, 3, 3*time.Second - smoothness},
		{3, 3, time.Second + 2 - smoothness}, // a third of a second, rounded up
		{1000, 25, 0},                        // no more than may go at once
		{MaxCount, 1 << 40, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var p Pacer
			p.Add(c.rate, &Bucket{})
			pieces := send(t, &p, c.bytes)
			if took := pieces[len(pieces)-1].at; took != c.took && !(c.took == 0 && took < time.Millisecond) {
				t.Errorf("%d bytes at %d a second took %v, want %v", c.bytes, c.rate, took, c.took)
			}
		})
	}
}

// TestNoBurstOver50ms: whatever the sender was doing meanwhile, in no span of time goes more than the rate allows for it
// and for 50 ms.
func TestNoBurstOver50ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 10_000
		var p Pacer
		p.Add(rate, &Bucket{})
		begin := time.Now()
		var pieces []went
		for _, idle := range []time.Duration{0, time.Hour, 10 * time.Millisecond, 30 * time.Millisecond} {
			time.Sleep(idle)
			since := time.Since(begin)
			for _, piece := range send(t, &p, 3000) {
				pieces = append(pieces, went{since + piece.at, piece.n})
			}
		}
		for _, span := range []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
			if got, bound := most(pieces, span), int(rate*(span+50*time.Millisecond)/time.Second); got > bound {
				t.Errorf("%d bytes within %v, want at most %d", got, span, bound)
			}
		}
	})
}

// TestASharedRate: two bodies take twice as long as one, and each gets half.
func TestASharedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bucket Bucket
		var sent [2][]went
		var both sync.WaitGroup
		for i := range sent {
			both.Go(func() {
				var p Pacer
				p.Add(1000, &bucket)
				sent[i] = send(t, &p, 5000)
			})
		}
		both.Wait()
		first, second := sent[0][len(sent[0])-1].at, sent[1][len(sent[1])-1].at
		if last, want := max(first, second), 10*time.Second-smoothness; last != want {
			t.Errorf("both took %v, want %v", last, want)
		}
		if ahead := (first - second).Abs(); ahead > 2*smoothness { // a piece each
			t.Errorf("one was %v ahead of the other", ahead)
		}
	})
}

func TestPiecesGoOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pacer
		p.Cut(Pieces{Size: 10, Interval: time.Second})
		// The body comes in three parts, the last late: a piece is not waited for to be full, and the gap stays.
		got := append(send(t, &p, 4), send(t, &p, 23)...)
		time.Sleep(time.Minute)
		got = append(got, send(t, &p, 14)...)
		want := []went{
			{0, 4},
			{0, 6},
			{time.Second, 10},
			{2 * time.Second, 7},
			{0, 3},
			{0, 10}, // the gap is over for long
			{time.Second, 1},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestPiecesKeepTheirBeat: every timer is a little late, and of many pieces that must not become much. What is later than
// 25 ms is not made up for.
func TestPiecesKeepTheirBeat(t *testing.T) {
	var p Pacer
	p.Cut(Pieces{Size: 1, Interval: 10 * time.Millisecond})
	now := time.Now()
	for i, step := range []struct{ late, next time.Duration }{ // beyond the wait; until the next piece
		{0, 10}, {1, 9}, {9, 1}, {25, 0}, {0, 0}, {0, 5}, {26, 10}, {0, 10},
	} {
		now = now.Add(p.Take(now, 1) + step.late*time.Millisecond)
		p.Sent(now, 1)
		if got := p.Take(now, 1); got != step.next*time.Millisecond {
			t.Errorf("behind piece %d: wait %v, want %v ms", i, got, int64(step.next))
		}
	}
}

// TestRatesAndPiecesTogether: the slowest holds, and pieces are spaced from when they went.
func TestRatesAndPiecesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pacer
		p.Add(1_000_000, &Bucket{})
		p.Add(1, &Bucket{})
		p.Cut(Pieces{Size: 2, Interval: 1500 * time.Millisecond})
		p.Cut(Pieces{Size: 100, Interval: time.Hour})
		got := send(t, &p, 4)
		want := []went{
			{time.Second - smoothness, 1},
			{2*time.Second - smoothness, 1},
			{3*time.Second - smoothness, 1}, // the gap ended at 2.475 s
			{4*time.Second - smoothness, 1},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestWhoSharesABucket: scope rule shares one for each side, over changes of other rules; scope exchange none.
func TestWhoSharesABucket(t *testing.T) {
	bucketsOf := func(set *Set) (up, down *Bucket) {
		var p Plan
		v := get("/")
		p.Begin(set, v)
		defer p.Done()
		action, _ := p.Next(v)
		return p.Bucket(action.(Pace), OfRequest), p.Bucket(action.(Pace), OfResponse)
	}
	set, counters := setOf(t, `{"throttle":{"rate":1,"side":"both","scope":"rule"}}`)
	up, down := bucketsOf(set)
	if otherUp, otherDown := bucketsOf(set); up != otherUp || down != otherDown || up == down {
		t.Error("scope rule: another exchange has another bucket, or both sides have one")
	}
	changed := mustCompile(t, Config{Entries: []Entry{{
		Rule: mustRule(t, `{"throttle":{"rate":2,"scope":"rule"}}`), Counter: counters[0],
	}}})
	if _, kept := bucketsOf(changed); kept != down {
		t.Error("a set with the same counter has another bucket")
	}
	own, _ := setOf(t, `{"throttle":{"rate":1,"side":"both"}}`)
	up, down = bucketsOf(own)
	if otherUp, otherDown := bucketsOf(own); up == otherUp || down == otherDown || up == down {
		t.Error("scope exchange: a bucket is shared")
	}
}

// TestTakenStaysTaken, also by somebody who leaves before it has flowed.
func TestTakenStaysTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bucket Bucket
		left, leave := context.WithCancel(t.Context())
		leave()
		if err := wait.For(left, bucket.Take(time.Now(), 100, 100)); err == nil {
			t.Fatal("nothing was waited for")
		}
		if got, want := bucket.Take(time.Now(), 100, 100), 2*time.Second-smoothness; got != want {
			t.Errorf("behind somebody who left: %v, want %v", got, want)
		}
	})
}

func TestPiecesSplit(t *testing.T) {
	for length, want := range map[int64]bool{-1: true, 0: false, 9: false, 10: false, 11: true} {
		if got := (Pieces{Size: 10}).Splits(length); got != want {
			t.Errorf("a body of %d: %t, want %t", length, got, want)
		}
	}
}
