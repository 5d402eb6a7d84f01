package main

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var waited []time.Duration
	for i := range 200 {
		waited = append(waited, time.Duration(i+1)*time.Microsecond)
	}
	for _, test := range []struct {
		of          []time.Duration
		share, want float64
	}{
		{waited, 0.5, 100}, {waited, 0.99, 198}, {waited[:1], 0.5, 1}, {waited[:1], 0.99, 1},
	} {
		if got := quantile(test.of, test.share); got != test.want {
			t.Errorf("%v of %d: got %v, want %v", test.share, len(test.of), got, test.want)
		}
	}
}

func TestRateIsAShareOfTheSlowest(t *testing.T) {
	if got := rateFor(round{"squall": {wall: 50}, "nginx": {wall: 20}, "other": {wall: 1000}}); got != 6000 { // 30 % of one in 50 µs
		t.Errorf("got %v/s", got)
	}
	if got := rateFor(round{"squall": {wall: 20}, "nginx": {wall: 50}}); got != 6000 {
		t.Errorf("got %v/s", got)
	}
	if got := rateFor(round{"squall": {wall: 100}}); got != 3000 { // no nginx
		t.Errorf("got %v/s", got)
	}
}

// A reply that is late makes those late that should have been asked for meanwhile.
func TestPacedCountsFromTheIntendedStart(t *testing.T) {
	const late, rate, exchanges = 50 * time.Millisecond, 200, 20
	here, there := net.Pipe()
	served := make(chan struct{})
	go serveLate(there, late, served)
	load := clients{{conn: here, in: bufio.NewReader(here)}}
	begun := time.Now()
	waited, err := load.paced(t.Context(), usualRequest, rate, exchanges)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < (exchanges-1)*time.Second/rate {
		t.Errorf("%d exchanges at %d/s were over after %v", exchanges, rate, took)
	}
	load.close()
	<-served
	if len(waited) != exchanges {
		t.Fatalf("%d exchanges, want %d", len(waited), exchanges)
	}
	for i, got := range waited {
		if want := late - time.Duration(i)*time.Second/rate; got < want {
			t.Errorf("exchange %d: waited %v, want at least %v", i, got, want)
		}
	}
}

// serveLate answers the first request late, and the others at once.
func serveLate(conn net.Conn, late time.Duration, served chan<- struct{}) {
	defer close(served)
	defer conn.Close()
	in := bufio.NewReader(conn)
	for first := true; ; first = false {
		if _, _, err := readHead(in); err != nil {
			return
		}
		if first {
			<-time.After(late)
		}
		if reply(conn, "GET /") != nil {
			return
		}
	}
}

// While one connection waits for its reply, another goes on: the first reply comes after all others.
func TestPacedIsAnOpenLoop(t *testing.T) {
	const exchanges = 10
	var load clients
	desk := &desk{others: make(chan struct{}, exchanges), want: exchanges - 1}
	for range 2 {
		here, there := net.Pipe()
		desk.working.Go(func() { desk.serve(there) })
		load = append(load, &client{conn: here, in: bufio.NewReader(here)})
	}
	waited, err := load.paced(t.Context(), usualRequest, 1000, exchanges)
	if err != nil || len(waited) != exchanges {
		t.Errorf("%d exchanges, %v", len(waited), err)
	}
	load.close()
	desk.working.Wait()
}

// desk answers requests; the first of all only after so many others.
type desk struct {
	first   sync.Once
	others  chan struct{}
	want    int
	working sync.WaitGroup
}

func (d *desk) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		if _, _, err := readHead(in); err != nil {
			return
		}
		isFirst := false
		d.first.Do(func() { isFirst = true })
		if isFirst {
			for range d.want {
				<-d.others
			}
		}
		if reply(conn, "GET /") != nil {
			return
		}
		if !isFirst {
			d.others <- struct{}{}
		}
	}
}

func TestPacedFails(t *testing.T) {
	here, there := net.Pipe()
	there.Close()
	load := clients{{conn: here, in: bufio.NewReader(here)}}
	if _, err := load.paced(t.Context(), usualRequest, 1000, 3); err == nil {
		t.Error("no error")
	}
	load.close()
}
