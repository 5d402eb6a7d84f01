package verdict

import (
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// Rule is how an attempt was found to belong to a call.
type Rule string

// The rules, the surest first.
const (
	ByID        Rule = "id"        // the client named the call: an id that repeats
	ByNumber    Rule = "number"    // the client said which attempt it is
	ByHeuristic Rule = "heuristic" // an equal request after a failed one
)

// call is a logical call: attempts for one purpose.
type call struct {
	attempts []*attempt // in the order of their begins
	until    time.Time  // the latest of their ends
	hedges   int        // attempts begun while another was under way
	unsure   bool       // an equal request may or may not be a part of it: nothing is made of such a call
}

func (c *call) first() *attempt { return c.attempts[0] }
func (c *call) last() *attempt  { return c.attempts[len(c.attempts)-1] }

// overlap is for how long an attempt that the client gave up may seem to be under way: until its end was noticed. So may one
// that has failed: whoever gets the last of a reply may be back before the proxy has closed its record.
const overlap = 50 * time.Millisecond

// add takes an attempt in.
func (c *call) add(a *attempt, by Rule) {
	if len(c.attempts) > 0 {
		a.transparent = transparent(c, a)
		a.hedge = c.until.After(a.begin) && !answered(c.last(), a) && (c.last().ok() || c.until.Sub(a.begin) > overlap || outrun(c.last(), a))
		a.joined = by
		if a.hedge {
			c.hedges++
		}
	}
	c.attempts = append(c.attempts, a)
	a.call, a.nth = c, len(c.attempts)
	if a.end.After(c.until) {
		c.until = a.end
	}
}

// answered reports whether the client had seen before fail when it made a: that the record of before was closed later, by however
// much a busy machine takes, does not make a hedge of a.
func answered(before, a *attempt) bool {
	return before.refused() && before.Attempt.FirstByte > 0 && !a.begin.Before(before.head())
}

// outrun reports whether the client gave before up because a had brought it a reply: however soon that came, it had asked for a
// second one while it waited for the first. Of what is not safe this is not believed: the end of one that was given up, and
// repeated at once, may be noticed behind the reply.
func outrun(before, a *attempt) bool {
	return before.left() && a.ok() && !a.unsafe() && !a.head().After(before.end)
}

// repeats gives the attempts behind the first, those that net/http makes by itself left out.
func (c *call) repeats() []*attempt {
	var all []*attempt
	for _, a := range c.attempts[1:] {
		if !a.transparent {
			all = append(all, a)
		}
	}
	return all
}

// count is how many attempts the client's owner would count.
func (c *call) count() int { return 1 + len(c.repeats()) }

// gap is a pause that the client made: from the end of one attempt to the begin of the next.
type gap struct {
	before, after *attempt
	index         int // which of the call, from 1
	length        time.Duration
}

// gaps gives the pauses before retries: none before hedges and what net/http repeats by itself.
func (c *call) gaps() []gap {
	var all []gap
	for i, a := range c.attempts[1:] {
		before := c.attempts[i]
		if a.transparent || a.hedge {
			continue
		}
		all = append(all, gap{before, a, len(all) + 1, a.begin.Sub(before.end)})
	}
	return all
}

// transparentWithin is how soon net/http repeats a request on its own.
const transparentWithin = 5 * time.Millisecond

// transparent reports whether a, about to join the call, is what net/http's Transport does by itself: a request whose
// connection, one that had been used before, ended without a byte of reply is sent again at once; as often as it finds such a
// connection.
func transparent(c *call, a *attempt) bool {
	before := c.last()
	return before.cut() && before.Status == 0 && before.Attempt.Nth > 1 &&
		before.Attempt.FirstByte == 0 && sameRequest(before, a) &&
		a.begin.Sub(before.end) <= transparentWithin && before.end.Sub(a.begin) <= overlap
}

// sameRequest reports whether two attempts are of the same bytes, as far as they were read.
func sameRequest(a, b *attempt) bool {
	return a.Method == b.Method && a.Attempt.Target == b.Attempt.Target &&
		(a.Attempt.Body == b.Attempt.Body || a.Attempt.RequestEnd == 0)
}

// inherited are the header fields whose ids a client may make anew for every attempt, or hand on from its own caller: that
// they repeat joins attempts, that they differ parts none.
func inherited(field string) bool {
	switch field {
	case "X-Request-Id", "Traceparent", "Idempotency-Key", "X-Idempotency-Key":
		return true
	}
	return false
}

// keyed reports whether the attempt names its call by an id that is another one for every call.
func keyed(a *attempt) bool {
	return a.Attempt.Call != 0 && !inherited(a.Attempt.CallBy)
}

// idOf is what attempts have in common that name their call.
type idOf struct {
	by, method   string
	call, target uint64
}

// named gives an attempt's id; false if it has none.
func named(a *proxy.Exchange) (idOf, bool) {
	return idOf{a.Attempt.CallBy, a.Method, a.Attempt.Call, a.Attempt.Target}, a.Attempt.Call != 0
}
