package nethttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// degrade changes the reply's body. What has no body, and what has no end, passes untouched, and the rule has
// not hit. The answer is what the client gets instead of a body that cannot be changed; nil lets the reply go on.
func (x *exchange) degrade(res *http.Response, b faults.Body, d faults.Decision) *faults.Answer {
	isHead := x.in.Method == http.MethodHead
	if !semantics.MayDegrade(res.StatusCode, res.Header.Get("Content-Type"), b) {
		x.plan.Withdraw()
		return nil
	}
	var changed []byte
	var err error
	if !isHead {
		changed, err = x.changed(res, b)
	}
	switch {
	case err == nil:
	case b.Otherwise != nil && err != faults.ErrUnchanged:
		return b.Otherwise
	default:
		x.plan.Withdraw()
		return nil
	}
	for _, name := range semantics.StaleAfterChange() {
		res.Header.Del(name)
	}
	if !b.Edits() {
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Range")
	}
	if isHead {
		res.Header.Del("Content-Length") // of a body that this is not
	} else {
		setBody(res, changed)
	}
	x.record.Faulted = true
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
	if b.Edits() {
		var err error
		if body, err = x.readBody(res, faults.MaxDegradeBody); err != nil {
			return nil, err
		}
	} else {
		discard(res)
		_ = res.Body.Close() // what is left of it is not wanted
	}
	err := errors.New("panic")
	coding := strings.Join(res.Header["Content-Encoding"], ", ")
	x.shielded(func() { body, err = b.Apply(coding, body) })
	return body, err
}

var (
	errTooLong = errors.New("too long")
	errTooSlow = errors.New("not whole within the timeout")
)

// readBody reads a whole body, of so many bytes at most, and leaves it to be read once more, also when it is an error: too
// long, broken off, or not there within the proxy's timeout.
func (x *exchange) readBody(res *http.Response, most int) ([]byte, error) {
	if res.ContentLength > int64(most) {
		return nil, errTooLong
	}
	if x.unreadable != nil {
		return nil, x.unreadable
	}
	timeout := time.NewTimer(time.Duration(x.settings.Config.Timeout))
	defer timeout.Stop()
	if x.ahead == nil {
		x.ahead = &readAhead{over: make(chan struct{})}
	}
	rest := x.ahead.start(res.Body)
	var whole []byte
	for x.unreadable == nil && rest.err == nil {
		select {
		case p := <-rest.pieces:
			whole, rest.err = append(whole, p.data...), p.err
			if rest.err != io.EOF {
				x.unreadable = rest.err
			}
			if len(whole) > most {
				x.unreadable = errTooLong
			}
		case <-timeout.C:
			x.unreadable = errTooSlow
		}
	}
	res.Body = &replayed{Reader: io.MultiReader(bytes.NewReader(whole), rest), Closer: res.Body}
	return whole, x.unreadable
}

// readAhead reads bodies on goroutines of its own: a read cannot be ended and gone on with later.
type readAhead struct {
	running sync.WaitGroup
	over    chan struct{} // closed when nobody waits for a piece any more
}

func (a *readAhead) start(body io.Reader) *pieceReader {
	pieces := make(chan piece)
	a.running.Go(func() { readPieces(body, pieces, a.over) })
	return &pieceReader{pieces: pieces}
}

// stop ends the reading of bodies that are closed. a may be nil.
func (a *readAhead) stop() {
	if a != nil {
		close(a.over)
		a.running.Wait()
	}
}

// piece is a part of a body that is read ahead, or its end.
type piece struct {
	data []byte
	err  error
}

// readPieces reads a body until its end, or until nobody waits for a piece any more.
func readPieces(body io.Reader, pieces chan<- piece, over <-chan struct{}) {
	for {
		buffer := make([]byte, bufferSize)
		n, err := body.Read(buffer)
		select {
		case pieces <- piece{buffer[:n], err}:
		case <-over:
			return
		}
		if err != nil {
			return
		}
	}
}

// pieceReader reads on in what readPieces reads.
type pieceReader struct {
	pieces <-chan piece
	data   []byte
	err    error
}

// Read waits for the next piece.
func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 && r.err == nil {
		next := <-r.pieces
		r.data, r.err = next.data, next.err
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	if n == 0 {
		return 0, r.err
	}
	return n, nil
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
}
