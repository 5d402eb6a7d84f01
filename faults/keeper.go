package faults

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Keeper remembers one reply of the upstream's as it passes. It is handed the reply's fields first, then its body as it
// comes, before any fault changes that, and is told when the body was whole. End must be called when the exchange is over.
// A Keeper serves one goroutine at a time; a nil one wants nothing.
type Keeper struct {
	in     *Replies
	places []onShelf
	reply  reply
	isHead bool
	taken  int64 // of the replies' room, for what is on its way
	over   bool  // it is remembered, or given up
}

// onShelf is where the reply goes: to each rule that matches.
type onShelf struct {
	shelf *shelf
	key   replyKey
}

// Keeper gives what has to remember the reply, once the plan is in phase after; nil where that is none to be remembered, or
// where no rule wants it. A rule wants the reply to every request that it matches, whatever becomes of that.
func (p *Plan) Keeper(v *View) *Keeper {
	if len(p.set.recalling) == 0 || p.protected || !isGood(v) {
		return nil
	}
	vary, ok := variantOf(v)
	if !ok {
		return nil
	}
	var places []onShelf
	for _, r := range p.set.recalling {
		if r.remembers(v, p.body) {
			places = append(places, onShelf{r.recalling.shelf, r.replyKey(v)})
		}
	}
	if places == nil {
		return nil
	}
	k := &Keeper{in: places[0].shelf.of, places: places, isHead: v.Method == http.MethodHead}
	k.reply = reply{at: v.Now, vary: vary, room: perReply}
	if ages := fieldLines(v.ResponseHeader, "Age"); len(ages) > 0 {
		if age, err := strconv.ParseInt(ages[0], 10, 64); err == nil && age > 0 {
			k.reply.age = min(age, 1<<31) // as RFC 9111, 1.2.2 bounds it
		}
	}
	return k
}

// isGood reports whether a reply is one to be given again: to a method that changes nothing, whole, and for no one's
// session. What the reply says of caches is not asked: this is a fault.
func isGood(v *View) bool {
	isRead := v.Method == http.MethodGet || v.Method == http.MethodHead
	if !isRead || v.Status != http.StatusOK || len(fieldLines(v.ResponseHeader, "Set-Cookie")) > 0 {
		return false
	}
	lengths := fieldLines(v.ResponseHeader, "Content-Length")
	if len(lengths) == 0 || v.Method == http.MethodHead {
		return true
	}
	length, err := strconv.ParseInt(lengths[0], 10, 64)
	return err == nil && length <= MaxReply
}

// Field adds a line of the reply's header, which must be none of the connection's. What frames the body is left out.
func (k *Keeper) Field(name, value string) {
	switch {
	case strings.EqualFold(name, "Content-Length") && !k.isHead, strings.EqualFold(name, "Age"), strings.EqualFold(name, "Trailer"),
		strings.EqualFold(name, "Transfer-Encoding"), strings.EqualFold(name, "Upgrade"):
		return
	}
	k.reply.fields = append(k.reply.fields, Field{strings.Clone(name), strings.Clone(value)})
	k.reply.room += int64(len(name)+len(value)) + perField
}

// Add adds the next bytes of the body. It keeps a copy.
func (k *Keeper) Add(data []byte) {
	if k == nil || k.over {
		return
	}
	body := &k.reply.body
	if k.reply.room+int64(len(*body)+len(data)) > MaxReply {
		k.End()
		return
	}
	if need := len(*body) + len(data); need > cap(*body) {
		more := max(need, min(2*cap(*body), MaxReply)) - cap(*body)
		if !k.in.reserve(int64(more)) {
			k.End()
			return
		}
		k.taken += int64(more)
		*body = append(make([]byte, 0, cap(*body)+more), *body...)
	}
	*body = append(*body, data...)
}

// Wants reports whether more of the body would be remembered.
func (k *Keeper) Wants() bool { return k != nil && !k.over }

// Finish remembers the reply: all of its body has come.
func (k *Keeper) Finish() {
	if !k.Wants() {
		return
	}
	r := k.reply
	r.body = slices.Clone(r.body) // it may lie in more memory than it takes
	k.End()
	if r.room += int64(len(r.body)); r.room > MaxReply {
		return
	}
	for _, p := range k.places {
		own := r
		own.shelf, own.key = p.shelf, p.key
		k.in.put(&own)
	}
}

// End gives the reply up, unless it is remembered.
func (k *Keeper) End() {
	if !k.Wants() {
		return
	}
	k.over = true
	k.reply.body = nil
	k.in.release(k.taken)
}
