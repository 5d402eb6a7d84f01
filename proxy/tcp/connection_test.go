package tcp_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// only is the one connection that is open, once it is as it should be.
func (r *rig) only(is func(proxy.Connection) bool) proxy.Connection {
	r.t.Helper()
	var all []proxy.Connection
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if all = r.engine.Connections(); len(all) == 1 && is(all[0]) {
			return all[0]
		}
	}
	r.t.Fatalf("connections: %+v", all)
	return proxy.Connection{}
}

func TestWhatAConnectionHasPassedIsKnown(t *testing.T) {
	upstream := echo(t)
	r := start(t, upstream)
	conn := r.dial()
	exchange(t, conn, "ping")
	c := r.only(func(c proxy.Connection) bool { return c.ResponseBytes == 4 })
	if c.Protocol != proxy.TCP || c.Client != conn.LocalAddr().String() || c.Upstream != upstream || c.RequestBytes != 4 || c.Exchanges != 0 || c.Busy {
		t.Errorf("open: %+v", c)
	}
	_ = conn.Close()
	r.record()
	if closed := r.engine.ClosedConnections(); len(closed) != 1 || closed[0].ClosedBy != proxy.ByClient || closed[0].ResponseBytes != 4 {
		t.Errorf("closed: %+v", closed)
	}
}

// TestDroppedConnections end at once on both sides, wherever they stand: idle, with data that waits for an hour, before an
// upstream that does not answer, with a client that does not read.
func TestDroppedConnections(t *testing.T) {
	for name, rule := range map[string]string{
		"idle": `{"noop":{}}`, "held": `{"latency":"1h"}`, "held upstream": `{"latency":"1h","stream":"upstream"}`, "connecting": `{"connect":"hang"}`,
		"unread": "",
	} {
		for _, reset := range []bool{false, true} {
			ended := make(chan error, 1)
			upstream := serve(t, func(conn *net.TCPConn) {
				if name == "unread" {
					_, err := io.Copy(conn, zeros{})
					ended <- err
					return
				}
				_, err := io.Copy(conn, conn)
				ended <- err
			})
			var rules []string
			if rule != "" {
				rules = []string{rule}
			}
			r := start(t, upstream, rules...)
			conn := r.dial()
			_, _ = io.WriteString(conn, "data")
			time.Sleep(50 * time.Millisecond) // until it stands there
			begun := time.Now()
			if !r.engine.DropConnection(r.only(func(proxy.Connection) bool { return true }).ID, reset) {
				t.Errorf("%s: it was not there", name)
			}
			if took := time.Since(begun); took > time.Second {
				t.Errorf("%s: dropping took %v", name, took)
			}
			_, err := io.Copy(io.Discard, conn)
			if !reset && err != nil || reset && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s, reset %t: the client saw %v", name, reset, err)
			}
			if x := r.record(); x.Outcome != proxy.Injected || x.Error != proxy.Dropped || !x.Faulted {
				t.Errorf("%s, reset %t: recorded %+v", name, reset, x)
			}
			if name == "connecting" {
				continue
			}
			if err := <-ended; name != "unread" && (!reset && err != nil || reset && !errors.Is(err, syscall.ECONNRESET)) {
				t.Errorf("%s, reset %t: the upstream saw %v", name, reset, err)
			}
		}
	}
}
