package faults

import "github.com/squall-proxy/squall/internal/document"

// Selection picks, from the exchanges that match a rule, those that are candidates for a hit. Exchanges are counted
// per key from 1; all that is given must hold.
type Selection struct {
	// Key says whose exchanges are counted together: "rule" (default), "client" (the address), "connection",
	// "header:NAME", "query:NAME".
	Key   string `json:"key,omitempty"`
	Skip  uint64 `json:"skip,omitempty"`  // leaves the first so many alone
	First uint64 `json:"first,omitempty"` // then only the first so many; 0 = all
	Every uint64 `json:"every,omitempty"` // of those, each so-manieth: 3 = the 3rd, the 6th …; 0 = all

	Burst          *Burst `json:"burst,omitempty"`
	Exact          bool   `json:"exact,omitempty"`
	MaxConsecutive uint64 `json:"max_consecutive,omitempty"`
	Ramp           *Ramp  `json:"ramp,omitempty"`

	MaxTotal  uint64 `json:"max_total,omitempty"`  // hits in all, over all keys; 0 = no limit
	MaxActive uint64 `json:"max_active,omitempty"` // hits under way at once; 0 = no limit
}

// Burst hits On matching exchanges, then leaves Off alone, and so on.
type Burst struct {
	On  uint64 `json:"on"`
	Off uint64 `json:"off"`
}

// Ramp moves the percentage from From to To over a time, from the moment the rule was set.
type Ramp struct {
	From float64  `json:"from"`
	To   float64  `json:"to"`
	Over Duration `json:"over"`
}

func (s *Selection) validate() error {
	switch {
	case s.Burst != nil:
		return document.Errorf("burst", later)
	case s.Exact:
		return document.Errorf("exact", later)
	case s.MaxConsecutive != 0:
		return document.Errorf("max_consecutive", later)
	case s.Ramp != nil:
		return document.Errorf("ramp", later)
	}
	for _, count := range []struct {
		field string
		value uint64
	}{{"skip", s.Skip}, {"first", s.First}, {"every", s.Every}, {"max_total", s.MaxTotal}, {"max_active", s.MaxActive}} {
		if count.value > MaxCount {
			return document.Errorf(count.field, "must be 0 to %d, got %d", uint64(MaxCount), count.value)
		}
	}
	_, err := parseKey(s.Key)
	return err
}

// selected reports whether the nth matching exchange of a key (from 1) is a candidate.
func (s *Selection) selected(n uint64) bool {
	if n <= s.Skip {
		return false
	}
	n -= s.Skip
	if s.First > 0 && n > s.First {
		return false
	}
	return s.Every == 0 || n%s.Every == 0
}
