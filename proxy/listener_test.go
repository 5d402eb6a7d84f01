package proxy

import (
	"net"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestASocketIsNeverBlocking: not for a moment, while it is handed over. An accept in that moment would hang until the next
// client comes, and with it whoever closes the listener.
func TestASocketIsNeverBlocking(t *testing.T) {
	l, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.socket.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	watched := make(chan bool)
	go func() {
		blocking := false
		for !over.Load() && !blocking {
			err := raw.Control(func(fd uintptr) {
				flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
				blocking = blocking || err != nil || flags&unix.O_NONBLOCK == 0
			})
			blocking = blocking || err != nil
		}
		watched <- blocking
	}()
	for range 500 {
		twin, err := l.duplicate()
		if err != nil {
			t.Error(err)
			break
		}
		twin.Close()
	}
	over.Store(true)
	if <-watched {
		t.Error("the socket was a blocking one")
	}
}
