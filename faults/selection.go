package faults

import (
	"math"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Selection picks, from the exchanges that match a rule, those that are hit. What is given narrows down step by step,
// each step counting from 1 what the one before left over, per key:
//
//  1. Skip, First, Every, Burst: by the exchange's number alone.
//  2. chance: the rule's percent, spread evenly with Exact, or changing over time with Ramp.
//  3. MaxConsecutive, then MaxActive and MaxTotal: limits, counted as such.
type Selection struct {
	// Key says whose exchanges are counted together: "rule" (default), "client" (the address), "connection",
	// "header:NAME", "query:NAME".
	Key   string `json:"key,omitempty"`
	Skip  uint64 `json:"skip,omitempty"`  // leaves the first so many alone
	First uint64 `json:"first,omitempty"` // then only the first so many; 0 = all
	Every uint64 `json:"every,omitempty"` // of those, each so-manieth: 3 = the 3rd, the 6th …; 0 = all
	Burst *Burst `json:"burst,omitempty"` // of those, some in a row, then a pause

	// Exact makes percent, which must be a whole number, hold for any 100 candidates in a row of a key: exactly so many
	// are hit, at places that the seed spreads. The limits take from that. Not beside Ramp.
	Exact bool  `json:"exact,omitempty"`
	Ramp  *Ramp `json:"ramp,omitempty"` // instead of percent, which stays 100

	// MaxConsecutive is how many matching exchanges in a row, of one key and by their numbers, are hit at most; the one
	// after is spared. Those that other limits spare count as hit here. 0 = no limit.
	MaxConsecutive uint64 `json:"max_consecutive,omitempty"`
	MaxTotal       uint64 `json:"max_total,omitempty"`  // hits in all, over all keys; 0 = no limit
	MaxActive      uint64 `json:"max_active,omitempty"` // hits under way at once; 0 = no limit
}

// Burst hits On exchanges, then leaves Off alone, and so on; each is 1 to [MaxCount].
type Burst struct {
	On  uint64 `json:"on"`
	Off uint64 `json:"off"`
}

// Ramp moves the percentage from From to To, 0 to 100 and not equal, in a straight line over a time of up to
// [MaxDuration], where it stays. It begins when the rule is set; see [Entry].
type Ramp struct {
	From float64  `json:"from"`
	To   float64  `json:"to"`
	Over Duration `json:"over"`
}

func (s *Selection) validate(percent float64) error {
	for _, count := range []struct {
		field string
		value uint64
	}{
		{"skip", s.Skip},
		{"first", s.First},
		{"every", s.Every},
		{"max_consecutive", s.MaxConsecutive},
		{"max_total", s.MaxTotal},
		{"max_active", s.MaxActive},
	} {
		if count.value > MaxCount {
			return document.Errorf(count.field, "must be 0 to %d, got %d", uint64(MaxCount), count.value)
		}
	}
	if err := s.Burst.validate(); err != nil {
		return document.At(err, "burst")
	}
	if err := s.Ramp.validate(); err != nil {
		return document.At(err, "ramp")
	}
	switch {
	case s.Ramp != nil && s.Exact:
		return document.Errorf("exact", "not beside ramp: a percentage that changes is not exact")
	case s.Ramp != nil && percent != 100:
		return document.Errorf("percent", "not beside ramp, which says how many are hit: leave it out, or at 100")
	case s.Exact && percent != math.Trunc(percent):
		return document.Errorf("percent", "must be a whole number to be exact, got %v", percent)
	}
	_, err := parseKey(s.Key)
	return err
}

func (b *Burst) validate() error {
	if b == nil {
		return nil
	}
	for _, count := range []struct {
		field string
		value uint64
	}{{"on", b.On}, {"off", b.Off}} {
		if count.value < 1 || count.value > MaxCount {
			return document.Errorf(count.field, "must be 1 to %d, got %d", uint64(MaxCount), count.value)
		}
	}
	return nil
}

func (r *Ramp) validate() error {
	if r == nil {
		return nil
	}
	if err := checkPercent(r.From); err != nil {
		return document.At(err, "from")
	}
	if err := checkPercent(r.To); err != nil {
		return document.At(err, "to")
	}
	switch {
	case r.From == r.To:
		return document.Errorf("to", "must differ from from: a percentage that stays is the rule's percent")
	case r.Over <= 0 || r.Over > MaxDuration:
		return document.Errorf("over", "must be more than 0s and at most %v, got %v", MaxDuration, r.Over)
	}
	return nil
}

// rank gives the number, from 1, that the nth matching exchange of a key has among the candidates; 0 = it is none.
func (s *Selection) rank(n uint64) uint64 {
	if n <= s.Skip {
		return 0
	}
	n -= s.Skip
	if s.First > 0 && n > s.First {
		return 0
	}
	if s.Every > 0 {
		if n%s.Every != 0 {
			return 0
		}
		n /= s.Every
	}
	if s.Burst == nil {
		return n
	}
	length := s.Burst.On + s.Burst.Off
	round, place := (n-1)/length, (n-1)%length
	if place >= s.Burst.On {
		return 0
	}
	return round*s.Burst.On + place + 1
}

// percent is where a ramp stands so long after its begin.
func (r *Ramp) percent(since time.Duration) float64 {
	switch {
	case since <= 0:
		return r.From
	case since >= time.Duration(r.Over):
		return r.To
	}
	return r.From + (r.To-r.From)*float64(since)/float64(r.Over)
}

// exactly decides, for the candidate of a rank, so that any 100 in a row have so many hits. The ranks are dealt out, in
// turn, to the 100 places of a round, each of which has a draw of its own; the places with the lowest are hit. That the
// same places are in every round makes it true of any 100, whatever the first.
func exactly(hits int, hash, seed, rank uint64) bool {
	const places = 100
	own := (rank-1)%places + 1
	draw := rollFrom(hash, seed, own, 0)
	lower := 0
	for place := uint64(1); place <= places; place++ {
		other := rollFrom(hash, seed, place, 0)
		if other < draw || other == draw && place < own {
			lower++
		}
	}
	return lower < hits
}
