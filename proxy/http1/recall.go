package http1

import (
	"net/http"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// keepReply has the upstream's reply remembered as it comes, if a rule wants that. Of a body that ends with its connection
// nobody knows whether it is whole.
func (x *exchange) keepReply() {
	k, r := x.plan.Keeper(&x.view), &x.reply
	if k == nil || r.framing == untilEnd || semantics.IsStream(r.value("Content-Type")) {
		return
	}
	_, hasConnection := r.get(connection)
	for _, line := range r.lines {
		if !isHopByHop(line.id) && !(hasConnection && r.lists(connection, line.name)) {
			k.Field(line.name, line.value)
		}
	}
	x.download.keeper = k
}

// recall gives the client a reply of before. It is over where the client gets an answer, because there is none.
func (x *exchange) recall(a faults.Recall, d faults.Decision) step {
	r := &x.reply
	isHead := x.request.method == http.MethodHead
	if r.framing == forbidden && !isHead || !semantics.MayDegrade(r.status, r.value("Content-Type"), faults.Body{}) {
		x.plan.Withdraw()
		return proceed
	}
	x.readForKeeper()
	if a.Otherwise != nil {
		x.answer(*a.Otherwise, d)
		return over
	}
	r.status, r.reason = http.StatusOK, http.StatusText(http.StatusOK)
	r.lines = r.lines[:0]
	for _, field := range a.Header {
		r.add(field.Name, field.Value)
	}
	if !isHead {
		x.replaceBody(a.Body)
	}
	x.unreadable, x.view.Status = nil, r.status
	x.record.Faulted = true
	x.replyEdits = append(x.replyEdits, faults.Edit{Set: a.Set})
	x.mark(d)
	return proceed
}

// readForKeeper reads the reply that is not shown, as far as it is to be remembered and comes within the proxy's timeout.
func (x *exchange) readForKeeper() {
	if x.unreadable != nil {
		return
	}
	x.kept = append(x.kept, x.up.in.detach()) // the head's texts are in it
	x.headBy = time.Now().Add(time.Duration(x.settings.Config.Timeout))
	defer func() { x.headBy = time.Time{} }()
	for x.download.keeper.Wants() && !x.download.over {
		if _, err := x.download.read(); err != nil {
			return
		}
	}
}
