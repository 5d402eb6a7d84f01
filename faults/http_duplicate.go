package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Duplicate sends a request to the upstream again, as a queue that delivers at least once does: Times more, one after the
// other, once the first reply is through. The client sees that one; its next request on the same connection waits until
// the others are over, five seconds ([MaxRepeatTime]) at most: what is not through by then is dropped. They are not sent where the client leaves before it has its reply, and end where the proxy drains. A
// request that asks for an upgrade, or whose body is larger than 64 KiB ([MaxRepeatBody]) or did not reach the upstream whole, is
// not sent again, nor is one without a reply: the rule has not hit.
type Duplicate struct {
	Times int `json:"times"` // 1 to 100; absent in a document = 1
}

// MaxRepeatTime bounds the time that sending a request again takes, however often.
const MaxRepeatTime = 5 * time.Second

// maxTimes bounds how often a request is sent again.
const maxTimes = 100

func newDuplicate() Attributes { return &Duplicate{Times: 1} }

func (d *Duplicate) check(Phase) error {
	if d.Times < 1 || d.Times > maxTimes {
		return document.Errorf("times", "must be 1 to %d, got %d", maxTimes, d.Times)
	}
	return nil
}

func (d *Duplicate) decide(hit) Action { return Repeat{Times: d.Times} }
