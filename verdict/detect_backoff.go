package verdict

import "time"

// backoffDetectors look at the pauses before retries.
func backoffDetectors() []detector {
	return []detector{
		{
			id: "D3", name: "no backoff",
			needs:    "5 calls that failed 4 times in a row, or 5 that failed and were not tried again",
			limits:   []Threshold{{"fail", 0.010, "s"}, {"warn", 0.100, "s"}, {"calls", 5, "calls"}, {"gaps", 3, "retries a call"}},
			evaluate: noBackoff, mend: mendBackoff(),
		},
	}
}

// noBackoff looks at the pauses of calls that were retried several times: of each call their mean, and of those the median.
func noBackoff(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "that failed", failedOnce)
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	var pauses []float64
	retries, gaps := 0, 0
	for _, c := range sure {
		retries += len(c.repeats())
		own := ownGaps(c)
		gaps += len(own)
		if f.enough(len(own), "gaps") || !f.enough(len(own), "gaps") && len(own) > 0 {
			pauses = append(pauses, mean(lengths(own)))
			f.show(c.first(), c.last())
		}
	}
	least := int(f.limit("gaps") * f.limit("calls"))
	switch {
	case retries == 0:
		f.pass("%s failed, and none was tried again", count(len(sure), "call"))
		return
	case gaps < least || len(pauses) < int(f.limit("calls")):
		f.inconclusive("%s were seen in %s, %d in %s are needed", count(gaps, "pause"), count(len(pauses), "call"), least,
			count(int(f.limit("calls")), "call"))
		return
	}
	pause := seconds(median(pauses))
	f.measured("median pause", pause)
	f.end(below(pause, f), "%s before a retry, the median of %s", brief(pause), count(len(pauses), "call"))
}

// below grades a time that is the worse the shorter it is.
func below(d time.Duration, f *finding) Grade {
	switch {
	case d < f.span("fail"):
		return Fail
	case d < f.span("warn"):
		return Warn
	}
	return Pass
}

// ownGaps gives the pauses that the client chose: none that the service asked for.
func ownGaps(c *call) []gap {
	var own []gap
	for _, g := range c.gaps() {
		if g.before.Attempt.Reply.RetryAfter == "" {
			own = append(own, g)
		}
	}
	return own
}

// lengths gives the pauses in seconds.
func lengths(gaps []gap) []float64 {
	all := make([]float64, len(gaps))
	for i, g := range gaps {
		all[i] = g.length.Seconds()
	}
	return all
}
