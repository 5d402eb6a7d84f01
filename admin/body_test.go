package admin_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

// Whoever is refused, or asks where no body is wanted, is answered at once though the body is unfinished, and the
// connection ends half a second later: not at once, or a client that is still sending would lose the answer.
func TestAnUnfinishedBodyDelaysNoRefusal(t *testing.T) {
	const one = "Content-Length: 1000\r\n\r\n{"
	for _, test := range []struct {
		name, sent string
		status     int
		adjust     func(*admin.Server)
	}{
		{"no token", "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\n" + one, 401, withToken},
		{"a foreign origin", "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n" + one, 403, nil},
		{"a foreign host", "PUT /admin/faults HTTP/1.1\r\nHost: evil.example\r\n" + one, 421, nil},
		{"too large", "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n{", 413, nil},
		{"chunked", "PUT /admin/faults HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{", 421, nil},
		{"100-continue", "PUT /admin/faults HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n", 421, nil},
		{"a body for nobody", "DELETE /admin/faults HTTP/1.1\r\nHost: localhost\r\n" + one, 200, nil},
		{"no such route", "PUT /nothing HTTP/1.1\r\nHost: localhost\r\n" + one, 404, nil},
		{"no such method", "PUT /version HTTP/1.1\r\nHost: localhost\r\n" + one, 405, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &admin.Server{Controller: newController(t, control.Config{Engine: &engine{}, Policy: control.DefaultPolicy()})}
				if test.adjust != nil {
					test.adjust(server)
				}
				near, far := net.Pipe()
				stop := servePipe(t, server, far)
				defer stop()
				defer near.Close()
				start := time.Now()
				if _, err := io.WriteString(near, test.sent); err != nil {
					t.Fatal(err)
				}
				reader := bufio.NewReader(near)
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != 0 || response.StatusCode != test.status || !response.Close {
					t.Errorf("%d after %v, close %v; want %d at once, and the end", response.StatusCode, took, response.Close, test.status)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil {
					t.Error(err)
				}
				response.Body.Close()
				if _, err := reader.ReadByte(); err != io.EOF {
					t.Errorf("got %v, want the end", err)
				}
				if took := time.Since(start); took != 500*time.Millisecond {
					t.Errorf("ended after %v", took)
				}
			})
		})
	}
}

// A request whose body came whole keeps its connection, also when it is refused for what the body says.
func TestAWholeBodyKeepsTheConnection(t *testing.T) {
	l := newLab(t)
	for _, body := range []string{`{"mode":"failure"}`, `{"mode":"no"}`, "{"} {
		request, err := http.NewRequestWithContext(t.Context(), "PUT", l.url+"/admin/faults", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := l.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.Close {
			t.Errorf("%s: %d closes the connection", body, response.StatusCode)
		}
	}
}

// net/http answers OPTIONS * by itself, past every guard, unless it is told not to.
func TestOptionsOfTheWholeServerMeetsTheGuard(t *testing.T) {
	for host, status := range map[string]string{"localhost": "400", "evil.example": "421"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(newLab(t).url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+status) || !strings.Contains(string(answer), "nosniff") {
			t.Errorf("Host: %s: %v\n%s", host, err, answer)
		}
	}
}

// A megabyte of [1,1,1,…] is half a million values, which would take 100 MB.
func TestABodyOfTooManyValuesIsRefused(t *testing.T) {
	l := newLab(t)
	list := func(n int) string {
		return `{"profiles":{"x":{"body":[1` + strings.Repeat(",1", n-1) + `]}}}`
	}
	const around = 4 // the document, profiles, x and the list
	check(t, l.do(t, "PUT", "/admin/faults", list(100_001-around)), want{400, []string{"more than 100000 values"}, nil})
	check(t, l.do(t, "PATCH", "/admin/proxies/flaky", list(100_001-around)), want{400, []string{"more than 100000 values"}, nil})
	if v := l.controller.State().Profiles; len(v) > 0 {
		t.Error("something changed")
	}
	check(t, l.do(t, "PUT", "/admin/faults", list(100_000-around)), want{200, nil, nil})
}

// slowController lets changes begin, and end when it is told to.
type slowController struct {
	admin.Controller
	begun, end chan struct{}
}

func (c *slowController) Change(ctx context.Context, r control.Request, mutate func(*control.State) error) (*control.State, error) {
	c.begun <- struct{}{}
	<-c.end
	return c.Controller.Change(ctx, r, mutate)
}

// lateController makes changes after a time.
type lateController struct {
	admin.Controller
	after time.Duration
}

func (c *lateController) Change(ctx context.Context, r control.Request, mutate func(*control.State) error) (*control.State, error) {
	time.Sleep(c.after)
	return c.Controller.Change(ctx, r, mutate)
}

// The ten seconds for a body are over when it is there: a slow disk may take longer.
func TestTheTimeForABodyDoesNotCutItsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		controller := newController(t, control.Config{Engine: &engine{}, Policy: control.DefaultPolicy()})
		near, far := net.Pipe()
		stop := servePipe(t, &admin.Server{Controller: &lateController{controller, 20 * time.Second}}, far)
		defer stop()
		defer near.Close()
		if _, err := io.WriteString(near, "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if answer, err := io.ReadAll(response.Body); response.StatusCode != 200 || err != nil {
			t.Errorf("%d, %v: %s", response.StatusCode, err, answer)
		}
	})
}

// Two bodies are documents at a time; those who wait for their turn leave when their client does; who has no body, and
// who does not send his, is in nobody's way.
func TestFewBodiesAreDocumentsAtOnce(t *testing.T) {
	slow := &slowController{begun: make(chan struct{}, 10), end: make(chan struct{})}
	l := newLab(t, func(s *admin.Server) {
		slow.Controller = s.Controller
		s.Controller = slow
	})
	for range 5 { // bodies that do not come
		conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	}
	var changes sync.WaitGroup
	for range 2 {
		changes.Go(func() { check(t, l.do(t, "PUT", "/admin/faults", "{}"), want{200, nil, nil}) })
	}
	<-slow.begun
	<-slow.begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "PUT", l.url+"/admin/faults", strings.NewReader("{"))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := l.http.Do(request); err == nil { // it would be refused when it is read
		response.Body.Close()
		t.Errorf("a third body was read: %d", response.StatusCode)
	}
	check(t, l.do(t, "GET", "/admin/faults", ""), want{200, nil, nil})
	changes.Go(func() { check(t, l.do(t, "PUT", "/admin/halt", ""), want{200, nil, nil}) })
	<-slow.begun
	close(slow.end)
	changes.Wait()
	check(t, l.do(t, "PUT", "/admin/faults", "{"), want{400, nil, nil})
}
