package admin_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/squall-proxy/squall/admin"
)

func TestCheckBind(t *testing.T) {
	for _, test := range []struct {
		listen, token string
		open, ok      bool
	}{
		{"127.0.0.1:8474", "", false, true},
		{"127.8.9.1:0", "", false, true},
		{"[::1]:8474", "", false, true},
		{"[::ffff:127.0.0.1]:8474", "", false, true},
		{"localhost:8474", "", false, true},
		{"unix:/run/squall", "", false, true},
		{":8474", "", false, false},
		{"0.0.0.0:8474", "", false, false},
		{"[::]:8474", "", false, false},
		{"192.0.2.1:8474", "", false, false},
		{"squall:8474", "", false, false},
		{"localhost.evil.com:8474", "", false, false},
		{":8474", "secret", false, true},
		{":8474", "", true, true},
		{"8474", "", false, false},
		{"", "secret", true, false},
	} {
		if err := admin.CheckBind(test.listen, test.token, test.open); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestListenOnLocalhost(t *testing.T) {
	listeners, err := admin.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	var port string
	for _, ln := range listeners {
		defer ln.Close()
		host, p, _ := net.SplitHostPort(ln.Addr().String())
		if !net.ParseIP(host).IsLoopback() || port != "" && p != port {
			t.Errorf("bound %s", ln.Addr())
		}
		port = p
	}
	if _, err := admin.Listen("localhost:" + port); err == nil {
		t.Error("a port was bound twice")
	}
	for _, bad := range []string{"", "8474", "127.0.0.1:" + port, "127.0.0.1:x"} {
		if _, err := admin.Listen(bad); err == nil {
			t.Errorf("%q was bound", bad)
		}
	}
}

func TestListenOnASocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	bind := func() net.Listener {
		t.Helper()
		listeners, err := admin.Listen("unix:" + path)
		if err != nil {
			t.Fatal(err)
		}
		return listeners[0]
	}
	ln := bind()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: want 0600", info.Mode(), err)
	}
	if _, err := admin.Listen("unix:" + path); err == nil {
		t.Error("a socket in use was bound again")
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // as a crash would leave it
	ln.Close()
	bind().Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there")
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Listen("unix:" + path); err == nil {
		t.Error("a file that is no socket was replaced")
	}
}
