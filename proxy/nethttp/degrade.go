package nethttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// degrade changes the reply's body. What has no body, and what has no end, passes untouched, and the rule has
// not hit. The answer is what the client gets instead of a body that cannot be changed; nil lets the reply go on.
func (x *exchange) degrade(res *http.Response, b faults.Body, d faults.Decision) *faults.Answer {
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols, res.StatusCode == http.StatusNoContent,
		res.StatusCode == http.StatusNotModified, semantics.IsStream(res.Header.Get("Content-Type")):
		x.plan.Withdraw()
		return nil
	case x.in.Method == http.MethodHead:
		res.Header.Del("Content-Length") // of a body that this is not
	default:
		body, err := x.changed(res, b)
		if err != nil {
			if b.Otherwise == nil {
				x.plan.Withdraw()
			}
			return b.Otherwise
		}
		setBody(res, body)
	}
	x.record.Faulted = true
	for _, name := range semantics.StaleAfterChange() {
		res.Header.Del(name)
	}
	if b.ContentType != "" {
		res.Header.Set("Content-Type", b.ContentType)
	}
	x.replyEdits = append(x.replyEdits, faults.Edit{Set: b.Header})
	x.mark(d)
	return nil
}

// changed gives the new body. On an error the reply's body is as it was.
func (x *exchange) changed(res *http.Response, b faults.Body) ([]byte, error) {
	var body []byte
	if b.Merge == nil {
		discard(res)
		_ = res.Body.Close() // what is left of it is not wanted
	} else {
		var err error
		if body, err = readBody(res); err != nil {
			return nil, err
		}
	}
	err := errors.New("panic")
	x.shielded(func() { body, err = b.Apply(body) })
	return body, err
}

// readBody reads a whole body and leaves it to be read once more, also when it is an error: too long, encoded, partial,
// or broken off.
func readBody(res *http.Response) ([]byte, error) {
	encoding := res.Header.Get("Content-Encoding")
	switch {
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return nil, fmt.Errorf("encoded as %s", encoding)
	case res.StatusCode == http.StatusPartialContent:
		return nil, errors.New("a part of a body")
	case res.ContentLength > faults.MaxDegradeBody:
		return nil, errors.New("too long")
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, faults.MaxDegradeBody+1))
	res.Body = &replayed{Reader: io.MultiReader(bytes.NewReader(body), res.Body), Closer: res.Body}
	if err == nil && len(body) > faults.MaxDegradeBody {
		err = errors.New("too long")
	}
	return body, err
}

// replayed is a body whose first bytes were read already.
type replayed struct {
	io.Reader
	io.Closer
}

// setBody gives a reply another body.
func setBody(res *http.Response, body []byte) {
	res.Body = &replayed{Reader: bytes.NewReader(body), Closer: res.Body}
	res.ContentLength, res.TransferEncoding, res.Trailer = int64(len(body)), nil, nil
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	res.Header.Del("Content-Encoding")
	res.Header.Del("Content-Range")
}
