package proxytest

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

const (
	// noticed is how soon a client's leaving reaches the upstream. It is asserted of the median of several tries, in the
	// best of some rounds: one may take longer on a busy machine, up to late.
	noticed = 100 * time.Millisecond
	late    = 10 * noticed
	rounds  = 3
	// staying is for how long a client shows that one who does not leave is not cut, in every other try: long enough
	// for an engine to have begun to watch it. In the others it leaves at once.
	staying = 150 * time.Millisecond
	tries   = 6
)

// stays is for how long the client of a try stays.
func stays(try int) time.Duration { return time.Duration(try%2) * staying }

// situation is one in which a client may leave.
type situation struct {
	name    string
	rule    string      // "" = none
	answer  func(*peer) // what the upstream does with a head that it has read; nil = it is not called
	request []string
	reads   string        // what the client gets before it leaves
	outcome proxy.Outcome // of the exchange
	done    bool          // the upstream has done its part: nothing needs to reach it
}

func situations() []situation {
	silent := func(*peer) {}
	replies := func(p *peer) { p.send(okReply) }
	get := []string{"GET / HTTP/1.1", "Host: x", "", ""}
	half := []string{"POST / HTTP/1.1", "Host: x", "Content-Length: 1000000", "", strings.Repeat("h", 10_000)}
	chunked := []string{"POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "4", "half", ""}
	whole := func(n int) []string {
		return []string{"POST / HTTP/1.1", "Host: x", "Content-Length: 100000", "", strings.Repeat("w", n)}
	}
	const events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: 1\n\n"
	return []situation{
		{"BodyUnreadInADelay", `{"delay": "1h"}`, nil, half, "", proxy.ClientLeft, false},
		{"ChunksUnreadInADelay", `{"delay": "1h"}`, nil, chunked, "", proxy.ClientLeft, false},
		{"BodyUnreadInABlackhole", `{"blackhole": {}}`, nil, half, "", proxy.Injected, false},
		{"Delay", `{"delay": "1h"}`, nil, get, "", proxy.ClientLeft, false},
		{"DelayAfter", `{"delay": "1h", "phase": "after"}`, replies, get, "", proxy.ClientLeft, true},
		{"DelayAfterHalfAnUpload", `{"delay": "1h", "phase": "after"}`, replies, half, "", proxy.ClientLeft, false},
		{"Blackhole", `{"blackhole": {}}`, nil, get, "", proxy.Injected, false},
		{"BlackholeAfter", `{"blackhole": {}, "phase": "after"}`, replies, get, "", proxy.Injected, true},
		{"HangingTruncate", `{"truncate": {"after": 1, "how": "hang"}}`, replies, get, "o", proxy.Injected, true},
		{"HalfAnUpload", "", func(p *peer) { p.expect(strings.Repeat("h", 10_000)) }, half, "", proxy.ClientLeft, false},
		{"HalfAChunkedUpload", "", func(p *peer) { p.expect("4\r\nhalf\r\n") }, chunked, "", proxy.ClientLeft, false},
		{"WholeUpload", "", func(p *peer) { p.expect(strings.Repeat("w", 100_000)) }, whole(100_000), "", proxy.ClientLeft, false},
		{"SlowUpstream", "", silent, get, "", proxy.ClientLeft, false},
		{"HalfAHead", "", func(p *peer) { p.send("HTTP/1.1 2") }, get, "", proxy.ClientLeft, false},
		{"DrippedHead", "", drip, get, "", proxy.ClientLeft, false},
		{"SilentStream", "", func(p *peer) { p.send(events) }, get, "data: 1\n\n", proxy.ClientLeft, false},
		{"SilentStreamAfterAnUpload", "", func(p *peer) {
			p.expect(strings.Repeat("w", 100_000))
			p.send(events)
		}, whole(100_000), "data: 1\n\n", proxy.ClientLeft, false},
		{"ReplyUnread", "", pour, get, "", proxy.ClientLeft, false},
	}
}

// drip sends a head that does not end, a byte at a time, until the connection ends.
func drip(p *peer) {
	p.send("HTTP/1.1 200 OK\r\nX-Drip: ")
	go func() {
		for {
			if _, err := io.WriteString(p, "x"); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond) // the upstream's pace
		}
	}()
}

// pour sends a body until the connection ends.
func pour(p *peer) {
	p.send("HTTP/1.1 200 OK", "Content-Length: 1000000000", "", "")
	go func() {
		piece := make([]byte, 1<<16)
		for {
			if _, err := p.Write(piece); err != nil {
				return
			}
		}
	}()
}

// leaving shows that a client's leaving is noticed at once, wherever its exchange stands, and that one who stays is not
// cut.
func (s engineSuite) leaving(t *testing.T) {
	for _, now := range situations() {
		for _, how := range []string{fin, rst} {
			t.Run(now.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				s.leave(t, now, how)
			})
		}
	}
	t.Run("Dial", s.leavingDuringDial)
	t.Run("BlockedUpload", s.leavingBlockedUpload)
}

// leave has clients leave, one after the other, some at once and some after a while.
func (s engineSuite) leave(t *testing.T, now situation, how string) {
	reached, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	upstream := scripted(t, func(p *peer) {
		for _, _, err := p.head(); err == nil; _, _, err = p.head() {
			now.answer(p)
			reached <- struct{}{}
			if !now.done {
				_, _ = io.Copy(io.Discard, p.reader)
				ended <- struct{}{}
			}
		}
	})
	counter := faults.NewCounter()
	var options []option
	if now.rule != "" {
		options = append(options, armed(t, counter, now.rule))
	}
	r := s.start(t, upstream, options...)
	checkNoticed(t, func(i int) time.Duration {
		c := r.dial()
		c.send(now.request...)
		if now.answer != nil {
			within(t, "the upstream", reached)
		}
		if now.rule != "" {
			if _, err := counter.WaitHits(t.Context(), uint64(i)+1); err != nil {
				t.Fatal(err)
			}
		}
		if now.reads != "" {
			c.mustHead()
			c.expect(now.reads)
		}
		if now.name != "ReplyUnread" {
			c.stay(stays(i))
		}
		equal(t, "ended although the client stayed", len(r.exchanges)+len(ended), 0)
		begin := time.Now()
		c.leave(how)
		if now.answer != nil && !now.done {
			within(t, "the upstream's end", ended)
		}
		x := r.exchange()
		took := time.Since(begin)
		equal(t, "outcome", x.Outcome, now.outcome)
		return took
	})
}

// checkNoticed looks at how long the noticing takes in several tries, apart for those that leave at once. leave makes one;
// it gets its number, which goes on over the rounds: a machine that is busy at the moment gets three of them.
func checkNoticed(t *testing.T, leave func(try int) time.Duration) {
	t.Helper()
	for round := range rounds {
		var took [2][]time.Duration // at once, after a while
		for i := range tries {
			d := leave(round*tries + i)
			if d > late {
				t.Errorf("noticed after %v, want %v at most", d, late)
			}
			took[i%2] = append(took[i%2], d)
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		first, second := took[0][len(took[0])/2], took[1][len(took[1])/2]
		t.Logf("noticed after %v if it leaves at once, %v if it leaves after a while (medians)", first, second)
		if max(first, second) <= noticed {
			return
		}
	}
	t.Errorf("want %v at most", noticed)
}

// stay waits, and fails if anything comes meanwhile.
func (p *peer) stay(d time.Duration) {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(d))
	if n, err := p.reader.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("no silence: %d bytes, %v", n, err)
	}
	_ = p.SetReadDeadline(time.Now().Add(patience))
}

// leave ends the connection with a FIN or with an RST.
func (p *peer) leave(how string) {
	if tcp, ok := p.Conn.(interface{ SetLinger(seconds int) error }); ok && how == rst {
		_ = tcp.SetLinger(0)
	}
	_ = p.Close()
}
