package verdict

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfterDetectors look at what a client makes of Retry-After.
func retryAfterDetectors() []detector {
	return []detector{
		{
			id: "D7", name: "ignores Retry-After",
			needs:    "5 replies of status 429 or 503 with a Retry-After, in seconds or as a date",
			limits:   []Threshold{{"slack", 0.050, "s"}, {"date slack", 1, "s"}, {"replies", 5, "replies"}},
			evaluate: ignoresRetryAfter, mend: mendRetryAfter(),
		},
		{
			id: "D8", name: "herd when Retry-After ends",
			needs:    "20 retries behind a Retry-After",
			limits:   []Threshold{{"share", 0.5, ""}, {"within", 0.050, "s"}, {"retries", 20, "retries"}},
			evaluate: retryAfterHerd, mend: mendRetryAfterHerd(),
		},
		{
			id: "D9", name: "believes an absurd Retry-After", beyond: true,
			needs:    "3 replies with a Retry-After of an hour or more, and the caller's side",
			limits:   []Threshold{{"absurd", 3600, "s"}, {"wait", 60, "s"}, {"replies", 3, "replies"}},
			evaluate: believesRetryAfter, mend: mendAbsurdRetryAfter(),
		},
	}
}

// asked is a Retry-After: until when a client was asked to stay away.
type asked struct {
	until time.Time
	date  bool // it named a date
}

// retryAfter reads an attempt's Retry-After (RFC 9110, 10.2.3), which counts from when the head had come. It is false
// without one, and where it is neither a number nor a date.
func (a *attempt) retryAfter() (asked, bool) {
	field := strings.TrimSpace(a.Attempt.Reply.RetryAfter)
	if field == "" || a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable {
		return asked{}, false
	}
	if n, err := strconv.ParseUint(field, 10, 31); err == nil {
		return asked{a.head().Add(time.Duration(n) * time.Second), false}, true
	}
	if date, err := http.ParseTime(field); err == nil {
		return asked{date, true}, true
	}
	return asked{}, false
}

// ignoresRetryAfter counts the retries that came before they were asked for, by form.
func ignoresRetryAfter(s *scene, f *finding) {
	forms := map[bool]*struct{ replies, early, retried int }{false: {}, true: {}}
	unsure := 0
	for _, a := range s.attempts {
		ask, ok := a.retryAfter()
		if !ok {
			continue
		}
		if a.call.unsure {
			unsure++
			continue
		}
		form := forms[ask.date]
		form.replies++
		next := a.next()
		if next == nil {
			continue
		}
		form.retried++
		slack := f.span("slack")
		if ask.date {
			slack = f.span("date slack")
		}
		if next.begin.Before(ask.until.Add(-slack)) {
			form.early++
			f.show(a, next)
		}
	}
	plain, date := forms[false], forms[true]
	f.figure("replies with seconds", float64(plain.replies), "")
	f.figure("retries before them", float64(plain.early), "")
	f.figure("replies with a date", float64(date.replies), "")
	f.figure("retries before that", float64(date.early), "")
	replies := plain.replies + date.replies
	switch {
	case plain.early+date.early > 0:
		f.fail("%d of %d retries came before the seconds were over that the service had asked for, %d of %d before the date",
			plain.early, plain.retried, date.early, date.retried)
	case share(unsure, unsure+replies) > s.limits.of(linking, "unsure"):
		f.inconclusive("requests look alike, so that retries cannot be told from new calls")
	case !f.enough(replies, "replies"):
		f.inconclusive("%s with a Retry-After, %s needed", count(replies, "reply"), number(f.limit("replies")))
	default:
		f.pass("of %s none came before it was asked for (%s in seconds, %d with a date)",
			count(plain.retried+date.retried, "retry"), count(plain.replies, "reply"), date.replies)
	}
}

// next is the attempt that the client made of its call when it had seen a's reply, and that net/http did not make by itself; nil if
// there is none. A hedge that was under way already is not.
func (a *attempt) next() *attempt {
	for _, later := range a.call.attempts[a.nth:] {
		if !later.transparent && !later.begin.Before(a.head()) {
			return later
		}
	}
	return nil
}

// retryAfterHerd looks at whether retries come just when they may.
func retryAfterHerd(s *scene, f *finding) {
	retries, prompt := 0, 0
	for _, a := range s.attempts {
		ask, ok := a.retryAfter()
		if !ok || a.call.unsure || a.next() == nil {
			continue
		}
		late := a.next().begin.Sub(ask.until)
		if late < -f.span("within") {
			continue // D7's
		}
		retries++
		if late <= f.span("within") {
			prompt++
			f.show(a.next())
		}
	}
	part := share(prompt, retries)
	f.figure("share that came at once", part, "")
	switch {
	case !f.enough(retries, "retries"):
		f.inconclusive("%s behind a Retry-After, %s needed", count(retries, "retry"), number(f.limit("retries")))
	case part > f.limit("share"):
		f.warn("%s of the retries came within %s of the end of Retry-After: all who were sent away come back at once",
			percent(part), brief(f.span("within")))
	default:
		f.pass("%s of the retries came within %s of the end of Retry-After", percent(part), brief(f.span("within")))
	}
}

// believesRetryAfter looks at whether callers wait while the client sits an absurd Retry-After out.
func believesRetryAfter(s *scene, f *finding) {
	if !s.tapped {
		f.inconclusive("only the caller's side shows whether a client still waits: let its callers go through a proxy, too")
		return
	}
	waiting, looked, longest := 0, 0, time.Duration(0)
	for _, a := range s.attempts {
		ask, ok := a.retryAfter()
		if !ok || ask.until.Sub(a.end) < f.span("absurd") {
			continue
		}
		waited, known := s.waited(a)
		if !known {
			continue
		}
		looked++
		longest = max(longest, waited)
		if waited > f.span("wait")-overlap && a.next() == nil { // squall itself gives a client up after 60 s
			waiting++
			f.show(a)
		}
	}
	f.measured("longest wait of a caller", longest)
	switch {
	case waiting > 0:
		f.fail("%s waited for up to %s because a reply asked for a pause of an hour or more", count(waiting, "caller"), brief(longest))
	case !f.enough(looked, "replies"):
		f.inconclusive("%s with a Retry-After of an hour or more whose callers are known, %s needed", count(looked, "reply"), number(f.limit("replies")))
	default:
		f.pass("a Retry-After of an hour or more kept no caller waiting: %s at most", brief(longest))
	}
}

// soon is how soon behind its caller's request a client makes its call.
const soon = time.Second

// waited is how long the attempt's caller waited behind its end; false where the caller is not known. One of whom there is no
// record yet still waits.
func (s *scene) waited(a *attempt) (time.Duration, bool) {
	if owner := s.owners[a.call]; owner != nil {
		return owner.end.Sub(a.end), true
	}
	begin := a.call.first().begin
	i := countUntil(s.waiting, 0, begin)
	return s.now.Sub(a.end), i > 0 && begin.Sub(s.waiting[i-1]) <= soon
}
