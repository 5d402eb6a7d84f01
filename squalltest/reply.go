package squalltest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// after carries out the rules of phase after on the upstream's reply, and gives what the client gets.
func (x *exchange) after(res *http.Response) (*http.Response, error) {
	x.view.Now, x.view.Status, x.view.ResponseHeader = time.Now(), res.StatusCode, res.Header
	x.plan.BeginAfter(&x.view)
	for {
		action, d := x.plan.Next(&x.view)
		var err error
		switch a := action.(type) {
		case nil:
			x.edit(res)
			return res, nil
		case faults.Wait:
			err = x.wait(d, a.For)
		case faults.Header:
			x.replyEdits = append(x.replyEdits, a.Response)
		case faults.Pieces:
			x.drip(res, a)
		case faults.Flip:
			x.corrupt(res, a, d)
		case faults.Trailer:
			x.changeTrailer(res, a)
		case faults.Body:
			if answer := x.degrade(res, a, d); answer != nil {
				discard(res)
				return x.answer(*answer, d, res), nil
			}
		case faults.Hold:
			err = x.hold(d, a.For)
		case faults.End:
			if a.Body {
				x.cutBody(res, a, d)
				continue
			}
			err = x.end(d, a.How, false)
		case faults.Answer:
			discard(res)
			return x.answer(a, d, res), nil
		}
		if err != nil {
			_ = res.Body.Close() // what is left of it is not wanted
			return nil, err
		}
	}
}

// discard reads the rest of a body that is not wanted if it is short, so that the connection can be used again.
func discard(res *http.Response) {
	const short = 32 << 10
	_, _ = io.CopyN(io.Discard, res.Body, short) // the connection is closed if it is longer
	_ = res.Body.Close()
}

// answer replies in the upstream's place; dropped is the reply that it replaces, nil if there is none.
func (x *exchange) answer(a faults.Answer, d faults.Decision, dropped *http.Response) *http.Response {
	if faults.IsGRPC(x.in.Header.Get("Content-Type")) {
		a = a.ForGRPC()
	}
	res := &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header), ContentLength: int64(len(a.Body)),
	}
	if dropped != nil {
		for name, values := range dropped.Header {
			if semantics.IsForOrigins(name) || a.KeepHeader && !semantics.IsAboutBody(name) {
				res.Header[name] = values
			}
		}
	}
	if a.ContentType != "" {
		res.Header.Set("Content-Type", a.ContentType)
	}
	for _, field := range a.Header {
		res.Header.Set(field.Name, field.Value)
	}
	x.edit(res)
	res.Header.Set(faults.AttributionHeader, faults.Attribution(d))
	res.Header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	res.Body = http.NoBody
	if x.view.Method != http.MethodHead {
		res.Body = io.NopCloser(bytes.NewReader(a.Body))
	}
	return res
}

// edit applies what rules change in the reply's header.
func (x *exchange) edit(res *http.Response) {
	for _, e := range x.replyEdits {
		edit(res.Header, e)
	}
}

func edit(h http.Header, e faults.Edit) {
	for _, name := range e.Remove {
		h.Del(name)
	}
	for _, field := range e.Set {
		h.Set(field.Name, field.Value)
	}
	for _, field := range e.Add {
		h.Add(field.Name, field.Value)
	}
}

// hasBody reports whether a reply to the request has a body (RFC 9112, 6.3).
func (x *exchange) hasBody(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusNotModified:
		return false
	}
	return x.view.Method != http.MethodHead
}

// lengthOf is how long a reply's body is; -1 where its end tells.
func (x *exchange) lengthOf(res *http.Response) int64 {
	if !x.hasBody(res) {
		return 0
	}
	return res.ContentLength
}

// drip has the reply's body go in pieces.
func (x *exchange) drip(res *http.Response, p faults.Pieces) {
	if !p.Splits(x.lengthOf(res)) {
		x.plan.Withdraw()
		return
	}
	x.slow().Cut(p)
}

// corrupt has bytes of the reply's body flipped.
func (x *exchange) corrupt(res *http.Response, f faults.Flip, d faults.Decision) {
	flipper := f.Of(x.lengthOf(res))
	if flipper == nil {
		x.plan.Withdraw()
		return
	}
	x.mark(d)
	res.Body = &readCloser{&semantics.Flipping{Reader: res.Body, Flipper: flipper}, res.Body}
}

// changeTrailer prepares to change the fields behind the reply's body, or withdraws the rule where there can be none.
func (x *exchange) changeTrailer(res *http.Response, t faults.Trailer) {
	if !x.hasBody(res) || len(t.Set) == 0 && !slices.Contains(res.TransferEncoding, "chunked") && res.ProtoMajor < 2 {
		x.plan.Withdraw()
		return
	}
	x.trailers = append(x.trailers, t)
}

func (x *exchange) editTrailer(res *http.Response) {
	for _, t := range x.trailers {
		for name := range res.Trailer {
			if t.Drops(name) {
				delete(res.Trailer, name)
			}
		}
		for _, set := range t.Set {
			if res.Trailer == nil {
				res.Trailer = make(http.Header)
			}
			res.Trailer.Set(set.Name, set.Value)
		}
	}
}

// cutBody has the reply's body end early, or withdraws the rule where nothing would be cut.
func (x *exchange) cutBody(res *http.Response, e faults.End, d faults.Decision) {
	bytes, ok := e.Cut(res.ContentLength)
	if !ok || !x.hasBody(res) {
		x.plan.Withdraw()
		return
	}
	x.mark(d)
	x.cut, x.cutBy, x.cutFrom = &e, d, bytes
}

// degrade changes the reply's body. What has no body, and what has no end, passes untouched, and the rule has not hit. The
// answer is what the client gets instead of a body that cannot be changed; nil lets the reply go on.
func (x *exchange) degrade(res *http.Response, b faults.Body, d faults.Decision) *faults.Answer {
	if !x.hasBody(res) || !semantics.MayDegrade(res.StatusCode, res.Header.Get("Content-Type"), b) {
		x.plan.Withdraw()
		return nil
	}
	body, err := changed(res, b)
	switch {
	case err == nil:
	case b.Otherwise != nil && err != faults.ErrUnchanged:
		return b.Otherwise
	default:
		x.plan.Withdraw()
		return nil
	}
	res.Body = &readCloser{bytes.NewReader(body), res.Body}
	res.ContentLength, res.TransferEncoding, res.Trailer = int64(len(body)), nil, nil
	for _, name := range semantics.StaleAfterChange() {
		res.Header.Del(name)
	}
	if !b.Edits() {
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Range")
	}
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if b.ContentType != "" {
		res.Header.Set("Content-Type", b.ContentType)
	}
	x.replyEdits = append(x.replyEdits, faults.Edit{Set: b.Header})
	x.mark(d)
	return nil
}

// changed gives the new body. On an error the reply's body is as it was.
func changed(res *http.Response, b faults.Body) ([]byte, error) {
	if !b.Edits() {
		return b.Apply("", nil)
	}
	if res.ContentLength > faults.MaxDegradeBody {
		return nil, errors.New("too long")
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, faults.MaxDegradeBody+1))
	res.Body = &readCloser{io.MultiReader(bytes.NewReader(body), res.Body), res.Body}
	if err != nil || len(body) > faults.MaxDegradeBody {
		return nil, errors.Join(err, errors.New("too long"))
	}
	return b.Apply(strings.Join(res.Header["Content-Encoding"], ", "), body)
}

// passReply hands the reply's body to the client, spaced and cut, and watches for its end.
func (x *exchange) passReply(res *http.Response) {
	x.editTrailer(res)
	if len(x.trailers) > 0 && len(res.Trailer) > 0 {
		res.ContentLength = -1 // fields stand behind chunks only
		res.Header.Del("Content-Length")
	}
	from := io.Reader(res.Body)
	if x.pacer != nil {
		from = x.paced(from, x.pacer)
	}
	if x.cut != nil {
		from = io.LimitReader(from, x.cutFrom)
	}
	res.Body = &replyBody{Reader: from, closer: res.Body, exchange: x, res: res}
}

// replyBody is the reply's body as the client reads it.
type replyBody struct {
	io.Reader
	closer   io.Closer
	exchange *exchange
	res      *http.Response
	closed   sync.Once
}

// errClosed ends what still reads a body that the client has closed.
var errClosed = errors.New("read on closed response body")

// Read reads the body. Where it is cut, the error is that of the ending.
func (b *replyBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		if x := b.exchange; x.cut != nil {
			err = x.end(x.cutBy, x.cut.How, true)
		} else {
			x.editTrailer(b.res)
		}
	}
	if err != nil {
		b.exchange.over()
	}
	return n, err
}

// Close closes the upstream's body; then the request is sent again where a fault wants that.
func (b *replyBody) Close() error {
	err := b.closer.Close()
	b.closed.Do(func() {
		b.exchange.over()
		b.exchange.repeat()
	})
	return err
}
