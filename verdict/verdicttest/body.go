package verdicttest

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/squall-proxy/squall/proxy"
)

// response makes a response of an answer.
func response(req *http.Request, a Answer, body io.ReadCloser) *http.Response {
	header := a.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		Status: http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: int64(len(a.Body)), Request: req,
	}
}

// whole is a body that went out at once. Its connection is idle again when it was read to the end, is closed when it was
// closed before, and else stays open.
type whole struct {
	tap  *Tap
	x    *exchange // nil when the connection was given back
	rest string
}

func (b *whole) Read(p []byte) (int, error) {
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	if b.rest != "" || n == len(p) && n > 0 {
		return n, nil
	}
	b.release(true)
	return n, io.EOF
}

func (b *whole) Close() error {
	b.release(b.rest == "" && b.x == nil)
	return nil
}

func (b *whole) release(read bool) {
	if b.x != nil {
		b.tap.release(b.x.conn, read)
		b.x = nil
	}
}

// slow is a body that is under way.
type slow struct {
	*io.PipeReader
	left func() // tells the service that nobody reads any more
}

func (b slow) Close() error {
	b.left()
	return b.PipeReader.Close()
}

// serve begins to send a body that takes time.
func (t *Tap) serve(ctx context.Context, x *exchange, a Answer) io.ReadCloser {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	t.serving.Add(1)
	go t.send(ctx, x, a, w)
	return slow{r, sync.OnceFunc(cancel)}
}

// send sends a body, and records the exchange when it is over.
func (t *Tap) send(ctx context.Context, x *exchange, a Answer, w *io.PipeWriter) {
	defer t.serving.Done()
	sent := sleep(ctx, a.Stall)
	for i := 0; sent && i < len(a.Body); i++ {
		sent = sleep(ctx, a.Drip)
		if sent {
			if _, err := io.WriteString(w, a.Body[i:i+1]); err != nil {
				sent = false
				break
			}
			x.ResponseBytes++
		}
	}
	if !sent {
		t.end(x, proxy.ByClient)
		w.CloseWithError(context.Cause(ctx))
		return
	}
	t.end(x, "")
	t.release(x.conn, true)
	w.Close()
}
