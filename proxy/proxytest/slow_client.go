package proxytest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// slowClient is about clients that take their time.
func (s engineSuite) slowClient(t *testing.T) {
	t.Run("DrippedHead", s.drippedHead)
	t.Run("SilentBody", s.silentBody)
	t.Run("SlowReaders", s.slowReaders)
	t.Run("BodyThatARuleWaitsFor", s.previewedBody)
}

// drippedHead: the time for a head is for the whole of it, on a fresh connection and on one that was used before.
func (s engineSuite) drippedHead(t *testing.T) {
	const limit = 5 * time.Second
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream)
	for _, before := range []string{"", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		t.Run(map[bool]string{true: "First", false: "Second"}[before == ""], func(t *testing.T) {
			t.Parallel()
			c := r.dial()
			if before != "" {
				c.send(before)
				c.reply(http.MethodGet)
				next(t, requests)
				c.stay(time.Second) // it may idle for longer than a head may take
			}
			begin := time.Now()
			dripText(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Drip: ")
			ended := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, c.reader); ended <- err }()
			for {
				select {
				case <-ended:
					if took := time.Since(begin); took < limit-time.Second || took > limit+time.Second {
						t.Errorf("closed after %v, want %v", took, limit)
					}
					none(t, requests)
					return
				case <-time.After(100 * time.Millisecond):
					c.send("x")
				}
			}
		})
	}
}

// silentBody: a body may be silent for the executor's time, and not longer; how long it takes in all does not matter.
func (s engineSuite) silentBody(t *testing.T) {
	const limit = 200 * time.Millisecond
	for _, framing := range []string{"Content-Length: 1000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"} {
		ended := make(chan struct{}, 1)
		r := s.with(Options{BodyTimeout: limit}).start(t, scripted(t, func(p *peer) {
			if _, fields, err := p.head(); err == nil {
				if _, err := p.announcedBody(fields); err == nil {
					p.send(okReply)
				} else {
					ended <- struct{}{}
				}
			}
		}))
		c := r.dial()
		begin := time.Now()
		c.send("POST / HTTP/1.1", "Host: x", framing)
		c.expectEnd()
		if took := time.Since(begin); took < limit || took > 5*limit {
			t.Errorf("closed after %v, want %v", took, limit)
		}
		within(t, "the upstream's end", ended)
		equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)

		c = r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 6", "", "")
		for range 6 {
			c.stay(limit / 2)
			c.send("x")
		}
		reply, _ := c.reply(http.MethodPost)
		equal(t, "status of a slow one", reply.StatusCode, 200)
	}
}

// previewedBody: what a rule wants to look into is waited for no longer than the executor's time, however it comes.
func (s engineSuite) previewedBody(t *testing.T) {
	const limit = 200 * time.Millisecond
	upstream, calls := counted(t)
	r := s.with(Options{BodyTimeout: limit}).start(t, upstream, rules(paidRule))
	for _, framing := range []string{"Content-Length: 1000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n1"} {
		for _, dripping := range []bool{false, true} {
			c := r.dial()
			begin := time.Now()
			c.send("POST / HTTP/1.1", "Host: x", framing)
			for dripping && time.Since(begin) < limit*3/4 {
				c.stay(limit / 20)
				c.send("0")
			}
			c.expectEnd()
			if took := time.Since(begin); took < limit || took > 5*limit {
				t.Errorf("closed after %v, want %v", took, limit)
			}
			equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
		}
	}
	equal(t, "calls", calls.Load(), 0)
}

const (
	readers   = 200
	unread    = 20_000_000 // bytes of the reply that nobody reads
	perReader = 96 << 10   // bytes that an engine may take for one of them
	narrow    = 128 << 10  // bytes that the kernel keeps in each place, so that it does not keep all
)

// slowReaders: clients that do not read cost little, and their upstream is held back. What clients and upstream cost
// themselves is measured without a proxy, and taken off.
func (s engineSuite) slowReaders(t *testing.T) {
	var sent atomic.Int64
	var all sync.WaitGroup // whose upstream stands still
	upstream := scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			setBuffer(p.Conn, narrow)
			p.sendStalling(&sent, all.Done)
			_, _ = io.Copy(io.Discard, p.reader)
		}
	})
	r := suite{func() proxy.Executor {
		return &tapped{s.newExecutor(), func(conn net.Conn) net.Conn {
			setBuffer(conn, narrow)
			return conn
		}}
	}}.start(t, upstream)
	hoard := func(dial func() *peer) (clients []*peer, each, held int64) {
		before := system()
		sent.Store(0)
		all.Add(readers)
		for range readers {
			c := dial()
			receiveBuffer(t, c.Conn, narrow)
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			clients = append(clients, c)
		}
		all.Wait()
		return clients, (system() - before) / readers, sent.Load() / readers
	}
	direct := &rig{t: t, addr: strings.TrimPrefix(upstream, "http://")}
	_, own, _ := hoard(direct.dial)
	through, each, held := hoard(r.dial)
	t.Logf("%d KiB a reader, %d of them the test's own; %d KB sent to each", each>>10, own>>10, held/1000)
	if each-own > perReader && !raceEnabled {
		t.Errorf("%d KiB a reader, want %d at most", (each-own)>>10, perReader>>10)
	}
	if held > unread/2 {
		t.Errorf("%d bytes went out for each reader: the upstream is not held back", held)
	}
	for _, c := range through[:3] { // those who begin to read get it all
		_ = c.SetDeadline(time.Now().Add(patience))
		c.mustHead()
		n, err := io.CopyN(io.Discard, c.reader, unread)
		if err != nil {
			t.Errorf("%d bytes arrived, then %v", n, err)
		}
	}
}

// sendStalling sends a long reply, calls stalled when it does not go on for the first time, and counts what was sent up
// to then.
func (p *peer) sendStalling(sent *atomic.Int64, stalled func()) {
	p.send("HTTP/1.1 200 OK", "Content-Length: "+strconv.Itoa(unread), "", "")
	count, still := true, sync.OnceFunc(stalled)
	defer still()
	piece := make([]byte, 1<<12)
	for left := unread; left > 0; {
		_ = p.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := p.Write(piece[:min(left, len(piece))])
		if left -= n; count {
			sent.Add(int64(n))
		}
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			count = false
			still()
		}
	}
}
