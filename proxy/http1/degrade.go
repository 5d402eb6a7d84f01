package http1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// degrade changes the reply's body. What has no body, and what has no end, passes untouched, and the rule has not hit.
// It is over where the client gets an answer instead of a body that cannot be changed.
func (x *exchange) degrade(b faults.Body, d faults.Decision) step {
	r := &x.reply
	switch {
	case r.framing == forbidden && x.request.method != http.MethodHead, r.status == http.StatusNoContent,
		r.status == http.StatusNotModified, r.status == http.StatusSwitchingProtocols,
		semantics.IsStream(r.value("Content-Type")):
		x.plan.Withdraw()
		return proceed
	case x.request.method == http.MethodHead:
		r.remove("Content-Length") // of a body that this is not
	default:
		body, err := x.changed(b)
		switch {
		case err == nil:
			x.replaceBody(body)
		case b.Otherwise != nil:
			x.answer(*b.Otherwise, d)
			return over
		default:
			x.plan.Withdraw()
			return proceed
		}
	}
	x.record.Faulted = true
	for _, name := range semantics.StaleAfterChange() {
		r.remove(name)
	}
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
	if b.Merge != nil {
		var err error
		if body, err = x.readBody(); err != nil {
			return nil, err
		}
	}
	err := errors.New("panic")
	var changed []byte
	x.shielded(func() { changed, err = b.Apply(body) })
	if err != nil {
		x.download.replayed = body
	}
	return changed, err
}

// readBody reads a whole body and leaves it to be read once more, also when it is an error: too long, encoded, partial,
// or broken off.
func (x *exchange) readBody() ([]byte, error) {
	encoding := x.reply.value("Content-Encoding")
	switch {
	case encoding != "" && !equalFold(encoding, "identity"):
		return nil, fmt.Errorf("encoded as %s", encoding)
	case x.reply.status == http.StatusPartialContent:
		return nil, errors.New("a part of a body")
	case x.reply.length > faults.MaxDegradeBody:
		return nil, errors.New("too long")
	}
	x.kept = append(x.kept, x.up.in.detach()) // the head's texts are in it
	var whole []byte
	for {
		data, err := x.download.next()
		if err == io.EOF {
			return whole, nil
		}
		whole = append(whole, data...)
		if err == nil && len(whole) > faults.MaxDegradeBody {
			err = errors.New("too long")
		}
		if err != nil {
			x.download.replayed = whole
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
	r.remove("Content-Encoding")
	r.remove("Content-Range")
	r.set("Content-Length", strconv.Itoa(len(body)))
	x.download.trailer.lines = nil
}
