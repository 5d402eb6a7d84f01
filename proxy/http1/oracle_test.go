package http1

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// seen is a message as one of the two readers sees it, ours or net/http's, in words that both have.
type seen struct {
	first   string // what the first line says
	host    string
	path    string
	query   string
	header  http.Header
	framing string // none, sized N, chunked, until end
	keeps   bool   // the connection; always true of a body until the end
	body    string
	trailer http.Header
	rest    string // what follows the message
	broken  error  // how the body ended, if not well; then the three before it are not set
}

// slowly reads a text in pieces of so many bytes, at most.
type slowly struct {
	text string
	step int
}

// Read gives the next piece.
func (s *slowly) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p, s.text[:min(s.step, len(s.text))])
	s.text = s.text[n:]
	return n, nil
}

// ourRequest reads a request the way the engine does.
func ourRequest(data string, step int) (seen, error) {
	source := &slowly{data, step}
	in := &reader{source: source, buffers: new(buffers)}
	text, err := in.head(maxHead)
	if err != nil {
		return seen{}, err
	}
	var r request
	if refused := r.parse(text); refused != nil {
		return seen{}, refused
	}
	s := seen{
		first: fmt.Sprintf("%s %s 1.%d", r.method, r.target, r.minor), host: strings.Clone(r.host), path: strings.Clone(r.path),
		query: strings.Clone(r.query), header: headerOf(&r.fields), framing: nameOf(r.framing, r.length), keeps: r.keepsAlive(),
	}
	s.readOurBody(in, source, r.framing, r.length)
	return s, nil
}

// ourReply reads a reply to a request of a method the way the engine does.
func ourReply(data, method string, step int) (seen, error) {
	source := &slowly{data, step}
	in := &reader{source: source, buffers: new(buffers)}
	text, err := in.head(maxReplyHead)
	if err != nil {
		return seen{}, err
	}
	var r reply
	if refused := r.parse(text, method); refused != nil {
		return seen{}, refused
	}
	s := seen{
		first:  strings.TrimRight(fmt.Sprintf("1.%d %d %s", r.minor, r.status, r.reason), " "),
		header: headerOf(&r.fields), framing: nameOf(r.framing, r.length), keeps: r.framing == untilEnd || persists(&r.fields, r.minor),
	}
	s.readOurBody(in, source, r.framing, r.length)
	return s, nil
}

// ourChunks reads a chunked body.
func ourChunks(data string, step int) seen {
	source := &slowly{data, step}
	var s seen
	s.readOurBody(&reader{source: source, buffers: new(buffers)}, source, chunked, 0)
	return s
}

func (s *seen) readOurBody(in *reader, source *slowly, kind framing, length int64) {
	var b body
	b.begin(in, kind, length)
	var whole strings.Builder
	for {
		data, err := b.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			s.broken = err
			return
		}
		whole.Write(data)
	}
	s.body, s.trailer = whole.String(), headerOf(&b.trailer)
	s.rest = string(in.buffered()) + source.text
}

// headerOf gives fields as net/http has them.
func headerOf(f *fields) http.Header {
	header := http.Header{}
	for _, line := range f.lines {
		header.Add(strings.Clone(line.name), strings.Clone(line.value))
	}
	return header
}

func nameOf(kind framing, length int64) string {
	switch {
	case kind == chunked:
		return "chunked"
	case kind == untilEnd:
		return "until end"
	case kind == sized && length > 0:
		return fmt.Sprintf("sized %d", length)
	}
	return "none"
}

// theirRequest reads a request with net/http.
func theirRequest(data string) (seen, error) {
	in := bufio.NewReaderSize(strings.NewReader(data), len(data)+4<<10)
	r, err := http.ReadRequest(in)
	if err != nil {
		return seen{}, err
	}
	s := seen{
		first: fmt.Sprintf("%s %s %d.%d", r.Method, r.RequestURI, r.ProtoMajor, r.ProtoMinor), host: r.Host, path: r.URL.Path,
		query: r.URL.RawQuery, header: r.Header, framing: theirFraming(r.Body, r.TransferEncoding, r.ContentLength), keeps: !r.Close,
	}
	s.readTheirBody(r.Body, func() http.Header { return r.Trailer }, in)
	return s, nil
}

// theirReply reads a reply with net/http.
func theirReply(data, method string) (seen, error) {
	in := bufio.NewReaderSize(strings.NewReader(data), len(data)+4<<10)
	r, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return seen{}, err
	}
	s := seen{
		first:  strings.TrimRight(fmt.Sprintf("%d.%d %s", r.ProtoMajor, r.ProtoMinor, r.Status), " "),
		header: r.Header, framing: theirFraming(r.Body, r.TransferEncoding, r.ContentLength),
	}
	s.keeps = s.framing == "until end" || !r.Close
	s.readTheirBody(r.Body, func() http.Header { return r.Trailer }, in)
	return s, nil
}

// theirChunks reads a chunked body with net/http.
func theirChunks(data string) seen {
	s, err := theirRequest("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
	if err != nil {
		return seen{broken: err}
	}
	return seen{body: s.body, trailer: s.trailer, rest: s.rest, broken: s.broken}
}

func (s *seen) readTheirBody(from io.ReadCloser, trailer func() http.Header, in *bufio.Reader) {
	whole, err := io.ReadAll(from)
	if err != nil {
		s.broken = err
		return
	}
	rest, err := io.ReadAll(in)
	s.body, s.rest, s.broken = string(whole), string(rest), err
	s.trailer = http.Header{}
	maps.Copy(s.trailer, trailer())
	maps.DeleteFunc(s.trailer, func(_ string, values []string) bool { return values == nil }) // only announced
	dropUnforwarded(s.trailer)
}

// dropUnforwarded drops the trailers that the engine drops.
func dropUnforwarded(trailer http.Header) {
	for _, name := range []string{
		"Connection", "Content-Length", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		delete(trailer, name)
	}
}

func theirFraming(body io.ReadCloser, codings []string, length int64) string {
	switch {
	case body == http.NoBody:
		return "none"
	case len(codings) > 0:
		return nameOf(chunked, 0)
	case length < 0:
		return nameOf(untilEnd, 0)
	}
	return nameOf(sized, length)
}

// sameHost reports whether net/http's host, which it has unescaped if it stood in the target, is ours.
func sameHost(ours, theirs string) bool {
	decoded, err := url.PathUnescape(ours)
	return ours == theirs || err == nil && decoded == theirs
}
