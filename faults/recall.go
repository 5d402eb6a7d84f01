package faults

import (
	"net/http"
	"time"
)

// recalling is what a rule has that gives replies again.
type recalling struct {
	shelf         *shelf // nil = the rule does not
	match, except *matcher
}

// compileRecalling prepares a rule that gives replies again. Conditions on the reply say which ones it takes the place of, and
// not which ones it remembers: else one that stands in for a 500 would have nothing to give.
func (r *rule) compileRecalling(in *Replies) (err error) {
	r.recalling = recalling{in.shelf(r.counter), r.match, r.except}
	if m := r.Match; m != nil && m.Response != nil {
		request := *m
		request.Response = nil
		if r.recalling.match, err = request.compile(); err != nil {
			return err
		}
	}
	if r.Except != nil && r.Except.Response != nil {
		r.recalling.except = nil
	}
	return nil
}

// remembers reports whether a rule wants the reply to a request.
func (r *rule) remembers(v *View, body []byte) bool {
	m := r.recalling
	return !r.over(v.Now) && (m.match == nil || m.match.match(v, body)) && !(m.except != nil && m.except.match(v, body))
}

// recalls reports whether a rule that gives replies again has something to do to an exchange, and finds the reply.
func (r *rule) recalls(v *View, said *verdict) bool {
	if v.Method != http.MethodGet && v.Method != http.MethodHead {
		return false
	}
	d := r.Attributes.(*Degrade)
	said.reply = r.recalling.shelf.find(r.replyKey(v), v.Now.Add(-time.Duration(*d.Stale)), v)
	return said.reply != nil || d.Otherwise == "abort"
}
