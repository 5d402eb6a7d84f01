package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix:"

// CheckBind refuses to answer anybody out there: beyond loopback, the API needs a token, or the explicit word that it is
// open to all. listen is host:port, or unix:PATH.
func CheckBind(listen, token string, open bool) error {
	if strings.HasPrefix(listen, unixPrefix) {
		return nil
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("admin address %q: want host:port, such as 127.0.0.1:8474", listen)
	}
	if isLoopback(host) || token != "" || open {
		return nil
	}
	return fmt.Errorf("admin address %q can be reached from other machines: set a token (--admin-token-file, SQUALL_ADMIN_TOKEN), "+
		"or say --admin-open", listen)
}

// isLoopback reports whether only this machine can reach a host. Of names it knows localhost alone: what another means
// may change.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// Listen binds the address of the API: host:port, or unix:PATH for a socket that only this user can open. localhost is
// both 127.0.0.1 and, where there is IPv6, [::1], on one port.
func Listen(listen string) ([]net.Listener, error) {
	if path, found := strings.CutPrefix(listen, unixPrefix); found {
		return listenUnix(path)
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("admin address %q: want host:port, such as 127.0.0.1:8474", listen)
	}
	if !strings.EqualFold(host, "localhost") {
		ln, err := net.Listen("tcp", listen)
		if err != nil {
			return nil, fmt.Errorf("admin: %w", err)
		}
		return []net.Listener{ln}, nil
	}
	return listenLoopback(port)
}

// listenLoopback binds a port on both loopback addresses.
func listenLoopback(port string) ([]net.Listener, error) {
	first, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if _, port, err = net.SplitHostPort(first.Addr().String()); err != nil {
		return nil, errors.Join(fmt.Errorf("admin: %w", err), first.Close())
	}
	second, err := net.Listen("tcp", net.JoinHostPort("::1", port))
	switch {
	case err == nil:
		return []net.Listener{first, second}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		// Who has it would be asked in our place wherever localhost means ::1 first.
		return nil, errors.Join(fmt.Errorf("admin: %w", err), first.Close())
	}
	return []net.Listener{first}, nil
}

// listenUnix binds a socket file, which goes away when the listener is closed. One that a crash left behind is replaced.
func listenUnix(path string) ([]net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return nil, errors.Join(fmt.Errorf("admin: %s is already in use", path), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("admin: %w", err)
		}
	}
	umask := syscall.Umask(0o177) // so that at no moment anybody else can open it
	ln, err := net.Listen("unix", path)
	syscall.Umask(umask)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return []net.Listener{ln}, nil
}
