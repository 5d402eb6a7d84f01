package proxytest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// peer is one end of a raw connection.
type peer struct {
	t *testing.T
	net.Conn
	reader *bufio.Reader
}

// scripted starts an upstream that hands each connection to script, and closes it afterwards.
func scripted(t *testing.T, script func(*peer)) string {
	t.Helper()
	return "http://" + serveScript(t, script, func(conn net.Conn) net.Conn { return conn })
}

// serveScript is scripted with connections that wrap has changed. It gives the address.
func serveScript(t *testing.T, script func(*peer), wrap func(net.Conn) net.Conn) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{t: t, listener: ln, script: script, wrap: wrap, open: make(map[net.Conn]struct{})}
	u.running.Go(u.accept)
	t.Cleanup(u.close)
	return ln.Addr().String()
}

type rawUpstream struct {
	t        *testing.T
	listener net.Listener
	script   func(*peer)
	wrap     func(net.Conn) net.Conn
	running  sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{} // nil once closed
}

func (u *rawUpstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		if u.open != nil {
			u.open[conn] = struct{}{}
			u.running.Go(func() { u.run(conn) })
		}
		u.mu.Unlock()
	}
}

func (u *rawUpstream) run(conn net.Conn) {
	conn = u.wrap(conn)
	defer conn.Close()
	u.script(&peer{u.t, conn, bufio.NewReader(conn)})
}

func (u *rawUpstream) close() {
	_ = u.listener.Close()
	u.mu.Lock()
	for conn := range u.open {
		_ = conn.Close()
	}
	u.open = nil
	u.mu.Unlock()
	u.running.Wait()
}

// dial connects a raw client to the proxy; it is closed with the test.
func (r *rig) dial() *peer {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience)) // a test that hangs says where
	return &peer{r.t, conn, bufio.NewReader(conn)}
}

// send writes bytes; lines are joined with CRLF.
func (p *peer) send(lines ...string) {
	_, _ = io.WriteString(p, strings.Join(lines, "\r\n")) // what does not arrive is missed at the other end
}

// head reads up to an empty line, and gives the first line and the fields, sorted, as "Name: value" with the name in
// its canonical form. It fails at the end of the connection.
func (p *peer) head() (line string, fields []string, err error) {
	for {
		text, err := p.reader.ReadString('\n')
		if err != nil {
			return line, fields, err
		}
		text = strings.TrimRight(text, "\r\n")
		switch {
		case text == "":
			slices.Sort(fields)
			return line, fields, nil
		case line == "":
			line = text
		default:
			name, value, _ := strings.Cut(text, ": ")
			fields = append(fields, textproto.CanonicalMIMEHeaderKey(name)+": "+value)
		}
	}
}

// mustHead is head where the connection must not end; for the test's own goroutine.
func (p *peer) mustHead() (line string, fields []string) {
	p.t.Helper()
	line, fields, err := p.head()
	if err != nil {
		p.t.Fatalf("reading a head: %v after %q", err, line)
	}
	return line, fields
}

// expect reads exactly want.
func (p *peer) expect(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(p.reader, got)
	if string(got[:n]) != want {
		p.t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// expectEnd reads the end of the connection: closed or reset, without another byte.
func (p *peer) expectEnd() {
	p.t.Helper()
	rest, err := io.ReadAll(p.reader)
	var timeout net.Error
	if len(rest) > 0 || errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatalf("the connection goes on: %q, %v", rest, err)
	}
}

// reply reads a whole reply to a request of a method.
func (p *peer) reply(method string) (*http.Response, string) {
	p.t.Helper()
	reply, err := http.ReadResponse(p.reader, &http.Request{Method: method})
	if err != nil {
		p.t.Fatalf("reading a reply: %v", err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		p.t.Fatalf("reading the body of a reply: %v after %q", err, body)
	}
	return reply, string(body)
}

// field gives the value of a field in what head gave; "" if it is not there.
func field(fields []string, name string) string {
	for _, f := range fields {
		if value, ok := strings.CutPrefix(f, name+": "); ok {
			return value
		}
	}
	return ""
}

// received is what a recording upstream got.
type received struct {
	line   string
	fields []string
	body   string
}

// recording starts an upstream that records requests, raw, and answers each with the same bytes. Bodies are read as far
// as the fields announce them. Beyond 100 requests that nobody has looked at it forgets.
func recording(t *testing.T, reply string) (url string, requests <-chan received) {
	t.Helper()
	got := make(chan received, 100)
	return scripted(t, func(p *peer) {
		for {
			var r received
			var err error
			if r.line, r.fields, err = p.head(); err != nil {
				return
			}
			if r.body, err = p.announcedBody(r.fields); err != nil {
				return
			}
			select {
			case got <- r:
			default:
			}
			p.send(reply)
		}
	}), got
}

// announcedBody reads a body as it is on the wire: chunked ones with their framing and trailers.
func (p *peer) announcedBody(fields []string) (string, error) {
	if field(fields, "Transfer-Encoding") != "chunked" {
		length, _ := strconv.Atoi(field(fields, "Content-Length")) // none = 0
		body := make([]byte, length)
		_, err := io.ReadFull(p.reader, body)
		return string(body), err
	}
	var body strings.Builder
	for last := false; ; {
		line, err := p.reader.ReadString('\n')
		body.WriteString(line)
		if err != nil {
			return body.String(), err
		}
		if last && line == "\r\n" {
			return body.String(), nil
		}
		last = last || line == "0\r\n"
	}
}

// next gives the next recorded request.
func next(t *testing.T, requests <-chan received) received {
	t.Helper()
	select {
	case r := <-requests:
		return r
	case <-time.After(patience):
		t.Fatal("no request reached the upstream")
		return received{}
	}
}

// none fails if a request was recorded.
func none(t *testing.T, requests <-chan received) {
	t.Helper()
	select {
	case r := <-requests:
		t.Errorf("a request reached the upstream: %q", r.line)
	default:
	}
}

// rawPeer is a connection that was recorded: what can be read is given, and nothing can be written.
func rawPeer(t *testing.T, data string) *peer {
	return &peer{t: t, reader: bufio.NewReader(strings.NewReader(data))}
}
