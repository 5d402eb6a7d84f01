package control

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// echo is an executor that answers each connection with the faults that hit it, and closes it.
type echo struct{}

func (echo) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	s := &echoServer{ln: ln}
	s.serving.Go(func() { s.serve(p) })
	return s
}

type echoServer struct {
	ln      net.Listener
	serving sync.WaitGroup
}

func (s *echoServer) serve(p *proxy.Proxy) {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		hits := decide(p.Settings().Faults, p.Name, "/x", time.Now())
		_, _ = io.WriteString(conn, strings.Join(hits, " "))
		_ = conn.Close()
	}
}

func (s *echoServer) Shutdown(context.Context) error {
	err := s.ln.Close()
	s.serving.Wait()
	return err
}

// running is a controller with an engine that listens.
func running(t *testing.T, store Store, names ...string) (*Controller, *proxy.Engine) {
	t.Helper()
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: echo{}}}
	t.Cleanup(func() {
		if err := engine.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := NewState(1)
	for _, name := range names {
		s.PutProxy(listening(name, "127.0.0.1:0"))
	}
	return start(t, Config{Engine: engine, Store: store}, s), engine
}

func listening(name, listen string) proxy.Config {
	c := config(name)
	c.Listen, c.Enabled = listen, true
	return c
}

// ask gives what a proxy does to a connection; "refused" if there is none.
func ask(t *testing.T, engine *proxy.Engine, name string) string {
	t.Helper()
	addr := engine.Addr(name)
	if addr == nil {
		return "refused"
	}
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		return "refused"
	}
	defer conn.Close()
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestTrafficSeesAChangeAsSoonAsItIsAnswered(t *testing.T) {
	k, engine := running(t, nil, "a", "b")
	for _, tt := range []struct{ document, a, b string }{
		{`{"mode":"failure"}`, "mode/failure", "mode/failure"},
		{`{"modes":{"a":"normal"}}`, "", "mode/failure"},
		{`{"rules":[{"name":"x","proxy":"a","abort":503}]}`, "x", "mode/failure"},
		{`{"mode":"normal","modes":null,"rules":[]}`, "", ""},
	} {
		for range 20 {
			changeTo(t, k, tt.document)
			if a, b := ask(t, engine, "a"), ask(t, engine, "b"); a != tt.a || b != tt.b {
				t.Fatalf("%s: got %q and %q, want %q and %q", tt.document, a, b, tt.a, tt.b)
			}
		}
	}
}

func TestAnExpiryReachesTheTraffic(t *testing.T) {
	k, engine := running(t, nil, "a")
	changeTo(t, k, `{"mode":"failure","ttl":"20ms"}`)
	for deadline := time.Now().Add(10 * time.Second); ask(t, engine, "a") != ""; {
		if time.Now().After(deadline) {
			t.Fatal("the mode does not end")
		}
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	k, engine := running(t, nil, "a")
	before := k.State()
	for name, tt := range map[string]struct {
		change func(*State) error
		field  string
	}{
		"a new proxy": {func(s *State) error { s.PutProxy(listening("b", taken.Addr().String())); return nil }, "proxies[b].listen"},
		"a moved one": {func(s *State) error {
			s.Clear()
			s.SetSeed(7)
			return s.PatchProxy("a", node(t, `{"listen":"`+taken.Addr().String()+`"}`))
		}, "proxies[a].listen"},
	} {
		_, err := k.Change(t.Context(), Request{}, tt.change)
		if code, field := refusal(err); code != Conflict || field != tt.field || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: refused with %q at %q: %v", name, code, field, err)
		}
		if k.State() != before || ask(t, engine, "a") != "" || engine.Addr("b") != nil {
			t.Errorf("%s: something changed", name)
		}
	}
}

// When the change cannot be saved, what was bound for it is given up and what runs goes on.
func TestAListenerOfAChangeThatCannotBeSaved(t *testing.T) {
	store := &fakeStore{}
	k, engine := running(t, store, "a")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	store.failWith(storageError(syscall.ENOSPC))
	adding := func(s *State) error {
		s.PutProxy(listening("b", at))
		return s.SetMode(ModeFailure, "", Hold{})
	}
	if _, err := k.Change(t.Context(), Request{}, adding); codeOf(err) != Full {
		t.Errorf("got %v", err)
	}
	if ask(t, engine, "a") != "" || engine.Addr("b") != nil {
		t.Error("a refused change is in force")
	}
	if conn, err := net.Dial("tcp", at); err == nil {
		t.Error("the refused proxy listens")
		conn.Close()
	}
	store.failWith(nil)
	change(t, k, adding)
	if a, b := ask(t, engine, "a"), ask(t, engine, "b"); a != "mode/failure" || b != "mode/failure" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestProxiesComeAndGo(t *testing.T) {
	k, engine := running(t, nil)
	change(t, k, func(s *State) error { s.PutProxy(listening("a", "127.0.0.1:0")); return nil })
	bound := engine.Addr("a").String()
	change(t, k, func(s *State) error { return s.PatchProxy("a", node(t, `{"enabled":false}`)) })
	if ask(t, engine, "a") != "refused" {
		t.Error("a disabled proxy listens")
	}
	change(t, k, func(s *State) error { return s.PatchProxy("a", node(t, `{"enabled":true,"listen":"`+bound+`"}`)) })
	if ask(t, engine, "a") != "" || engine.Addr("a").String() != bound {
		t.Error("an enabled proxy does not listen where it did")
	}
	change(t, k, func(s *State) error { return s.RemoveProxy("a") })
	if ask(t, engine, "a") != "refused" {
		t.Error("a proxy that was taken away listens")
	}
}
