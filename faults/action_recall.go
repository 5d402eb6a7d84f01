package faults

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// Recall gives the client, in place of the upstream's reply, one of status 200 that came before. The executor first reads as
// much of the upstream's as its [Keeper] wants. It withdraws the rule (see [Plan.Withdraw]) where there is no whole body to
// put another one in the place of, as for a [Body].
type Recall struct {
	Header []Field // all of it, but for the length of the body; to HEAD with the length that a body would have
	Body   []byte
	Set    []Field // set on the reply besides

	Otherwise *Answer // when not nil, the answer instead: there is none to give
}

func (Recall) action() {}

// recall gives a reply with its age (RFC 9111, 5.1).
func (r *reply) recall(now time.Time) Recall {
	age := Field{"Age", strconv.FormatInt(r.age+int64(now.Sub(r.at)/time.Second), 10)}
	return Recall{Header: append(slices.Clone(r.fields), age), Body: bytes.Clone(r.body)}
}
