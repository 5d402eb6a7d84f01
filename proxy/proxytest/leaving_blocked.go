package proxytest

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/squall-proxy/squall/proxy"
)

// socketOf gives the socket of a connection or of a listener.
func socketOf(t *testing.T, of any) syscall.RawConn {
	t.Helper()
	socket, ok := of.(syscall.Conn)
	if !ok {
		t.Fatalf("%T has no socket", of)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// full is a listener whose queue is full: who dials it hears nothing (listen(2), tcp(7)).
func full(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	if err := socketOf(t, ln).Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		conn, dialErr := net.DialTimeout("tcp", ln.Addr().String(), 200*time.Millisecond)
		if dialErr != nil {
			return "http://" + ln.Addr().String()
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Skip("the queue of a listener is not bounded here")
	return ""
}

// leavingDuringDial: the upstream does not even take the connection.
func (s engineSuite) leavingDuringDial(t *testing.T) {
	upstream := full(t)
	for _, how := range []string{fin, rst} {
		for _, request := range []string{
			"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
		} {
			t.Run(request[:4]+how, func(t *testing.T) {
				t.Parallel()
				r := s.start(t, upstream)
				checkNoticed(t, func(i int) time.Duration {
					c := r.dial()
					c.send(request)
					c.stay(stays(i))
					equal(t, "ended although the client stayed", len(r.exchanges), 0)
					begin := time.Now()
					c.leave(how)
					equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
					return time.Since(begin)
				})
			})
		}
	}
}

// blocked is how much of what a client has sent may stay unread in the proxy's socket, in bytes.
const blocked = 512 << 10

// leavingBlockedUpload: the upstream does not read, so that the upload stands still. An RST is noticed at once, also by a
// socket that is full; a FIN as long as what is unread before it fits.
func (s engineSuite) leavingBlockedUpload(t *testing.T) {
	for _, how := range []string{fin, rst} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			reading := make(chan struct{})
			defer close(reading)
			upstream := scripted(t, func(p *peer) {
				if _, _, err := p.head(); err == nil {
					<-reading
				}
			})
			clients := make(chan net.Conn, 1)
			r := suite{func() proxy.Executor {
				return &tapped{s.newExecutor(), func(conn net.Conn) net.Conn {
					receiveBuffer(t, conn, blocked)
					clients <- conn
					return conn
				}}
			}}.start(t, upstream)
			checkNoticed(t, func(i int) time.Duration {
				c := r.dial()
				c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 100000000", "", "")
				sent := c.block(<-clients, how == rst)
				c.stay(stays(i))
				equal(t, "ended although the client stayed", len(r.exchanges), 0)
				begin := time.Now()
				c.leave(how)
				x := r.exchange()
				took := time.Since(begin)
				equal(t, "outcome", x.Outcome, proxy.ClientLeft)
				if x.RequestBytes >= sent {
					t.Errorf("the upload was not blocked: %d bytes of %d read", x.RequestBytes, sent)
				}
				return took
			})
		})
	}
}

// tapped hands the connections that an executor accepts through a function.
type tapped struct {
	proxy.Executor
	tap func(net.Conn) net.Conn
}

// Start serves what comes out of the function.
func (x *tapped) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	return x.Executor.Start(tappedListener{ln, x.tap}, p)
}

type tappedListener struct {
	net.Listener
	tap func(net.Conn) net.Conn
}

// Accept gives the next connection.
func (l tappedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.tap(conn), nil
}

func receiveBuffer(t *testing.T, conn net.Conn, size int) {
	var failed error
	err := socketOf(t, conn).Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	})
	if err := errors.Join(err, failed); err != nil {
		t.Errorf("%T: cannot set the buffer: %v", conn, err)
	}
}

// block sends until the other side, of which far is the connection, reads no more; until it has no room either, if that
// is wanted.
func (p *peer) block(far net.Conn, full bool) (sent int64) {
	p.t.Helper()
	piece := make([]byte, blocked/8)
	raw := socketOf(p.t, far)
	unread := func() (n int) {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		return n
	}
	reads := func() bool { return unread() < len(piece) }
	for full || reads() || eventually(300*time.Millisecond, reads) { // it may only have had no time to
		_ = p.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := p.Write(piece)
		sent += int64(n)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return sent
		case err != nil:
			p.t.Fatal(err)
		}
		if !full { // give the other side the time to read
			eventually(100*time.Millisecond, func() bool { return unread() == 0 })
		}
	}
	return sent
}

// eventually waits until something is so, and reports whether it is in time.
func eventually(limit time.Duration, isSo func() bool) bool {
	for begin := time.Now(); !isSo(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > limit {
			return false
		}
	}
	return true
}
