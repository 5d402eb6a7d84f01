package verdicttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/verdict"
)

// Reply is what a client that is itself a service gives its caller.
type Reply struct {
	Status   int
	Body     string
	Age      string // of the field Age; "" = none
	Degraded bool
}

// Front is the proxy through which a client's own callers go: the caller's side.
type Front struct {
	mu        sync.Mutex
	exchanges []proxy.Exchange
	asked     uint64
	waiting   map[uint64]time.Time // since when, by exchange
}

// requestID is the key of the X-Request-Id in what Front.Ask hands to a client.
type requestID struct{}

// RequestID gives the X-Request-Id under which a caller has come; "" without one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestID{}).(string)
	return id
}

// Records gives what was recorded so far. A caller who waits has a connection of its own, others have none.
func (f *Front) Records() *verdict.Tap {
	f.mu.Lock()
	defer f.mu.Unlock()
	records := &verdict.Tap{Exchanges: slices.Clone(f.exchanges)}
	for id, since := range f.waiting {
		records.Connections = append(records.Connections, proxy.Connection{ID: id, Proxy: "front", Opened: since, Busy: true, Since: since})
	}
	return records
}

// Ask lets serve answer a caller, and records it. It returns when the reply is there or ctx is done; serve is waited for by
// done, since it may go on for nobody.
func (f *Front) Ask(ctx context.Context, done *sync.WaitGroup, path string, serve func(context.Context) Reply) {
	at := time.Now()
	f.mu.Lock()
	f.asked++
	id := 1_000_000 + f.asked // apart from those of a Tap
	if f.waiting == nil {
		f.waiting = map[uint64]time.Time{}
	}
	f.waiting[id] = at
	f.mu.Unlock()
	request := fmt.Sprintf("request %d", id)
	reply := make(chan Reply, 1)
	done.Add(1)
	go answer(context.WithValue(ctx, requestID{}, request), done, serve, reply)
	x := proxy.Exchange{ID: id, Proxy: "front", RequestID: request, At: at, Client: "127.0.0.1:50000", Method: "GET", Path: path}
	select {
	case r := <-reply:
		x.Status, x.Outcome = r.Status, proxy.OK
		x.Attempt = proxy.Attempt{
			Target: hash(path), RequestEnd: 1, FirstByte: max(time.Since(at), 1),
			Reply: proxy.ReplyMarks{Age: r.Age, Degraded: r.Degraded, Token: hash(r.Body)},
		}
	case <-ctx.Done():
		x.Outcome, x.Attempt.ClosedBy = proxy.ClientLeft, proxy.ByClient
	}
	x.Duration = time.Since(at)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, id)
	f.exchanges = append(f.exchanges, x)
}

func answer(ctx context.Context, done *sync.WaitGroup, serve func(context.Context) Reply, reply chan<- Reply) {
	defer done.Done()
	reply <- serve(ctx)
}
