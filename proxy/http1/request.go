package http1

import (
	"net/url"
	"strings"

	"github.com/squall-proxy/squall/faults"
)

// request is the head of a request. Its texts are views of the buffer that it was read into.
type request struct {
	fields
	method string
	target string // as it came
	path   string // decoded and cleaned
	query  string // without the question mark
	host   string // whom it is for: the target's authority, else the Host field
	scheme string // of a target in absolute form; else ""
	origin string // what the upstream is asked for: the target in origin form

	minor   int // version HTTP/1.minor
	framing framing
	length  int64 // of a sized body
}

// parse reads a head, of which every line, the empty one included, ends with CRLF. Nothing is kept of the request that
// was in r before, but memory.
func (r *request) parse(head string) *refusal {
	*r = request{fields: r.emptied()}
	line, rest, err := cutLine(head)
	if err != nil {
		return err
	}
	if err := r.parseLine(line); err != nil {
		return err
	}
	if err := r.fields.parse(rest, maxFields); err != nil {
		return err
	}
	if err := r.findHost(); err != nil {
		return err
	}
	if r.framing, r.length, err = r.frame(); err != nil {
		return err
	}
	if r.framing == chunked && r.minor == 0 {
		return bad("Transfer-Encoding in HTTP/1.0")
	}
	return nil
}

// parseLine reads a request line (RFC 9112, 3): three words with one space between each.
func (r *request) parseLine(line string) *refusal {
	if len(line) > maxRequestLine {
		return &refusal{414, "the request line is longer than 16 KiB"}
	}
	var version string
	var found bool
	r.method, line, _ = strings.Cut(line, " ")
	if r.target, version, found = strings.Cut(line, " "); !found || !consistsOf(&isToken, r.method) {
		return bad("the request line is not METHOD TARGET VERSION")
	}
	if r.minor, found = parseVersion(version); !found {
		if strings.HasPrefix(version, "HTTP/") && len(version) == len("HTTP/1.1") {
			return &refusal{505, "want HTTP/1.1 or HTTP/1.0"}
		}
		return bad("the request line is not METHOD TARGET VERSION")
	}
	for i := range len(r.target) {
		if c := r.target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return bad("the request target has a character that none may have")
		}
	}
	return r.parseTarget()
}

// parseTarget reads the target (RFC 9112, 3.2) in origin, absolute or asterisk form.
func (r *request) parseTarget() *refusal {
	switch {
	case r.method == "CONNECT":
		return &refusal{405, "CONNECT: this is no forward proxy"}
	case r.target == "*":
		if r.method != "OPTIONS" {
			return bad("the request target * is for OPTIONS only")
		}
		r.origin, r.path = "*", "/*"
		return nil
	case strings.HasPrefix(r.target, "/"):
		r.origin = r.target
	default:
		if _, err := url.ParseRequestURI(r.target); err != nil {
			return bad("the request target is neither a path nor a URL")
		}
		var authority string
		var found bool
		if r.scheme, authority, found = strings.Cut(r.target, "://"); !found || !consistsOf(&isToken, r.scheme) {
			return bad("the request target is neither a path nor a URL")
		}
		end := strings.IndexAny(authority, "/?")
		if end < 0 {
			end = len(authority)
		}
		if !consistsOf(&isHost, authority[:end]) {
			return bad("the request target names no host") // which may have a password in it, and is not kept
		}
		r.host, r.origin = authority[:end], authority[end:]
		if !strings.HasPrefix(r.origin, "/") {
			r.origin = "/" + r.origin
		}
	}
	return r.parsePath()
}

// parsePath splits path and query, and makes the path comparable.
func (r *request) parsePath() *refusal {
	r.path, r.query, _ = strings.Cut(r.origin, "?")
	if strings.IndexByte(r.path, '%') >= 0 {
		decoded, err := url.PathUnescape(r.path)
		if err != nil {
			return bad("the path has an escape that is none")
		}
		r.path = decoded
	}
	r.path = faults.CleanPath(r.path)
	return nil
}

// findHost finds whom the request is for (RFC 9112, 3.2).
func (r *request) findHost() *refusal {
	hosts := 0
	for i := range r.lines {
		line := &r.lines[i]
		if line.id != host {
			continue
		}
		if hosts++; hosts > 1 {
			return bad("more than one Host")
		}
		if line.value != "" && !consistsOf(&isHost, line.value) {
			return bad("Host has a character that none may have")
		}
		if r.scheme == "" {
			r.host = line.value
		}
	}
	if hosts == 0 && r.minor == 1 {
		return bad("no Host")
	}
	return nil
}

// keepsAlive reports whether the client wants to go on with its connection (RFC 9112, 9.3).
func (r *request) keepsAlive() bool { return persists(&r.fields, r.minor) }

// persists reports whether a message's sender keeps its connection for another.
func persists(f *fields, minor int) bool {
	if f.lists(connection, "close") {
		return false
	}
	return minor == 1 || f.lists(connection, "keep-alive")
}

// wantsWebSocket reports whether the connection is to become a WebSocket's. No other upgrade is passed on, and none of a
// request with a body: bytes that are still the body's would flow beside those of the upgraded connection.
func (r *request) wantsWebSocket() bool {
	tokens := 0
	for i := range r.lines {
		if r.lines[i].id != upgrade {
			continue
		}
		if tokens++; !equalFold(r.lines[i].value, "websocket") {
			return false
		}
	}
	return tokens == 1 && r.minor == 1 && r.framing != chunked && r.length == 0 && r.lists(connection, "upgrade")
}
