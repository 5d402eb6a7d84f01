package verdict

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// attempt is one exchange, as a verdict looks at it.
type attempt struct {
	*proxy.Exchange
	client     string // its address without the port
	begin, end time.Time

	call        *call
	nth         int  // in its call, from 1
	joined      Rule // by which it is a part of the call; "" = it is the first
	transparent bool // a repetition that net/http makes by itself, which is no retry
	hedge       bool // begun while the one before it in the call was still under way
}

// attemptsOf makes attempts of the latest exchanges with a request, in the order of their begins.
func attemptsOf(exchanges []proxy.Exchange) (all []*attempt, leftOut int) {
	for i := range exchanges {
		e := &exchanges[i]
		if e.Method == "" { // a handshake
			continue
		}
		all = append(all, &attempt{Exchange: e, client: hostOf(e.Client), begin: e.At, end: e.At.Add(e.Duration)})
	}
	slices.SortStableFunc(all, func(a, b *attempt) int {
		return cmp.Or(a.begin.Compare(b.begin), cmp.Compare(a.ID, b.ID))
	})
	leftOut = max(0, len(all)-MaxRecords)
	return all[leftOut:], leftOut
}

// hostOf is an address without its port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// left reports whether the client gave the attempt up before its reply was through.
func (a *attempt) left() bool {
	return a.Outcome == proxy.ClientLeft || a.Attempt.ClosedBy == proxy.ByClient && a.Status == 0
}

// cut reports whether the attempt ended without a whole reply, and not by the client.
func (a *attempt) cut() bool {
	return !a.left() && (a.Status == 0 || a.Attempt.ClosedBy == proxy.ByProxy && a.Outcome != proxy.OK)
}

// refused reports whether the reply says that it may go better another time.
func (a *attempt) refused() bool {
	return a.Status >= http.StatusInternalServerError || a.Status == http.StatusTooManyRequests
}

// permanent reports whether the reply says that it will not go better another time.
func (a *attempt) permanent() bool {
	switch a.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return true
	}
	return false
}

// failed reports whether the service failed the client.
func (a *attempt) failed() bool { return a.cut() || a.refused() }

// ok reports whether the client got a whole reply that is none of these.
func (a *attempt) ok() bool { return !a.left() && !a.failed() && !a.permanent() }

// head is when the reply's head had come to the client: the end, if none did.
func (a *attempt) head() time.Time {
	if a.Attempt.FirstByte > 0 {
		return a.begin.Add(a.Attempt.FirstByte)
	}
	return a.end
}

// touched reports whether a fault of ours had a hand in the attempt.
func (a *attempt) touched() bool { return a.Delayed || a.Faulted || a.Outcome == proxy.Injected }

// span is a part of time, its end excluded.
type span struct{ begin, end time.Time }

func (s span) has(t time.Time) bool  { return !t.Before(s.begin) && t.Before(s.end) }
func (s span) length() time.Duration { return s.end.Sub(s.begin) }

// part is one of so many equal parts.
func (s span) part(i, of int) span {
	step := s.length() / time.Duration(of)
	return span{s.begin.Add(step * time.Duration(i)), s.begin.Add(step * time.Duration(i+1))}
}

// maxWindows bounds the windows that a span is looked at in: of seconds, those of a week.
const maxWindows = 7 * 24 * 60 * 60

// windows parts the span into whole ones of a length, the first maxWindows of them.
func (s span) windows(length time.Duration) []span {
	n := min(maxWindows, int(s.length()/max(length, time.Second)))
	all := make([]span, max(0, n))
	for i := range all {
		from := s.begin.Add(time.Duration(i) * max(length, time.Second))
		all[i] = span{from, from.Add(max(length, time.Second))}
	}
	return all
}

// begunIn gives the attempts that began in a span: all are in the order of their begins.
func begunIn(all []*attempt, s span) []*attempt {
	return all[firstFrom(all, s.begin):firstFrom(all, s.end)]
}

// firstFrom is the index of the first attempt that began at t or later.
func firstFrom(all []*attempt, t time.Time) int {
	i, _ := slices.BinarySearchFunc(all, t, func(a *attempt, t time.Time) int { return a.begin.Compare(t) })
	for i > 0 && !all[i-1].begin.Before(t) {
		i--
	}
	return i
}
