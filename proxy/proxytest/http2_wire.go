package proxytest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// How a stream ends, but for RST_STREAM, which is given with its error code.
const (
	ended         = "END_STREAM"
	internalError = "RST_STREAM INTERNAL_ERROR"
)

// h2conn is a client's connection of HTTP/2, frame by frame. Only the test's own goroutine uses it.
type h2conn struct {
	t *testing.T
	net.Conn
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	last    uint32 // stream
	streams map[uint32]*h2stream
	goaway  *http2.ErrCode
	closed  bool
	mayEnd  bool // the other side may close the connection while we write
}

// h2stream is what has come of a reply.
type h2stream struct {
	head     []string // fields, sorted, as "name: value"; of interim replies, too, before it
	body     string
	trailer  []string
	end      string // "" = it goes on
	headOnly bool   // the head was the end
}

// field gives the value of a field in the head.
func (s *h2stream) field(name string) string { return field(s.head, name) }

// http2 connects a client of HTTP/2 that does not ask first.
func (r *rig) http2() *h2conn {
	r.t.Helper()
	return newHTTP2(r.t, r.dial().Conn)
}

func newHTTP2(t *testing.T, conn net.Conn) *h2conn {
	t.Helper()
	c := &h2conn{t: t, Conn: conn, framer: http2.NewFramer(conn, conn), streams: make(map[uint32]*h2stream), last: 1}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.block)
	_, err := io.WriteString(conn, http2.ClientPreface)
	c.wrote(err)
	c.wrote(c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
	return c
}

// wrote fails the test where a frame could not be written, unless the connection has ended.
func (c *h2conn) wrote(err error) {
	c.t.Helper()
	if err != nil && c.mayEnd {
		c.closed = true
	}
	if err != nil && !c.closed {
		c.t.Fatalf("writing a frame: %v", err)
	}
}

// awaitPong reads until the other side has read all that was written, or has closed the connection.
func (c *h2conn) awaitPong() {
	c.t.Helper()
	c.wrote(c.framer.WritePing(false, [8]byte{1}))
	for !c.closed {
		frame, err := c.framer.ReadFrame()
		ping, isPing := frame.(*http2.PingFrame)
		switch {
		case err != nil:
			c.closed = true
		case isPing && ping.IsAck():
			return
		default:
			c.take(frame)
		}
	}
}

// open begins a stream; fields are names and values in turn. last says that there is no body.
func (c *h2conn) open(method, path string, last bool, fields ...string) (id uint32) {
	c.t.Helper()
	id = c.last
	c.last += 2
	c.streams[id] = &h2stream{}
	c.block.Reset()
	all := append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "shop.test"}, fields...)
	for i := 0; i < len(all); i += 2 {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}) // a buffer takes everything
	}
	c.wrote(c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.block.Bytes(), EndStream: last, EndHeaders: true,
	}))
	return id
}

// get is a whole exchange.
func (c *h2conn) get(path string, fields ...string) *h2stream {
	c.t.Helper()
	return c.await(c.open(http.MethodGet, path, true, fields...))
}

// send sends a piece of a body.
func (c *h2conn) send(id uint32, data string, last bool) {
	c.t.Helper()
	c.wrote(c.framer.WriteData(id, last, []byte(data)))
}

// reset cancels a stream.
func (c *h2conn) reset(id uint32) {
	c.t.Helper()
	c.wrote(c.framer.WriteRSTStream(id, http2.ErrCodeCancel))
}

// await reads until a stream is over.
func (c *h2conn) await(id uint32) *h2stream {
	c.t.Helper()
	s := c.streams[id]
	c.until("the end of a stream", func() bool { return s.end != "" })
	return s
}

// awaitBody reads until so much of a stream's body has come.
func (c *h2conn) awaitBody(id uint32, body string) *h2stream {
	c.t.Helper()
	s := c.streams[id]
	c.until("a body of "+body, func() bool { return len(s.body) >= len(body) || s.end != "" })
	equal(c.t, "body so far", s.body, body)
	return s
}

// until reads frames until something holds.
func (c *h2conn) until(what string, holds func() bool) {
	c.t.Helper()
	for !holds() {
		if c.closed {
			c.t.Fatalf("the connection has ended instead of %s", what)
		}
		frame, err := c.framer.ReadFrame()
		var refused http2.StreamError
		switch {
		case errors.As(err, &refused):
			c.t.Fatalf("%s: %v", what, err)
		case err != nil:
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				c.t.Fatalf("%s: nothing came", what)
			}
			c.closed = true
			continue
		}
		c.take(frame)
	}
}

// take keeps what a frame says.
func (c *h2conn) take(frame http2.Frame) {
	c.t.Helper()
	s := c.streams[frame.Header().StreamID]
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			c.wrote(c.framer.WriteSettingsAck())
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			c.wrote(c.framer.WritePing(true, f.Data))
		}
	case *http2.GoAwayFrame:
		code := f.ErrCode
		c.goaway = &code
	case *http2.MetaHeadersFrame:
		s.takeFields(f)
	case *http2.DataFrame:
		s.body += string(f.Data())
		if n := len(f.Data()); n > 0 {
			c.wrote(c.framer.WriteWindowUpdate(0, uint32(n)))
			if !f.StreamEnded() {
				c.wrote(c.framer.WriteWindowUpdate(f.StreamID, uint32(n)))
			}
		}
		if f.StreamEnded() {
			s.end = ended
		}
	case *http2.RSTStreamFrame:
		if s.end == "" { // NO_ERROR behind a whole reply says that the rest of the request is not wanted
			s.end = "RST_STREAM " + f.ErrCode.String()
		}
	}
}

func (s *h2stream) takeFields(f *http2.MetaHeadersFrame) {
	var fields []string
	for _, line := range f.Fields {
		fields = append(fields, line.Name+": "+line.Value)
	}
	slices.Sort(fields)
	if s.field(":status") != "" && !strings.HasPrefix(s.field(":status"), "1") {
		s.trailer = fields
	} else {
		s.head, s.headOnly = fields, f.StreamEnded()
	}
	if f.StreamEnded() {
		s.end = ended
	}
}

// expectEnd reads up to the end of the connection.
func (c *h2conn) expectEnd() {
	c.t.Helper()
	for !c.closed {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			c.closed = true
			return
		}
		c.take(frame)
	}
}

// serveHTTP2 starts an upstream that speaks HTTP/2 without TLS, and HTTP/1.1 if it is asked in that.
func serveHTTP2(t *testing.T, handler http.HandlerFunc) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var speaks http.Protocols
	speaks.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: &speaks, ReadHeaderTimeout: patience}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return "h2c://" + ln.Addr().String()
}

// http2Upstream starts an upstream that a test plays frame by frame: script gets each request's stream once its head is
// there.
func http2Upstream(t *testing.T, script func(f *http2.Framer, stream uint32)) (url string) {
	t.Helper()
	addr := serveScript(t, func(p *peer) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(p.reader, preface); err != nil {
			return
		}
		f := http2.NewFramer(p, p.reader)
		_ = f.WriteSettings() // whoever does not take it is missed
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch in := frame.(type) {
			case *http2.SettingsFrame:
				if !in.IsAck() {
					_ = f.WriteSettingsAck()
				}
			case *http2.HeadersFrame:
				script(f, in.StreamID)
			}
		}
	}, func(conn net.Conn) net.Conn { return conn })
	return "h2c://" + addr
}

// writeHead writes a reply's head; fields are names and values in turn.
func writeHead(f *http2.Framer, stream uint32, last bool, fields ...string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a buffer takes everything
	}
	_ = f.WriteHeaders(http2.HeadersFrameParam{ // what does not arrive is missed at the other end
		StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: last,
	})
}

// soon waits until something holds that nobody tells of.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
