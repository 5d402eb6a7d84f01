package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
)

func TestFindSaysWhatToInstall(t *testing.T) {
	names := []string{"sh", "no-such-proxy"}
	_, err := find(names, false, &bytes.Buffer{})
	if err == nil || err.Error() != "no-such-proxy is not installed: install the Debian package no-such-proxy (make bench does)" {
		t.Errorf("got %v", err)
	}
	var out bytes.Buffer
	found, err := find(names, true, &out)
	if err != nil || len(found) != 1 || found["sh"] == "" {
		t.Errorf("found %q, %v", found, err)
	}
	if want := "left out, not installed: no-such-proxy (Debian package no-such-proxy)\n"; out.String() != want {
		t.Errorf("printed %q", &out)
	}
}

func TestWhoIsNotInstalledTakesNoPart(t *testing.T) {
	l := &lab{programs: map[string]string{"nginx": "/usr/sbin/nginx"}}
	var names []string
	for _, c := range l.present(smallField()) {
		names = append(names, c.name)
	}
	all := strings.Join(names, ",")
	if !strings.HasPrefix(all, "direct,ReverseProxy,ReverseProxy A/A,nginx,nginx A/A,squall,") {
		t.Errorf("got %s", all)
	}
}

func TestRaiseDescriptorsSaysHowManyAreNeeded(t *testing.T) {
	err := raiseDescriptors(1 << 40)
	if err == nil || !strings.HasPrefix(err.Error(), "-idle: 1099511627776 clients need 2199023255616 descriptors") {
		t.Errorf("got %v", err)
	}
}

func TestWrittenCountsWhatGoesToSockets(t *testing.T) {
	before, err := writtenBy(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	load, err := dial(ln.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer load.close()
	if err := writeBody(load[0].conn, 10_000); err != nil { // fits the socket's buffer
		t.Fatal(err)
	}
	after, err := writtenBy(os.Getpid())
	if err != nil || after-before < 10_000 {
		t.Errorf("counted %d of 10000 bytes, %v", after-before, err)
	}
}

func TestAnAbortIsAReplyToThoseWhoTakeIt(t *testing.T) {
	const abort = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nx"
	here, there := net.Pipe()
	served := make(chan struct{})
	go serveText(there, abort, served)
	c := &client{conn: here, in: bufio.NewReader(here), aborts: true}
	if got, err := c.exchange(usualRequest, 0); err != nil || got != 1 || c.aborted != 1 {
		t.Errorf("got %d bytes, %d aborted, %v", got, c.aborted, err)
	}
	here.Close()
	<-served
	none := running{contender{name: "never", aborts: true}, nil, clients{{}, {}}}
	some := running{contender{name: "some", aborts: true}, nil, clients{{}, c}}
	if err := checkAborts([]running{some, none, {contender: contender{name: "steady"}}}); err == nil || err.Error() != "never: no exchange was aborted" {
		t.Errorf("got %v", err)
	}
}

// A proxy that takes long replies off an upstream although nobody reads them would show here.
func TestSlowReadersHoldBackTheUpstream(t *testing.T) {
	s := quick()
	l, err := openLab(t.Context(), "none", nil, s)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	}()
	p, err := startReverseProxy(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	s.slow = 3
	h, err := l.slowReaders(t.Context(), p, s)
	if err != nil {
		t.Fatal(err)
	}
	if all := float64(s.slow) * float64(s.slowBody) / (1 << 20); h.read <= 0 || h.sent < h.read || h.sent > all/2 {
		t.Errorf("of %.0f MiB %.1f were sent, %.3f read", all, h.sent, h.read)
	}
}
