package tcp_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// dialUnix connects to a proxy that listens on a unix socket.
func dialUnix(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.UnixConn)
}

// startUnix runs a proxy on a unix socket before one.
func startUnix(t *testing.T, rules ...string) (r *rig, path, upstream string) {
	t.Helper()
	upstream = filepath.Join(t.TempDir(), "upstream")
	ln, err := net.Listen("unix", upstream)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	path = filepath.Join(t.TempDir(), "proxy")
	r = start(t, "127.0.0.1:1", rules...)
	r.endpoint.Config.Listen, r.endpoint.Config.Upstream = "unix:"+path, "unix:"+upstream
	r.change()
	return r, path, upstream
}

func TestUnixSocketsOnBothSides(t *testing.T) {
	r, path, upstream := startUnix(t, `{"latency":"30ms"}`)
	conn := dialUnix(t, path)
	begun := time.Now()
	exchange(t, conn, "ping")
	if took := time.Since(begun); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
	r.rules()
	exchange(t, conn, strings.Repeat("pong", 100_000))
	if c := r.only(func(proxy.Connection) bool { return true }); c.Client != "unix" || c.Upstream != "unix:"+upstream || c.ResponseBytes != 400_004 {
		t.Errorf("listed %+v", c)
	}
	_, _ = io.WriteString(conn, "bye")
	_ = conn.CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "bye" || err != nil {
		t.Errorf("after a half-close: %q, %v", got, err)
	}
	_ = conn.Close()
	if x := r.record(); x.Outcome != proxy.OK || x.Client != "unix" {
		t.Errorf("recorded %+v", x)
	}
	if closed := r.engine.ClosedConnections(); closed[0].ClosedBy != proxy.ByClient {
		t.Errorf("closed: %+v", closed)
	}
}

// TestAResetOfAUnixSocket ends it: there is no reset to send. A client that has sent what nobody has read gets one all the
// same, from its system.
func TestAResetOfAUnixSocket(t *testing.T) {
	_, path, _ := startUnix(t, `{"reset_peer":{}}`)
	if rest, err := io.ReadAll(dialUnix(t, path)); len(rest) > 0 || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
}

// TestAUnixSocketIsHandedOver to another proxy without a client's noticing, and is gone with its last one.
func TestAUnixSocketIsHandedOver(t *testing.T) {
	r, path, _ := startUnix(t)
	for _, name := range []string{"other", "third"} {
		r.endpoint.Config.Name = name
		r.change()
		exchange(t, dialUnix(t, path), "ping")
	}
	r.endpoint.Config.Listen = "127.0.0.1:0"
	r.change()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the path of a proxy that moved: %v", err)
	}
}

func TestWhatIsInAUnixSocketsPlace(t *testing.T) {
	directory := t.TempDir()
	stale, busy, file := filepath.Join(directory, "stale"), filepath.Join(directory, "busy"), filepath.Join(directory, "file")
	for _, path := range []string{stale, busy} {
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		ln.(*net.UnixListener).SetUnlinkOnClose(false)
		defer ln.Close()
		if path == stale {
			_ = ln.Close()
		}
	}
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, echo(t))
	for path, want := range map[string]string{busy: "already in use by another program", file: "no socket", directory + "/none/x": "no such file"} {
		e := r.endpoint
		e.Config.Listen = "unix:" + path
		if _, err := r.engine.Prepare([]proxy.Endpoint{e}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "kept" || err != nil {
		t.Errorf("the file: %q, %v", text, err)
	}
	r.endpoint.Config.Listen = "unix:" + stale
	r.change()
	exchange(t, dialUnix(t, stale), "ping")
	twin := r.endpoint
	twin.Config.Name = "twin"
	if _, err := r.engine.Prepare([]proxy.Endpoint{r.endpoint, twin}); err == nil || !strings.Contains(err.Error(), `by proxy "redis"`) {
		t.Errorf("two on one path: %v", err)
	}
	exchange(t, dialUnix(t, stale), "still there")
	r.endpoint.Config.Upstream = "unix:" + stale
	r.change()
	expectEnd(t, dialUnix(t, stale), nil)
	for x := r.record(); !strings.Contains(x.Error, "a listener of squall itself"); x = r.record() {
	}
}
