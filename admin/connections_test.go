package admin_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

// open opens a connection to a lab and sends the beginning of a request.
func (l *lab) open(t *testing.T, sent string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ended waits until a connection is ended by the other side.
func ended(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("not ended: %v", err)
	}
}

const (
	half = "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
	poll = "GET /admin/wait?rule=slow&timeout=60s HTTP/1.1\r\nHost: localhost\r\n\r\n"
)

// Connections that lie there make room for new ones, the oldest first; one that is answered stays.
func TestSilentConnectionsGiveWay(t *testing.T) {
	asked := make(chan struct{})
	l := newLab(t, func(s *admin.Server) { s.Controller = &waitSpy{Controller: s.Controller, asked: asked} })
	l.must(t, "PUT", "/admin/faults/rules/slow", slow)
	l.http.CloseIdleConnections()
	waiting := l.open(t, poll)
	<-asked
	var silent []net.Conn
	for i := range 3 * admin.MaxConnections {
		silent = append(silent, l.open(t, []string{half, "", "GET / HTTP"}[i%3]))
	}
	for _, conn := range silent[:len(silent)-admin.MaxConnections+1] {
		ended(t, conn)
	}
	for range 10 {
		check(t, l.do(t, "GET", "/version", "", "Connection: close"), want{200, nil, nil})
	}
	l.decide(t, "flaky", "/") // a hit
	response, err := http.ReadResponse(bufio.NewReader(waiting), nil)
	if err != nil {
		t.Fatalf("the one that was answered: %v", err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("the one that was answered: %d", response.StatusCode)
	}
	last := silent[len(silent)-1] // 10 connections were opened after it, fewer than there is room for
	if _, err := io.WriteString(last, "/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(last); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("the youngest: %v %s", err, answer)
	}
}

// Only where there is no place somebody has to give way: those who have left need none.
func TestManyConnectionsOneAfterTheOtherCutNobody(t *testing.T) {
	l := newLab(t)
	oldest := l.open(t, "")
	for range 2 * admin.MaxConnections {
		check(t, l.do(t, "GET", "/version", "", "Connection: close"), want{200, nil, nil})
	}
	if _, err := io.WriteString(oldest, "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(oldest); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("%v %s", err, answer)
	}
}

// pollSpy counts those who wait.
type pollSpy struct {
	admin.Controller
	asked chan struct{}
}

func (s *pollSpy) WaitHits(ctx context.Context, at control.Address, n uint64) (uint64, error) {
	s.asked <- struct{}{}
	return s.Controller.WaitHits(ctx, at, n)
}

// Where all connections are being answered, a new one waits for the end of one; none is cut.
func TestANewConnectionWaitsForThoseThatAreAnswered(t *testing.T) {
	asked := make(chan struct{}, admin.MaxConnections)
	l := newLab(t, func(s *admin.Server) { s.Controller = &pollSpy{s.Controller, asked} })
	l.must(t, "PUT", "/admin/faults/rules/slow", slow)
	l.http.CloseIdleConnections()
	var polls []net.Conn
	for range admin.MaxConnections {
		polls = append(polls, l.open(t, poll))
		<-asked
	}
	late := l.open(t, "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if err := late.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := late.Read(make([]byte, 1)); n > 0 || !strings.Contains(err.Error(), "timeout") {
		t.Fatalf("beyond the bound: %d bytes, %v", n, err)
	}
	polls[0].Close()
	if err := late.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(late); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("when one has left: %v %s", err, answer)
	}
	l.decide(t, "flaky", "/")
	for _, conn := range polls[1:] {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Errorf("a poll: %d", response.StatusCode)
		}
	}
}
