package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 1, 2, 100}, spread{3, 1, 100}},
	} {
		if got := spreadOf(test.values); got != test.want {
			t.Errorf("%v: got %v, want %v", test.values, got, test.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		figure, target float64
		want           string
	}{
		{1.15, 1.15, "at most 1.15: met"}, {1.16, 1.15, "at most 1.15: NOT met"}, {9, 0, ""},
	} {
		if got := verdict(test.figure, test.target, "%.2f"); got != test.want {
			t.Errorf("%v of %v: got %q, want %q", test.figure, test.target, got, test.want)
		}
	}
}

// The kernel counts what a thread spends at its next tick, which is why only half is asked for.
func TestCPUOfCounts(t *testing.T) {
	const busy = 60 * time.Millisecond
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for start := used(); used() < start+busy; {
	}
	after, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if grown := after - before; grown < busy/2 {
		t.Errorf("CPU grew by %v over %v of work", grown, busy)
	}
}

func TestCPUOfNobody(t *testing.T) {
	if got, err := cpuOf(1 << 30); err == nil { // above the highest process number that Linux gives, 1<<22
		t.Errorf("got %v", got)
	}
}

// A conversation with the upstream, the way that the load has it.
func TestUpstreamAnswers(t *testing.T) {
	here, there := net.Pipe()
	served := make(chan struct{})
	go serveOne(there, served)
	c := &client{conn: here, in: bufio.NewReader(here)}
	for _, test := range []struct {
		name, head string
		body, want int64
	}{
		{"usual", usualRequest, 0, 78},
		{"bytes", "GET /bytes/200000 HTTP/1.1\r\n\r\n", 0, 200_000},
		{"body", "POST / HTTP/1.1\r\ncontent-length: 150000\r\n\r\n", 150_000, 78},
		{"usual again", usualRequest, 0, 78},
	} {
		if got, err := c.exchange(test.head, test.body); err != nil || got != test.want {
			t.Errorf("%s: got %d bytes, %v", test.name, got, err)
		}
	}
	here.Close()
	<-served
}

func serveOne(conn net.Conn, served chan<- struct{}) {
	answer(conn)
	close(served)
}

func TestLoadRefuses(t *testing.T) {
	for name, reply := range map[string]string{
		"a fault":        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nx",
		"no length":      "HTTP/1.1 200 OK\r\n\r\n",
		"a wrong length": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"a short body":   "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
		"half a head":    "HTTP/1.1 200 OK\r\nContent-",
	} {
		here, there := net.Pipe()
		served := make(chan struct{})
		go serveText(there, reply, served)
		c := &client{conn: here, in: bufio.NewReader(here)}
		if got, err := c.exchange(usualRequest, 0); err == nil {
			t.Errorf("%s: got %d bytes and no error", name, got)
		}
		here.Close()
		<-served
	}
}

func serveText(conn net.Conn, reply string, served chan<- struct{}) {
	defer close(served)
	defer conn.Close()
	if _, _, err := readHead(bufio.NewReader(conn)); err == nil {
		_, _ = io.WriteString(conn, reply)
	}
}

func TestDriveSharesTheExchanges(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	requests := make(chan int, 3)
	load, err := dial(ln.Addr().String(), 3)
	if err != nil {
		t.Fatal(err)
	}
	for range load {
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go count(conn, requests)
	}
	if err := load.drive(context.Background(), usualRequest, 10); err != nil {
		t.Fatal(err)
	}
	load.close()
	sum := 0
	for range load {
		n := <-requests
		if n != 3 && n != 4 {
			t.Errorf("a connection had %d of 10 exchanges", n)
		}
		sum += n
	}
	if sum != 10 {
		t.Errorf("%d exchanges, want 10", sum)
	}
}

// count answers one connection's requests, and tells how many there were.
func count(conn net.Conn, requests chan<- int) {
	defer conn.Close()
	in, n := bufio.NewReader(conn), 0
	for ; ; n++ {
		request, _, err := readHead(in)
		if err != nil {
			break
		}
		if reply(conn, request) != nil {
			break
		}
	}
	requests <- n
}
