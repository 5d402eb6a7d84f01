package verdict

import (
	"fmt"
	"time"
)

// steady gives how many calls a second are asked of the client; with a reason in place of it where nobody can say. A client
// that nobody drives looks like one whose breaker is open, so no rate is compared without it.
func (s *scene) steady() (rate float64, reason string) {
	rate = s.demand
	if rate == 0 {
		rate, reason = s.baselineRate()
	}
	least := s.limits.of(demand, "rate")
	switch {
	case reason != "":
		return 0, reason
	case rate < least, rate == 0:
		return 0, fmt.Sprintf("rates are compared from %s calls a second on, here it is %s", number(least), number(rate))
	}
	return rate, ""
}

// baselineRate is the rate of calls before any fault, if it was steady.
func (s *scene) baselineRate() (rate float64, reason string) {
	attempts, length := s.baseline()
	least := s.span(demand, "seconds")
	if length < least {
		return 0, fmt.Sprintf("the demand is not given, and there are %s of baseline to tell it from, not %s",
			brief(length), brief(least))
	}
	var perSecond []float64
	for _, t := range s.stretches {
		if t.Stage == Baseline {
			perSecond = append(perSecond, countBySecond(t.attempts, t.span)...)
		}
	}
	if cv := variation(perSecond); cv >= s.limits.of(demand, "cv") || len(attempts) == 0 {
		return 0, fmt.Sprintf("the demand is not given, and was not steady in the baseline: its rate per second varies by %s",
			percent(cv))
	}
	return mean(perSecond), ""
}

// span gives a general threshold that is a time.
func (s *scene) span(owner, name string) time.Duration { return seconds(s.limits.of(owner, name)) }

// countBySecond counts the attempts that began in each whole second of a span.
func countBySecond(attempts []*attempt, within span) []float64 {
	var counts []float64
	for _, second := range within.windows(time.Second) {
		counts = append(counts, float64(len(begunIn(attempts, second))))
	}
	return counts
}
