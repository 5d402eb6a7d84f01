package proxy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/squall-proxy/squall/internal/document"
)

// unixScheme is what a unix socket's path stands behind, as a proxy's listen or upstream.
const unixScheme = "unix:"

// maxUnixPath is Linux's limit: sun_path without the zero byte at its end (unix(7)).
const maxUnixPath = 107

// unixPath is the path of the unix socket that a listen or an upstream names; "" if it names none.
func unixPath(address string) string {
	path, _ := strings.CutPrefix(address, unixScheme)
	if path == address {
		return ""
	}
	return path
}

// isUnix reports whether a listen or an upstream is to name a unix socket.
func isUnix(address string) bool { return strings.HasPrefix(address, unixScheme) }

// checkUnix checks one that is.
func checkUnix(field, address string) error {
	path := unixPath(address)
	if !filepath.IsAbs(path) || len(path) > maxUnixPath || strings.ContainsRune(path, 0) || filepath.Clean(path) != path {
		return document.Errorf(field, "want unix: and the absolute path of a socket, of at most %d bytes, got %.120q", maxUnixPath, address)
	}
	return nil
}

// AddressText is an address as documents write it: host:port, unix:/path, or unix for a socket without a name, as clients
// have.
func AddressText(addr net.Addr) string {
	unix, ok := addr.(*net.UnixAddr)
	switch {
	case !ok:
		return addr.String()
	case unix.Name == "" || unix.Name == "@":
		return "unix"
	}
	return unixScheme + unix.Name
}

// listenUnix binds a path. A socket that nobody listens on, as a program leaves it that was killed, is replaced; anything else
// there is an error. Who may connect is up to the process's umask, and to the directory.
func listenUnix(path string) (*listener, error) {
	bind := func() (net.Listener, error) { return net.Listen("unix", path) }
	socket, err := bind()
	if errors.Is(err, syscall.EADDRINUSE) {
		if err = removeStale(path); err == nil {
			socket, err = bind()
		}
	}
	if err != nil {
		return nil, err
	}
	socket.(*net.UnixListener).SetUnlinkOnClose(false) // the path may be handed over
	return &listener{addr: socket.Addr(), socket: socket, file: path}, nil
}

// removeStale removes a socket that nobody listens on.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("there is a file that is no socket: %w", os.ErrExist)
	}
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		_ = conn.Close() // it was only to see whether somebody is there
		return syscall.EADDRINUSE
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return err
}

// ownsSocket reports whether one of the engine's proxies listens on a unix socket.
func (e *Engine) ownsSocket(path string) bool {
	a := e.addresses.Load()
	if a == nil {
		return false
	}
	for _, bound := range a.bound {
		if AddressText(bound) == unixScheme+path {
			return true
		}
	}
	return false
}
