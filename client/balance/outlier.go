package balance

import (
	"fmt"
	"slices"
	"time"
)

// outlier is what calls have shown of one backend.
type outlier struct {
	row  int // failures in a row
	mean time.Duration
	n    int // answers that the mean is made of, up to SlowSamples

	out       bool
	until     time.Time     // it is out
	last      time.Duration // how long it was out last
	ejections int           // in a row
}

// saw takes the outcome of a call at b, and ejects b if that shows it to be ill.
func (p *Pool) saw(b *backend, failed bool, took time.Duration) {
	now := time.Now()
	p.mu.Lock()
	var why string
	if failed {
		why = p.sawFailure(b)
	} else {
		why = p.sawAnswer(b, now, took)
	}
	ejected := why != "" && p.eject(b, now)
	e := Event{Backend: b.url.String(), Kind: Ejected, Why: why, For: b.outlier.last}
	p.mu.Unlock()
	if ejected {
		p.told(e)
	}
}

// sawFailure says why b is to be ejected, or nothing.
func (p *Pool) sawFailure(b *backend) string {
	o := &b.outlier
	o.row++
	if p.cfg.Outlier.Failures == 0 || o.row < p.cfg.Outlier.Failures {
		return ""
	}
	return fmt.Sprintf("%d in a row failed", o.row)
}

// sawAnswer says why b is to be ejected, or nothing.
func (p *Pool) sawAnswer(b *backend, now time.Time, took time.Duration) string {
	o := &b.outlier
	o.row = 0
	if now.Sub(o.until) >= o.last {
		o.ejections = 0
	}
	if p.cfg.Outlier.SlowFactor == 0 {
		return ""
	}
	o.n = min(o.n+1, p.cfg.Outlier.SlowSamples)
	o.mean += (took - o.mean) / time.Duration(o.n)
	usual, ok := p.usual(b)
	if !ok || o.n < p.cfg.Outlier.SlowSamples || float64(o.mean) < p.cfg.Outlier.SlowFactor*float64(usual) {
		return ""
	}
	return fmt.Sprintf("it takes %v to answer, others %v", o.mean.Round(time.Millisecond), usual.Round(time.Millisecond))
}

// usual is the median of the times that the backends beside b take. It is false if fewer than two of them are known.
func (p *Pool) usual(b *backend) (time.Duration, bool) {
	var means []time.Duration
	for _, other := range p.backends {
		if other != b && other.outlier.n >= p.cfg.Outlier.SlowSamples {
			means = append(means, other.outlier.mean)
		}
	}
	if len(means) < 2 {
		return 0, false
	}
	slices.Sort(means)
	return (means[(len(means)-1)/2] + means[len(means)/2]) / 2, true
}

// eject takes b out, unless it is already, or too many others are.
func (p *Pool) eject(b *backend, now time.Time) bool {
	out := 1
	for _, other := range p.backends {
		if other.outlier.out {
			out++
		}
	}
	o := &b.outlier
	if o.out || float64(out) > p.cfg.Outlier.MaxShare*float64(len(p.backends)) {
		return false
	}
	o.last = p.cfg.Outlier.Base
	for i := 0; i < o.ejections && o.last < p.cfg.Outlier.Max; i++ {
		o.last *= 2 // Max is at most a day: no overflow
	}
	o.last = min(o.last, p.cfg.Outlier.Max)
	o.until = now.Add(o.last)
	o.out = true
	o.ejections++
	o.n, o.mean = 0, 0
	o.row = max(0, p.cfg.Outlier.Failures-1) // the first failure after its return is enough
	return true
}

// returned lets those in again whose time is over, and returns them.
func (p *Pool) returned(now time.Time) []*backend {
	var back []*backend
	for _, b := range p.backends {
		if b.outlier.out && !now.Before(b.outlier.until) {
			b.outlier.out = false
			back = append(back, b)
		}
	}
	return back
}
