package http1

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// degrade changes the reply's body. What has no body, and what has no end, passes untouched, and the rule has not hit.
// It is over where the client gets an answer instead of a body that cannot be changed.
func (x *exchange) degrade(b faults.Body, d faults.Decision) step {
	r := &x.reply
	isHead := x.request.method == http.MethodHead
	if r.framing == forbidden && !isHead || !semantics.MayDegrade(r.status, r.value("Content-Type"), b) {
		x.plan.Withdraw()
		return proceed
	}
	var changed []byte
	var err error
	if !isHead {
		changed, err = x.changed(b)
	}
	switch {
	case err == nil:
	case b.Otherwise != nil && err != faults.ErrUnchanged:
		x.answer(*b.Otherwise, d)
		return over
	default:
		x.plan.Withdraw()
		return proceed
	}
	for _, name := range semantics.StaleAfterChange() {
		r.remove(name)
	}
	if !b.Edits() {
		r.remove("Content-Encoding")
		r.remove("Content-Range")
	}
	if isHead {
		r.remove("Content-Length") // of a body that this is not
	} else {
		x.replaceBody(changed)
	}
	x.record.Faulted = true
	if b.ContentType != "" {
		r.set("Content-Type", b.ContentType)
	}
	x.replyEdits = append(x.replyEdits, faults.Edit{Set: b.Header})
	x.mark(d)
	return proceed
}

// changed gives the new body. On an error the reply's body is as it was.
func (x *exchange) changed(b faults.Body) ([]byte, error) {
	var body []byte
	if b.Edits() {
		var err error
		if body, err = x.readBody(); err != nil {
			return nil, err
		}
	}
	err := errors.New("panic")
	var changed []byte
	x.shielded(func() { changed, err = b.Apply(x.reply.coding(), body) })
	if err != nil {
		x.download.replayed = body
	}
	return changed, err
}

// coding names the content codings of the body, as they are listed.
func (r *reply) coding() string { return strings.Join(r.Values("Content-Encoding"), ", ") }

var errTooLong = errors.New("too long")

// readBody reads a whole body and leaves it to be read once more, also when it is an error: too long, broken off, or not
// there within the proxy's timeout.
func (x *exchange) readBody() ([]byte, error) {
	if x.reply.length > faults.MaxDegradeBody {
		return nil, errTooLong
	}
	if x.unreadable != nil {
		return nil, x.unreadable
	}
	x.kept = append(x.kept, x.up.in.detach()) // the head's texts are in it
	x.headBy = time.Now().Add(time.Duration(x.settings.Config.Timeout))
	defer func() { x.headBy = time.Time{} }()
	var whole []byte
	for {
		data, err := x.download.next()
		if err == io.EOF {
			return whole, nil
		}
		whole = append(whole, data...)
		if err == nil && len(whole) > faults.MaxDegradeBody {
			err = errTooLong
		}
		if err != nil {
			x.download.replayed, x.unreadable = whole, err
			if expired(err) {
				x.download.broken = nil // it may yet come
			}
			return nil, err
		}
	}
}

// replaceBody gives the reply another body.
func (x *exchange) replaceBody(body []byte) {
	r := &x.reply
	x.download.replayed, x.download.replaced = body, true
	r.framing, r.length = sized, int64(len(body))
	r.remove("Transfer-Encoding")
	r.remove("Trailer")
	r.set("Content-Length", strconv.Itoa(len(body)))
	x.download.trailer.lines = nil
}
