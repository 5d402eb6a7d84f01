package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"
)

// patience bounds how long a test waits for what must happen soon.
const patience = 20 * time.Second

// bulk is more than one side of a connection buffers at first.
var bulk = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)

// eachEnding runs a test over a clear connection and one under TLS. served is what the listeners of an engine give.
func eachEnding(t *testing.T, test func(t *testing.T, client, served net.Conn)) {
	t.Run("clear", func(t *testing.T) {
		client, served := connect(t)
		test(t, client, served)
	})
	t.Run("tls", func(t *testing.T) {
		client, served := connect(t)
		secureClient, secureServed := secured(t, client, served)
		test(t, secureClient, secureServed)
	})
}

func connect(t *testing.T) (client *net.TCPConn, served net.Conn) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{places: make(places, 1)}
	ln := e.admit(socket, &Proxy{Name: "a"}, TCP)
	t.Cleanup(func() { _ = ln.Close() })
	dialled, err := net.Dial("tcp", socket.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if served, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dialled.Close(), served.Close() })
	_ = dialled.SetDeadline(time.Now().Add(patience)) // a test that hangs says where
	return dialled.(*net.TCPConn), served
}

// secured puts TLS on a connection.
func secured(t *testing.T, client, served net.Conn) (secureClient, secureServed *tls.Conn) {
	t.Helper()
	issuer := httptest.NewTLSServer(nil) // has a certificate, and a client that trusts it
	defer issuer.Close()
	trusting := issuer.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trusting.ServerName, trusting.MaxVersion = "example.com", tls.VersionTLS12 // in 1.3 alerts cannot be told from data
	secureClient = tls.Client(client, trusting)
	secureServed = tls.Server(served, &tls.Config{Certificates: issuer.TLS.Certificates})
	greeted := make(chan error)
	go func() { greeted <- secureClient.Handshake() }()
	if err := errors.Join(secureServed.Handshake(), <-greeted); err != nil {
		t.Fatal(err)
	}
	return secureClient, secureServed
}

// write writes what the other side will read later.
func write(t *testing.T, conn net.Conn, data []byte) {
	t.Helper()
	if _, err := conn.Write(data); err != nil {
		t.Error(err)
	}
}

func TestResetIsSeenAsAReset(t *testing.T) {
	eachEnding(t, func(t *testing.T, client, served net.Conn) {
		write(t, served, []byte("half"))
		write(t, client, []byte("unread"))
		Reset(served)
		if got, err := io.ReadAll(client); string(got) != "half" || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := served.Write([]byte("x")); err == nil {
			t.Error("the connection is still open")
		}
	})
}

// TestAllArrivesBeforeAReset although the client reads slowly, through a small window.
func TestAllArrivesBeforeAReset(t *testing.T) {
	eachEnding(t, func(t *testing.T, client, served net.Conn) {
		if err := socketOf(client).(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			write(t, served, bulk)
			reset(served, patience, patience)
		}()
		got := make([]byte, 0, len(bulk))
		piece := make([]byte, 4<<10)
		for {
			n, err := client.Read(piece)
			got = append(got, piece[:n]...)
			if err == nil {
				continue
			}
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("ended by %v", err)
			}
			break
		}
		if !bytes.Equal(got, bulk) {
			t.Errorf("%d bytes of %d arrived", len(got), len(bulk))
		}
		<-ended
	})
}

// TestAResetWaitsForNobodyLong: a client that does not read at all is reset all the same.
func TestAResetWaitsForNobodyLong(t *testing.T) {
	for name, test := range map[string]struct {
		reset       func(net.Conn)
		least, most time.Duration
	}{
		"without progress": {Reset, endWait, endLimit},
		"in all":           {func(conn net.Conn) { reset(conn, patience, endWait) }, endWait, endLimit},
	} {
		client, served := connect(t)
		_ = served.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		for {
			if _, err := served.Write(bulk); err != nil {
				break // both buffers are full
			}
		}
		start := time.Now()
		test.reset(served)
		if took := time.Since(start); took < test.least || took >= test.most {
			t.Errorf("%s: took %v, want %v", name, took, test.least)
		}
		if _, err := io.Copy(io.Discard, client); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: ended by %v", name, err)
		}
	}
}

func TestFinishIsACleanEnd(t *testing.T) {
	eachEnding(t, func(t *testing.T, client, served net.Conn) {
		write(t, client, bulk[:endDrop/2]) // nobody has read this when the end comes
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			write(t, served, bulk)
			Finish(served)
		}()
		got, err := io.ReadAll(client)
		if err != nil || !bytes.Equal(got, bulk) {
			t.Errorf("got %d bytes of %d, %v", len(got), len(bulk), err)
		}
		<-ended // a FIN, and no reset behind it
		if n, err := socketOf(client).Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("behind the end: %d, %v", n, err)
		}
	})
}

// TestFinishTakesLeaveUnderTLS: without a close_notify a client must take the end for an attack (RFC 5246, 7.2.1).
func TestFinishTakesLeaveUnderTLS(t *testing.T) {
	client, served := connect(t)
	_, secureServed := secured(t, client, served)
	_ = client.CloseWrite()
	Finish(secureServed)
	const alert = 21
	if got, err := io.ReadAll(client); len(got) == 0 || got[0] != alert || err != nil {
		t.Errorf("got %x, %v", got, err)
	}
}

// TestFinishEndsWithItsClient, not only when its time is over.
func TestFinishEndsWithItsClient(t *testing.T) {
	client, served := connect(t)
	_ = client.CloseWrite()
	start := time.Now()
	finish(served, patience)
	if took := time.Since(start); took > patience/2 {
		t.Errorf("took %v", took)
	}
	if got, err := io.ReadAll(client); len(got) > 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestFinishDropsNoMoreThanALittle: a client that goes on sending does not keep it.
func TestFinishDropsNoMoreThanALittle(t *testing.T) {
	client, served := connect(t)
	sent := make(chan error)
	go func() {
		for {
			if _, err := client.Write(bulk); err != nil {
				sent <- err
				return
			}
		}
	}()
	start := time.Now()
	finish(served, patience)
	if took := time.Since(start); took > patience/2 {
		t.Errorf("took %v", took)
	}
	if err := <-sent; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the client could go on sending")
	}
}

// TestEndingsOfOtherConnections: what is no TCP is closed.
func TestEndingsOfOtherConnections(t *testing.T) {
	for name, end := range map[string]func(net.Conn){"reset": Reset, "finish": Finish} {
		client, served := net.Pipe()
		end(served)
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		_ = client.Close()
	}
}
