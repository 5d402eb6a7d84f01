package client

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	drainBytes = 64 << 10               // of a discarded body; a longer one costs more than a new connection
	drainTime  = 100 * time.Millisecond // and so does a slow one
)

// bufferedBody is an answer's body that has arrived whole. Its bytes are never changed: they may be shared with the
// last-good store.
type bufferedBody struct {
	bytes.Reader
	data []byte
}

func newBufferedBody(data []byte) *bufferedBody {
	b := &bufferedBody{data: data}
	b.Reset(data)
	return b
}

func (b *bufferedBody) Close() error { return nil }

// streamBody is an answer's body that still arrives under ctx. end runs once it has been read to its end, or closed.
type streamBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	end    func()
	once   sync.Once
}

// then has f called behind end.
func (b *streamBody) then(f func()) {
	end := b.end
	b.end = func() {
		end()
		f()
	}
}

func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.once.Do(b.end)
	case err != nil:
		err = because(b.ctx, err)
	}
	return n, err
}

func (b *streamBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.end)
	return err
}

func (b *streamBody) giveUp() { b.cancel(nil) }

// startedBody is a stream whose first bytes were read already, and turned out to be more than is buffered.
type startedBody struct {
	io.Reader
	io.Closer
}

// readUpTo reads r to its end, or until it has read more than limit bytes. size is the expected length, -1 if unknown.
func readUpTo(r io.Reader, size, limit int64) ([]byte, error) {
	if size < 0 {
		size = 4095
	}
	buf := make([]byte, 0, min(size, limit)+1) // the spare byte lets the last Read see EOF
	for int64(len(buf)) <= limit {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		room := min(int64(cap(buf)), limit+1)
		n, err := r.Read(buf[len(buf):room])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// discard drains and closes the body of an answer that nobody will read, so that its connection can be used again.
func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	body, streams := resp.Body.(*streamBody)
	if streams && resp.ContentLength <= drainBytes {
		timer := time.AfterFunc(drainTime, body.giveUp)
		_, _ = io.CopyN(io.Discard, body, drainBytes+1) // one more, to see the end; any error is nobody's concern now
		timer.Stop()
	}
	closeBody(resp.Body)
}

func closeBody(body io.Closer) {
	if body != nil {
		_ = body.Close()
	}
}
