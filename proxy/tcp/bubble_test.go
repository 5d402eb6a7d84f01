package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/memnet"
	"github.com/squall-proxy/squall/proxy/tcp"
)

// room is what may be on its way in each direction of a connection in memory.
const room = 64 << 10

// bubble is a proxy in a bubble of time, with a client and its upstream, over a network in memory.
type bubble struct {
	*rig
	begun            time.Time
	client, upstream *memnet.Conn
}

// inBubble runs a script at the proxy's only connection, which began with rules in force.
func inBubble(t *testing.T, script func(*bubble), rules ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		address := func(port int) *net.TCPAddr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }
		clients, upstreams := memnet.Listen(address(1), room), memnet.Listen(address(2), room)
		b := &bubble{}
		b.rig = startOn(t, tcp.Over(clients, func(ctx context.Context) (net.Conn, error) {
			return upstreams.Dial(ctx, address(3))
		}), "127.0.0.1:2", rules...)
		b.begun = time.Now()
		accepted := make(chan *memnet.Conn)
		go func() {
			conn, err := upstreams.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- conn.(*memnet.Conn)
		}()
		var err error
		if b.client, err = clients.Dial(t.Context(), address(4)); err != nil {
			t.Fatal(err)
		}
		b.upstream = <-accepted
		defer b.client.Close()
		defer b.upstream.Close()
		script(b)
	})
}

// step is what happens at a time.
type step struct {
	at    time.Duration
	send  string   // by the sender
	end   bool     // of the sender's stream
	rules []string // that are in force from then on
}

// play carries out steps, of one stream.
func (b *bubble) play(sender *memnet.Conn, steps []step) {
	for _, s := range steps {
		time.Sleep(time.Until(b.begun.Add(s.at)))
		switch {
		case s.end:
			_ = sender.CloseWrite()
		case s.send != "":
			if _, err := io.WriteString(sender, s.send); err != nil {
				b.t.Errorf("at %v: %v", s.at, err)
			}
		default:
			b.rules(s.rules...)
		}
	}
}

// arrivals reads to the end of a stream, and says what came when: "1s:abc 2s:d 3s:FIN".
func (b *bubble) arrivals(receiver *memnet.Conn) string {
	var seen strings.Builder
	buffer := make([]byte, room)
	last := time.Duration(-1)
	for {
		n, err := receiver.Read(buffer)
		at := time.Since(b.begun)
		if n > 0 {
			if at != last {
				fmt.Fprintf(&seen, " %v:", at)
			}
			seen.Write(buffer[:n])
			last = at
			continue
		}
		end := fmt.Sprint(err)
		switch {
		case err == io.EOF:
			end = "FIN"
		case errors.Is(err, syscall.ECONNRESET):
			end = "RST"
		}
		fmt.Fprintf(&seen, " %v:%s", at, end)
		return seen.String()[1:]
	}
}

// downstream plays what the upstream sends, and gives what came at the client.
func downstream(t *testing.T, steps []step, rules ...string) (got string) {
	t.Helper()
	inBubble(t, func(b *bubble) {
		playing := make(chan struct{})
		go func() {
			defer close(playing)
			b.play(b.upstream, steps)
		}()
		got = b.arrivals(b.client)
		<-playing
	}, rules...)
	return got
}

// every has pieces sent, one after the other, so long apart, and the stream end behind them.
func every(apart time.Duration, pieces ...string) []step {
	var steps []step
	for i, piece := range pieces {
		steps = append(steps, step{at: time.Duration(i) * apart, send: piece})
	}
	return append(steps, step{at: time.Duration(len(pieces)) * apart, end: true})
}

// changed puts rules in force among steps.
func changed(steps []step, at time.Duration, rules ...string) []step {
	i := slices.IndexFunc(steps, func(s step) bool { return s.at > at })
	if i < 0 {
		i = len(steps)
	}
	return slices.Insert(slices.Clone(steps), i, step{at: at, rules: rules})
}
