package proxy

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// listener is a listener whose socket can be closed and bound again, or shared with another listener, without its server
// noticing.
type listener struct {
	addr net.Addr

	mu     sync.Mutex
	file   string        // of a unix socket: removed with the listener; "" = none, or the heir's
	socket net.Listener  // nil while suspended or closed
	change chan struct{} // closed when a suspended listener is reopened or closed
	closed bool
}

// listen binds an address.
func listen(address string) (*listener, error) {
	if isUnix(address) {
		return listenUnix(unixPath(address))
	}
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &listener{addr: socket.Addr(), socket: socket}, nil
}

// Accept waits for a client, through suspensions.
func (l *listener) Accept() (net.Conn, error) {
	for {
		socket, change := l.current()
		switch {
		case socket != nil:
			conn, err := socket.Accept()
			if err == nil {
				return conn, nil
			}
			if now, _ := l.current(); now == socket {
				return nil, err
			}
		case change != nil:
			<-change
		default:
			return nil, net.ErrClosed
		}
	}
}

func (l *listener) current() (socket net.Listener, change <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.socket, l.change
}

// Close ends the listener, once; a socket that was duplicated lives on in the duplicate.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.resume(nil)
	if l.socket == nil {
		return nil
	}
	socket := l.socket
	l.socket = nil
	if l.file != "" {
		_ = os.Remove(l.file) // if somebody else has, that is as well
	}
	return socket.Close()
}

// bequeath leaves the file of a unix socket to a duplicate of this listener.
func (l *listener) bequeath(heir *listener) {
	l.mu.Lock()
	file := l.file
	l.file = ""
	l.mu.Unlock()
	heir.mu.Lock()
	defer heir.mu.Unlock()
	heir.file = file
}

// Addr is the bound address, also while suspended.
func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// suspend closes the socket, so that its port can be bound anew; Accept goes on waiting. It reports whether there was a
// socket to close.
func (l *listener) suspend() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return false
	}
	_ = l.socket.Close() // a listening socket has nothing to lose
	l.socket, l.change = nil, make(chan struct{})
	return true
}

// reopen binds the address of a suspended listener again. If that fails the listener is closed.
func (l *listener) reopen() error {
	socket, err := net.Listen("tcp", l.addr.String())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = err != nil
	l.resume(socket)
	return err
}

// resume ends a suspension. l.mu is held.
func (l *listener) resume(socket net.Listener) {
	if l.change == nil {
		return
	}
	l.socket = socket
	close(l.change)
	l.change = nil
}

// duplicate gives a listener on the same socket: both take clients from one queue, and closing one leaves the other.
//
// [net.TCPListener.File] would not do: for a moment [net.FileListener] makes the socket of such a file a blocking one, also
// for the listener that accepts on it meanwhile, and that one may then hang until the next client comes.
func (l *listener) duplicate() (*listener, error) {
	socket, _ := l.current()
	shared, ok := socket.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := shared.SyscallConn()
	if err != nil {
		return nil, err
	}
	copied := -1
	failed := raw.Control(func(fd uintptr) { copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(failed, err); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(copied), "listener")
	defer file.Close()
	twin, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	return &listener{addr: l.addr, socket: twin}, nil
}

// addresses are what Engine.Addr and Engine.Owns look at: the running proxies' by name, and others of ours.
type addresses struct {
	bound   map[string]net.Addr
	proxies map[string]*Proxy
	extra   []net.Addr
}

// sameAddress reports whether listening on a configured address means listening where bound is bound. Port 0 is never
// the same.
func sameAddress(configured string, bound net.Addr) bool {
	if isUnix(configured) {
		return configured == AddressText(bound)
	}
	wanted, err := net.ResolveTCPAddr("tcp", configured)
	tcp, ok := bound.(*net.TCPAddr)
	if err != nil || !ok || wanted.Port != tcp.Port {
		return false
	}
	return addressOf(wanted) == addressOf(tcp)
}

// samePort reports whether a configured address and a bound one have their port in common, or their path.
func samePort(configured string, bound net.Addr) bool {
	if isUnix(configured) {
		return sameAddress(configured, bound)
	}
	wanted, err := net.ResolveTCPAddr("tcp", configured)
	tcp, ok := bound.(*net.TCPAddr)
	return err == nil && ok && wanted.Port != 0 && wanted.Port == tcp.Port
}

// addressOf is the address without the ways to write it: no address at all is the unspecified one, which Go binds for
// both families.
func addressOf(tcp *net.TCPAddr) netip.AddrPort {
	addr := tcp.AddrPort()
	if !addr.Addr().IsValid() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), addr.Port())
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// reaches reports whether a connection to addr arrives at a listener that is bound to bound.
func reaches(addr netip.AddrPort, bound net.Addr) bool {
	tcp, ok := bound.(*net.TCPAddr)
	if !ok || int(addr.Port()) != tcp.Port {
		return false
	}
	to, at := addr.Addr().Unmap().WithZone(""), addressOf(tcp).Addr().WithZone("")
	switch {
	case to == at:
		return true
	case !at.IsUnspecified() || at.Is4() && !to.Is4():
		return false
	case to.IsLoopback() || to.IsUnspecified():
		return true
	}
	return isOfThisMachine(to)
}

// isOfThisMachine reports whether one of the machine's interfaces has the address.
func isOfThisMachine(addr netip.Addr) bool {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return true // better refuse an upstream than go round in circles
	}
	for _, network := range interfaces {
		if prefix, err := netip.ParsePrefix(network.String()); err == nil && prefix.Addr().Unmap() == addr {
			return true
		}
	}
	return false
}
