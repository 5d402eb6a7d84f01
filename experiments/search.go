package experiments

import (
	"cmp"
	"encoding/json"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Search looks for the breaking point of one number of a rule: the last value at which the checks still pass, and the first
// at which they fail.
type Search struct {
	Vary       string          `json:"vary"`          // rule.percent, or rule.attributes.NAME
	Rule       *document.Node  `json:"rule"`          // as for a fault, except that the number may be out of its bounds
	Range      []Level         `json:"range"`         // from a good value to a bad one
	Resolution Level           `json:"resolution"`    // how near to each other the two answers are
	For        faults.Duration `json:"for,omitempty"` // one trial; 10s by default
	Target     string          `json:"target,omitempty"`
}

// maxSteps bounds how fine a search is.
const maxSteps = 1_000_000

// Level is a value of what a search varies: a number, or a duration, in nanoseconds.
type Level struct {
	Value float64
	Span  bool // a duration
}

// DecodeDocument reads a number or a duration.
func (l *Level) DecodeDocument(n *document.Node) error {
	if n.Kind == document.String {
		var d faults.Duration
		err := document.Decode(n, &d)
		*l = Level{Value: float64(d), Span: true}
		return err
	}
	return document.Decode(n, &l.Value)
}

// String writes the value as the file does.
func (l Level) String() string {
	if l.Span {
		return time.Duration(l.Value).String()
	}
	return strconv.FormatFloat(l.Value, 'f', -1, 64)
}

// MarshalJSON writes the value as the file does.
func (l Level) MarshalJSON() ([]byte, error) {
	if l.Span {
		return json.Marshal(l.String())
	}
	return json.Marshal(l.Value)
}

// UnmarshalJSON reads what MarshalJSON has written.
func (l *Level) UnmarshalJSON(data []byte) error {
	n, err := document.ParseJSON(data)
	if err != nil {
		return err
	}
	return l.DecodeDocument(n)
}

// DecodeDocument reads a search.
func (s *Search) DecodeDocument(n *document.Node) error {
	s.For = faults.Duration(10 * time.Second)
	type plain Search
	if err := document.Decode(n, (*plain)(s)); err != nil {
		return err
	}
	if err := checkFor(s.For); err != nil {
		return err
	}
	if s.Rule == nil || s.Rule.Kind != document.Object {
		return document.Errorf("rule", "missing: want a rule such as {proxy: stock, delay: 0ms}")
	}
	if err := s.checkRange(); err != nil {
		return err
	}
	for i, end := range s.Range {
		if _, err := s.At(end); err != nil {
			return document.Errorf("range"+index(i), "%v of %s: %v", end, s.Vary, err)
		}
	}
	if _, err := s.At(s.Level(1)); err != nil {
		return document.Errorf("resolution", "%v of %s: %v", s.Level(1), s.Vary, err)
	}
	return nil
}

// Steps is how many steps of the resolution it takes from one end of the range to the other, the last of which may be shorter.
func (s *Search) Steps() int {
	return int(math.Ceil(math.Abs(s.Range[1].Value-s.Range[0].Value)/s.Resolution.Value - 1e-9))
}

// Level is the value so many steps away from the first end of the range.
func (s *Search) Level(steps int) Level {
	first, last := s.Range[0], s.Range[1]
	if steps >= s.Steps() {
		return last
	}
	away := math.Copysign(float64(steps)*s.Resolution.Value, last.Value-first.Value)
	value := math.Round((first.Value+away)*1e6) / 1e6 // 0.1 + 0.2 is 0.3 here
	if first.Span {
		value = math.Round(first.Value + away)
	}
	return Level{Value: value, Span: first.Span}
}

// maxTrials is how many values are tried at the most: both ends, and what is left when the rest is halved.
func (s *Search) maxTrials() int { return 2 + bits.Len(uint(s.Steps()-1)) }

func (s *Search) checkRange() error {
	switch {
	case !strings.HasPrefix(s.Vary, "rule."):
		return document.Errorf("vary", "want what of the rule is varied, such as rule.attributes.latency or rule.percent")
	case len(s.Range) != 2:
		return document.Errorf("range", "want two values, such as [0ms, 2s]")
	case s.Range[0].Span != s.Range[1].Span || s.Range[0].Span != s.Resolution.Span:
		return document.Errorf("range", "want both values and the resolution as durations, or all as numbers")
	case s.Range[0].Value == s.Range[1].Value:
		return document.Errorf("range", "want two values that differ")
	case s.Resolution.Value <= 0:
		return document.Errorf("resolution", "must be more than 0")
	case math.Abs(s.Range[1].Value-s.Range[0].Value)/s.Resolution.Value > maxSteps:
		return document.Errorf("resolution", "too fine: the range has more than %d steps of it", maxSteps)
	}
	return nil
}

// At is the rule with the value that is varied set to l; nil = no rule at all, which is what a duration of nothing means
// where a fault must have one.
func (s *Search) At(l Level) (*faults.Rule, error) {
	value := &document.Node{Kind: document.Number, Text: l.String()}
	if l.Span {
		value = text(l.String())
	}
	for names := strings.Split(strings.TrimPrefix(s.Vary, "rule."), "."); len(names) > 0; names = names[:len(names)-1] {
		value = object(names[len(names)-1], value)
	}
	rule := &faults.Rule{}
	err := document.Decode(document.Merge(longForm(s.Rule), value), rule)
	if err != nil && l.Span && l.Value == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rule.Name = cmp.Or(rule.Name, "search")
	return rule, checkOwn(rule)
}

// longForm is a rule's document with its kind and attributes under names of their own.
func longForm(n *document.Node) *document.Node {
	for _, k := range faults.Kinds() {
		attributes := n.Get(k.Name)
		if attributes == nil {
			continue
		}
		if attributes.Kind != document.Object && k.Main != "" {
			attributes = object(k.Main, attributes)
		}
		long := object("kind", text(k.Name))
		long.Members = append(long.Members, document.Member{Name: "attributes", Value: attributes})
		for _, m := range n.Members {
			if m.Name != k.Name {
				long.Members = append(long.Members, m)
			}
		}
		return long
	}
	return n
}

// object is a document with one member.
func object(name string, value *document.Node) *document.Node {
	return &document.Node{Kind: document.Object, Members: []document.Member{{Name: name, Value: value}}}
}
