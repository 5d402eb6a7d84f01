package http1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
)

// patience bounds how long a test waits for what must happen soon.
const patience = 20 * time.Second

// maxSplit is up to how many bytes a vector is cut everywhere.
const maxSplit = 300

// startEngine runs the engine before an upstream, and gives the address that clients call.
func startEngine(t *testing.T, upstream string, rules ...string) (engine *proxy.Engine, addr string) {
	t.Helper()
	engine = &proxy.Engine{
		Executors: map[string]proxy.Executor{proxy.DefaultEngine: &http1.Executor{}},
		Observer:  func(*proxy.Exchange) {},
	}
	config := proxy.Defaults()
	config.Name, config.Listen, config.Upstream = "p", "127.0.0.1:0", "http://"+upstream
	endpoint := proxy.Endpoint{Config: config}
	for _, rule := range rules { // the last one holds
		endpoint.Faults = ruled(t, rule)
	}
	change, err := engine.Prepare([]proxy.Endpoint{endpoint})
	if err != nil {
		t.Fatal(err)
	}
	change.Commit()
	t.Cleanup(func() { stopEngine(t, engine) })
	return engine, engine.Addr("p").String()
}

// stopEngine ends the engine; a second call does nothing.
func stopEngine(t *testing.T, engine *proxy.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := engine.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// strictUpstream records every byte that reaches it, and answers what is a well-formed request.
type strictUpstream struct {
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	complete []string // the requests that came whole
	rests    []string // of connections: what was left of a request when they ended
	broken   []string // what is no HTTP
}

func startStrict(t *testing.T) *strictUpstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &strictUpstream{listener: ln}
	u.running.Go(u.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		u.running.Wait()
	})
	return u
}

func (u *strictUpstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.running.Go(func() { u.serve(conn) })
	}
}

func (u *strictUpstream) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * patience)) // a test that hangs ends
	var got string
	piece := make([]byte, 4<<10)
	for {
		n, err := conn.Read(piece)
		got += string(piece[:n])
		for got != "" {
			message, length, broken := parseStrict(got)
			if errors.Is(broken, errIncomplete) {
				break
			}
			u.record(message, broken, got)
			if broken != nil {
				return
			}
			got = got[length:]
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") // else missed at the client
			if message.method != http.MethodHead {
				_, _ = io.WriteString(conn, "ok")
			}
		}
		if err != nil {
			u.mu.Lock()
			u.rests = append(u.rests, got)
			u.mu.Unlock()
			return
		}
	}
}

func (u *strictUpstream) record(m strictMessage, broken error, got string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if broken != nil {
		u.broken = append(u.broken, broken.Error()+" in "+got)
		return
	}
	u.complete = append(u.complete, m.String())
}

// taken gives the requests that came whole, and forgets them.
func (u *strictUpstream) taken() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	complete := u.complete
	u.complete = nil
	return complete
}

// end waits until everything that was ever sent here is recorded; the engine was stopped before. Connections are accepted
// in their order, so an answer on one more says that all were.
func (u *strictUpstream) end(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", u.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET /last HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: x\r\nX-Forwarded-Proto: x\r\nX-Request-Id: x\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatalf("the upstream is gone: %v", err)
	}
	_ = conn.Close()
	_ = u.listener.Close()
	u.running.Wait()
}

// outcome is what a client saw on a connection, up to its end.
type outcome struct {
	statuses []int
	trouble  error // what was not a whole reply
}

// attack sends pieces on one connection and reads until the proxy ends it.
func attack(t *testing.T, addr string, pieces []string, methods []string) outcome {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			break // the proxy has had enough, which its reply says
		}
	}
	var got outcome
	for reader := bufio.NewReader(conn); ; {
		if _, err := reader.Peek(1); err != nil {
			if err != io.EOF {
				got.trouble = err
			}
			return got
		}
		method := http.MethodGet
		if len(got.statuses) < len(methods) {
			method = methods[len(got.statuses)]
		}
		reply, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err == nil {
			_, err = io.Copy(io.Discard, reply.Body)
		}
		if err != nil {
			got.trouble = err
			return got
		}
		got.statuses = append(got.statuses, reply.StatusCode)
	}
}

// methodsOf gives the methods of expected requests.
func methodsOf(want []string) []string {
	var methods []string
	for _, w := range want {
		method, _, _ := strings.Cut(w, " ")
		methods = append(methods, method)
	}
	return methods
}

// splits gives the ways in which bytes are sent: whole, one by one, and, if they are few, in two pieces, cut everywhere.
func splits(raw string) [][]string {
	var single []string
	for i := range len(raw) {
		single = append(single, raw[i:i+1])
	}
	ways := [][]string{{raw}, single}
	if len(raw) <= maxSplit {
		for i := 1; i < len(raw); i++ {
			ways = append(ways, []string{raw[:i], raw[i:]})
		}
	}
	return ways
}

// sameRequests compares what reached the upstream with what was expected.
func sameRequests(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the upstream got\n %q, want\n %q", what, got, want)
	}
}
