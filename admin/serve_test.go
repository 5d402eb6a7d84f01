package admin_test

import (
	"context"
	"net"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
)

// engine runs nothing.
type engine struct{}

func (*engine) Prepare([]proxy.Endpoint) (*proxy.Change, error) { return &proxy.Change{}, nil }

// waitSpy tells when it is asked to wait.
type waitSpy struct {
	admin.Controller
	asked chan struct{}
}

func (s *waitSpy) WaitHits(ctx context.Context, at control.Address, n uint64) (uint64, error) {
	close(s.asked)
	return s.Controller.WaitHits(ctx, at, n)
}

// pipeListener gives one connection.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.close()
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// servePipe serves on one end of a pipe until stop is called.
func servePipe(t *testing.T, server *admin.Server, conn net.Conn) (stop func()) {
	t.Helper()
	ln := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	ln.close = sync.OnceFunc(func() { close(ln.closed) })
	ln.conns <- conn
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func TestShutdownEndsWaits(t *testing.T) {
	l := newLab(t)
	asked := make(chan struct{})
	url, stop := serve(t, &admin.Server{Controller: &waitSpy{Controller: l.controller, asked: asked}})
	defer stop()
	l.must(t, "PUT", "/admin/faults/rules/slow", slow)
	client, err := admin.NewClient(url, "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	failed := make(chan error, 1)
	go func() {
		_, err := client.WaitHits(context.Background(), at("slow"), 1, admin.MaxWait)
		failed <- err
	}()
	<-asked
	start := time.Now()
	stop()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("shutting down took %v", took)
	}
	refusal, ok := (<-failed).(*admin.Error)
	if !ok || refusal.Status != 503 {
		t.Errorf("the one who waits got %v, want a 503", refusal)
	}
}

func TestAListenerThatFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&admin.Server{}).Serve(t.Context(), second, ln); err == nil {
		t.Error("no error")
	}
	if _, err := second.Accept(); err == nil {
		t.Error("the other listener is still open")
	}
}

// What a ttl set goes back at its very end, also while nobody asks.
func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t)
		check(t, ask("PUT", "/admin/faults", `{"mode":"failure","ttl":"30s"}`),
			want{200, []string{`"mode":"failure"`, `"timed":{"mode":{"back_to":"normal","expires_in":"30s"}}`}, []string{`ETag: "1"`}})
		check(t, ask("PUT", "/admin/faults/rules/a", `{"abort":503,"ttl":"10s"}`),
			want{201, []string{`"expires_in":"10s"`}, []string{`ETag: "2"`}})
		time.Sleep(10*time.Second - time.Nanosecond)
		check(t, ask("GET", "/admin/faults/rules/a", ""), want{200, nil, []string{`ETag: "2"`}})
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(t, ask("GET", "/admin/faults/rules/a", ""), want{404, nil, nil})
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"expires_in":"20s"`}, []string{`ETag: "3"`}})
		time.Sleep(20 * time.Second)
		synctest.Wait()
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"mode":"normal"`, `"rules":[],"revision":4}`}, []string{`ETag: "4"`}})
	})
}

// A document that was read, edited and sent back keeps what it does not touch, timers too.
func TestEditAndSendBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t)
		ask("PUT", "/admin/faults", `{"profiles":{"odd":{"rules":[{"abort":418}]}},"rules":[{"name":"a","abort":503,"match":{"path":"/x/*"}}]}`)
		ask("PUT", "/admin/faults", `{"mode":"odd","ttl":"30s"}`)
		time.Sleep(10 * time.Second)
		read := ask("GET", "/admin/faults", "")
		sent := ask("PUT", "/admin/faults", read.body)
		if a, b := withoutRevision(read.body), withoutRevision(sent.body); a != b {
			t.Errorf("read\n%s\nand after sending it back\n%s", a, b)
		}
		time.Sleep(20*time.Second - time.Nanosecond)
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"mode":"odd"`}, nil})
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"mode":"normal"`, `"name":"a"`}, nil})
		late := ask("PUT", "/admin/faults", read.body) // its timer is long over
		time.Sleep(time.Minute)
		synctest.Wait()
		check(t, ask("GET", "/admin/faults", ""), want{200, []string{`"mode":"normal"`}, nil})
		if late.status != 200 {
			t.Logf("refused: %s", late.body)
		}
	})
}

// withoutRevision takes the revision from an answer.
func withoutRevision(body string) string {
	return regexp.MustCompile(`"revision": \d+`).ReplaceAllString(body, "")
}

func TestWaitGoesByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t)
		ask("PUT", "/admin/faults/rules/a", `{"abort":503}`)
		for _, test := range []struct {
			query string
			took  time.Duration
		}{{"", 5 * time.Second}, {"&timeout=1m", time.Minute}, {"&hits=2&timeout=1ms", time.Millisecond}} {
			start := time.Now()
			check(t, ask("GET", "/admin/wait?rule=a"+test.query, ""), want{408, []string{`"hits":0`}, nil})
			if took := time.Since(start); took != test.took {
				t.Errorf("%q took %v, want %v", test.query, took, test.took)
			}
		}
	})
}

func TestARecorderIsEnough(t *testing.T) {
	l := newLab(t)
	recorder := httptest.NewRecorder()
	l.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "http://localhost/version", nil))
	if recorder.Code != 200 {
		t.Errorf("status %d", recorder.Code)
	}
}
