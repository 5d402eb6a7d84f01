package faults

import (
	"math"
	"sync"
	"time"
)

// Side says whose body a fault acts on.
type Side string

// The sides.
const (
	OfResponse Side = "response"
	OfRequest  Side = "request"
	OfBoth     Side = "both"
)

// Pace slows bodies down to a rate; see [Pacer]. A request for an upgrade is left alone, and so is, with OfRequest, one
// that has no body: the executor withdraws the rule (see [Plan.Withdraw]).
type Pace struct {
	Rate   int64 // bytes per second, at least 1; a body that goes up and one that goes down have it each
	Side   Side
	Shared bool // the exchanges that the rule hits have the rate together, not each
}

// Pieces lets the reply's body go in pieces of Size bytes, on a beat of one each Interval; see [Pacer].
type Pieces struct {
	Size     int64 // at least 1
	Interval time.Duration
}

// Splits reports whether a body of a length, -1 where it is not known, is more than one piece. Else the executor
// withdraws the rule.
func (p Pieces) Splits(length int64) bool { return length < 0 || length > p.Size }

// smoothness is the time for which bytes may go at once under a rate, and for which a rate that was not used up may be
// made up for. Together they bound a burst to 50 ms worth.
const smoothness = 25 * time.Millisecond

// Bucket spaces bytes by a rate. It may be shared: whoever comes first is served first. It starts with as much to give as
// one that was idle, so N bytes at rate R take at least N/R - 25 ms. The zero Bucket is ready.
type Bucket struct {
	mu    sync.Mutex // a leaf: nothing is called under it
	empty time.Time  // when what was taken has flowed
}

// Take takes n bytes at a rate per second, and gives how long to wait before they may go. What was taken stays taken,
// also from somebody who does not wait.
func (b *Bucket) Take(now time.Time, n int, rate int64) time.Duration {
	worth := time.Duration(math.Ceil(float64(n) / float64(rate) * float64(time.Second)))
	b.mu.Lock()
	defer b.mu.Unlock()
	if credit := now.Add(-smoothness); b.empty.Before(credit) {
		b.empty = credit
	}
	b.empty = b.empty.Add(worth)
	return max(b.empty.Sub(now), 0)
}

// Pacer spaces the bytes of one body by all that was asked for: rates and pieces. For each piece of the body its owner
// asks Limit how much of it may go at once, then Take how long to wait, waits, and tells by Sent when it went. A Pacer
// serves one goroutine; the zero Pacer lets everything go.
type Pacer struct {
	rates  []flow
	pieces []beat
}

// flow is one rate of a Pacer.
type flow struct {
	rate   int64
	bucket *Bucket
}

// beat is one [Pieces] of a Pacer.
type beat struct {
	Pieces
	left int64     // of the piece that has begun
	next time.Time // when another one may begin, by the beat
}

// Add slows the body down to a rate, in addition to what was asked for before.
func (p *Pacer) Add(rate int64, bucket *Bucket) { p.rates = append(p.rates, flow{rate, bucket}) }

// Cut cuts the body into pieces, in addition to what was asked for before.
func (p *Pacer) Cut(pieces Pieces) { p.pieces = append(p.pieces, beat{Pieces: pieces}) }

// Limit gives how many of the body's next n bytes may go at once: at least 1 of 1.
func (p *Pacer) Limit(n int) int {
	most := int64(n)
	for _, f := range p.rates {
		most = min(most, max(f.rate/int64(time.Second/smoothness), 1))
	}
	for i := range p.pieces {
		b := &p.pieces[i]
		if b.left > 0 {
			most = min(most, b.left)
		} else {
			most = min(most, b.Size)
		}
	}
	return int(most)
}

// Take gives how long to wait before the next n bytes may go; n is at most what Limit gave.
func (p *Pacer) Take(now time.Time, n int) time.Duration {
	var wait time.Duration
	for _, f := range p.rates {
		wait = max(wait, f.bucket.Take(now, n, f.rate))
	}
	for i := range p.pieces {
		if b := &p.pieces[i]; b.left == 0 {
			wait = max(wait, b.next.Sub(now))
		}
	}
	return wait
}

// Sent notes that n bytes go now. Pieces keep their beat: one that goes late, as all that wait for a timer do, does not
// move those behind it, unless it is later than what may be made up for.
func (p *Pacer) Sent(now time.Time, n int) {
	for i := range p.pieces {
		b := &p.pieces[i]
		if b.left == 0 {
			if b.next.Before(now.Add(-smoothness)) {
				b.next = now
			}
			b.left, b.next = b.Size, b.next.Add(b.Interval)
		}
		b.left -= int64(n)
	}
}

// Bucket gives what spaces the bytes of a body of a side, OfResponse or OfRequest, by the last hit, a Pace: one of its
// own, or the one that the rule's exchanges share. It outlives changes of other rules, as the rule's counters do.
func (p *Plan) Bucket(pace Pace, side Side) *Bucket {
	if !pace.Shared || p.decided.count == 0 {
		return &Bucket{}
	}
	counter := p.decided.at(p.decided.count - 1).rule.counter
	if side == OfRequest {
		return &counter.up
	}
	return &counter.down
}
