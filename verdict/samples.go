package verdict

import "fmt"

// calls gives the calls that match and of which it is known which attempts they have. It is a reason instead where too
// many others match, so that those that are known would not speak for all, or where there are fewer than least.
func (s *scene) sureCalls(least float64, what string, match func(*call) bool) (sure []*call, reason string) {
	unsure := 0
	for _, c := range s.calls {
		switch {
		case !match(c):
		case c.unsure:
			unsure++
		default:
			sure = append(sure, c)
		}
	}
	if unsure > 0 && share(unsure, unsure+len(sure)) > s.limits.of(linking, "unsure") {
		return nil, fmt.Sprintf("of %d calls %s %d look like others at the same pace, so that repetitions cannot be told from new "+
			"calls: send an id that repeats with each attempt (Idempotency-Key, X-Request-Id), or another target for each call",
			unsure+len(sure), what, unsure)
	}
	if len(sure) == 0 || float64(len(sure)) < least {
		return sure, fmt.Sprintf("calls %s: %d seen, %s needed", what, len(sure), number(least))
	}
	return sure, ""
}

// failedOnce reports whether a call had an attempt that failed, or that the client gave up.
func failedOnce(c *call) bool {
	for _, a := range c.attempts {
		if a.bad() {
			return true
		}
	}
	return false
}
