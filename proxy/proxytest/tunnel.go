package proxytest

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// tunnelFailure: what ends one side of an upgraded connection ends the other, in the same way, and at once.
func (s engineSuite) tunnelFailure(t *testing.T) {
	for _, who := range []string{"client", "upstream"} {
		for _, how := range []string{fin, rst} {
			t.Run(who+"/"+how, func(t *testing.T) {
				t.Parallel()
				s.endTunnel(t, who == "client", how)
			})
		}
	}
	for _, who := range []string{"client", "upstream"} {
		t.Run("HalfClose/"+who, func(t *testing.T) { s.halfCloseTunnel(t, who == "client") })
	}
}

// openTunnel gives both ends of an upgraded connection over which bytes have gone both ways.
func (r *rig) openTunnel(t *testing.T, upstreams <-chan *peer) (client, upstream *peer) {
	t.Helper()
	client = r.dial()
	client.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
	client.mustHead()
	upstream = <-upstreams
	client.send("there")
	upstream.expect("there")
	upstream.send("back")
	client.expect("back")
	return client, upstream
}

// tunnelled is an upstream that switches protocols, and hands its connection over; the receiver closes it.
func tunnelled(t *testing.T) (url string, upstreams <-chan *peer) {
	t.Helper()
	open, over := make(chan *peer), make(chan struct{})
	url = scripted(t, func(p *peer) {
		if _, _, err := p.head(); err != nil {
			return
		}
		_ = p.SetReadDeadline(time.Now().Add(patience))
		p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", "")
		open <- p
		<-over
	})
	t.Cleanup(func() { close(over) }) // comes before the upstream's, which waits for it
	return url, open
}

func (s engineSuite) endTunnel(t *testing.T, byClient bool, how string) {
	url, upstreams := tunnelled(t)
	r := s.start(t, url)
	checkNoticed(t, func(i int) time.Duration {
		leaver, other := r.openTunnel(t, upstreams)
		if !byClient {
			leaver, other = other, leaver
		}
		other.stay(stays(i))
		begin := time.Now()
		leaver.leave(how)
		got, end := other.rest()
		took := time.Since(begin)
		equal(t, "bytes", got, "")
		equal(t, "end", end, how)
		x := r.exchange()
		equal(t, "status", x.Status, 101)
		equal(t, "outcome", x.Outcome, proxy.OK)
		equal(t, "bytes there", x.RequestBytes, 5)
		equal(t, "bytes back", x.ResponseBytes, 4)
		return took
	})
}

// halfCloseTunnel: one side ends its sending, and the other goes on.
func (s engineSuite) halfCloseTunnel(t *testing.T, byClient bool) {
	url, upstreams := tunnelled(t)
	r := s.start(t, url)
	first, other := r.openTunnel(t, upstreams)
	if !byClient {
		first, other = other, first
	}
	if half, ok := first.Conn.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	if rest, err := io.ReadAll(other.reader); err != nil || len(rest) > 0 {
		t.Fatalf("instead of a FIN: %q, %v", rest, err)
	}
	for range 3 {
		first.stay(staying / 3)
		equal(t, "ended by half a close", len(r.exchanges), 0)
		other.send("more")
		first.expect("more")
	}
	_ = other.Close()
	first.expectEnd()
	equal(t, "outcome", r.exchange().Outcome, proxy.OK)
}
