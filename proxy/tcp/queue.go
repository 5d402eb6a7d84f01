package tcp

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
)

const (
	// maxQueue is how many bytes of a stream may wait; a sender beyond that is held back by TCP. It bounds what a latency
	// lets through: 4 MiB for each second of it.
	maxQueue = 4 << 20
	// maxQueued is how many bytes may wait at all links of a proxy together. Beyond it each has leastQueue.
	maxQueued  = 256 << 20
	leastQueue = 64 << 10
)

// queue is what waits at a link. A goroutine of its own feeds it, as long as it is fed.
type queue struct {
	all  *atomic.Int64 // bytes that wait at all links of the proxy
	came chan struct{} // of one: something was queued
	room chan struct{} // of one: something was taken

	mu      sync.Mutex // guards what follows
	reads   []read
	bytes   int
	number  uint64 // of reads, so far
	fed     bool
	feeding sync.WaitGroup
	ended   bool  // the end of the stream is queued, or was
	err     error // why nothing comes any more
}

// read is what came at once.
type read struct {
	number  uint64
	data    []byte // that is left; none = the end of the stream
	arrived time.Time
}

func newQueue(all *atomic.Int64) *queue {
	return &queue{all: all, came: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put queues what was read; none is the end of the stream.
func (q *queue) put(data []byte, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.number++
	q.bytes += len(data)
	q.all.Add(int64(len(data)))
	q.ended = q.ended || len(data) == 0
	q.reads = append(q.reads, read{q.number, data, now})
	if len(q.reads) == 1 { // who has a head to wait for need not know what is behind it
		signal(q.came)
	}
}

// startFeeding has all that comes from a connection queued.
func (q *queue) startFeeding(from *socket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fed = true
	q.feeding.Go(func() { q.feed(from) })
}

// stopFeeding ends that. What was queued stays.
func (q *queue) stopFeeding(from *socket) {
	if !q.isFed() {
		return
	}
	q.mu.Lock()
	q.fed = false
	q.mu.Unlock()
	_ = from.SetReadDeadline(past)
	signal(q.room)
	q.feeding.Wait()
	_ = from.SetReadDeadline(time.Time{})
}

// feed reads until it is to stop, or there is nothing more.
func (q *queue) feed(from *socket) {
	for q.awaitRoom() {
		buffer, err := from.readSome()
		if len(buffer) > 0 {
			q.put(append([]byte(nil), buffer...), time.Now())
			putBuffer(buffer)
		}
		switch {
		case err == nil:
		case err == io.EOF:
			q.put(nil, time.Now())
			return
		case isTimeout(err) && q.isFed(): // a nudge that came late, and was not for us
			_ = from.SetReadDeadline(time.Time{})
		default:
			q.fail(err)
			return
		}
	}
}

// fail notes why nothing comes any more, unless that was asked for.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fed {
		q.err = err
		signal(q.came)
	}
}

// awaitRoom blocks while the queue is full, and reports whether it is to be fed.
func (q *queue) awaitRoom() bool {
	for {
		if fed := q.isFed(); !fed || !q.isFull() {
			return fed
		}
		<-q.room
	}
}

func (q *queue) isFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes >= maxQueue || q.bytes >= leastQueue && q.all.Load() >= maxQueued
}

// forget gives back what waits and is not wanted any more.
func (q *queue) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all.Add(-int64(q.bytes))
	q.reads, q.bytes = nil, 0
}

func (q *queue) isFed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fed
}

func (q *queue) hasEnded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended
}

func (q *queue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.reads) == 0 && !q.ended && q.err == nil
}

// failure gives why nothing comes any more; nil as long as something may.
func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// head gives what waits first.
func (q *queue) head() (faults.Head, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.reads) == 0 {
		return faults.Head{}, false
	}
	r := q.reads[0]
	return faults.Head{Number: r.number, Bytes: len(r.data), Arrived: r.arrived}, true
}

// peek gives the first bytes of the head, which stay.
func (q *queue) peek(n int) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reads[0].data[:n]
}

// take takes bytes of the head away.
func (q *queue) take(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n == 0 {
		return
	}
	first := &q.reads[0]
	first.data = first.data[n:]
	q.all.Add(-int64(n))
	if q.bytes -= n; len(first.data) == 0 {
		q.reads = q.reads[1:]
	}
	signal(q.room)
}
