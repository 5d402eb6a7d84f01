package nethttp

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// arriving is a request's body as it is read from the client: it hashes what comes, and notes when all of it was there.
// Its reader may outlive the exchange by a moment.
type arriving struct {
	io.ReadCloser
	begun  time.Time // when the exchange was
	marked bool      // whether it is to be hashed

	mu   sync.Mutex // guards what follows
	hash semantics.BodyHash
	took time.Duration // until the end was read; 0 = it was not
}

// Read reads from the client.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.marked {
		a.hash.Add(p[:n])
	}
	if err == io.EOF && a.took == 0 {
		a.took = max(time.Since(a.begun), 1)
	}
	return n, err
}

// noteRequest notes what a request shows of the client that made it.
func (x *exchange) noteRequest() {
	if x.marked {
		x.noteCall()
	}
	if x.in.ContentLength == 0 {
		x.record.Attempt.RequestEnd = 1
		return
	}
	x.arriving = &arriving{ReadCloser: x.in.Body, begun: x.record.At, marked: x.marked}
	x.in.Body = x.arriving
}

// noteCall notes what the request is for, and which call it is an attempt of.
func (x *exchange) noteCall() {
	call := semantics.Call{Header: x.server.proxy.CallHeader()}
	for name, values := range x.in.Header {
		for _, value := range values {
			call.Field(name, value)
		}
	}
	call.Note(&x.record.Attempt)
	target := x.in.RequestURI
	if x.in.URL.Host != "" { // the target is a URL
		target = x.in.URL.RequestURI()
	}
	x.record.Attempt.Target = semantics.Hash(target)
}

// noteReply notes what the reply tells its client, of which the head is about to go.
func (w *writer) noteReply() {
	w.first = max(time.Since(w.begun), 1)
	if !w.marked {
		return
	}
	for name, values := range w.Header() {
		for _, value := range values {
			w.marks.Field(name, value)
		}
	}
}

// noteEnd completes what the exchange shows of its client. An exchange that is not through is being aborted.
func (x *exchange) noteEnd(through bool) {
	a := &x.record.Attempt
	if x.arriving != nil {
		x.arriving.mu.Lock()
		a.RequestEnd, a.Body = x.arriving.took, x.arriving.hash.Value()
		x.arriving.mu.Unlock()
	}
	a.FirstByte = x.first
	x.marks.End()
	m := &x.marks.ReplyMarks
	a.Reply = proxy.ReplyMarks{
		RetryAfter: strings.Clone(m.RetryAfter), CacheControl: strings.Clone(m.CacheControl), Age: strings.Clone(m.Age),
		Date: strings.Clone(m.Date), CacheStatus: strings.Clone(m.CacheStatus), Degraded: m.Degraded, Token: m.Token,
	}
	a.ClosedBy = x.closedBy(through)
}

// closedBy tells who has ended the connection, or the stream, with this exchange.
func (x *exchange) closedBy(through bool) proxy.Side {
	asked := x.in.Close || !x.in.ProtoAtLeast(1, 1) && !strings.EqualFold(x.in.Header.Get("Connection"), "keep-alive")
	switch {
	case x.record.Outcome == proxy.ClientLeft, x.record.Attempt.ClosedBy == proxy.ByClient:
		return proxy.ByClient
	case x.ending != nil, !through, x.leaves:
		return proxy.ByProxy
	case x.upgraded && x.record.Outcome == proxy.Injected: // a cut
		return proxy.ByProxy
	case x.upgraded, x.stream:
		return ""
	case asked:
		return proxy.ByClient
	case strings.EqualFold(x.Header().Get("Connection"), "close"):
		return proxy.ByProxy
	}
	return ""
}
