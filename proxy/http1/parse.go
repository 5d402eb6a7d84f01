package http1

import (
	"strings"
)

const (
	maxRequestLine = 16 << 10 // bytes
	maxHead        = 64 << 10 // bytes of a request's head
	maxReplyHead   = 1 << 20  // bytes of a reply's
	maxFields      = 256      // lines of a request's head; a reply's may have as many as fit
)

// refusal is a message that breaks the protocol, or a limit.
type refusal struct {
	status int // to tell a client
	reason string
}

// Error gives the reason.
func (r *refusal) Error() string { return r.reason }

// bad refuses what is not HTTP.
func bad(reason string) *refusal { return &refusal{400, reason} }

// isToken marks the characters of a token (RFC 9110, 5.6.2).
var isToken = charset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

// isHost marks the characters of a host with a port (RFC 3986, 3.2.2), with those of an IPv6 address.
var isHost = charset("!$&'()*+,-.:;=%[]_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

// charset makes a table of characters.
func charset(characters string) (set [256]bool) {
	for i := range len(characters) {
		set[characters[i]] = true
	}
	return set
}

// consistsOf reports whether a text has at least one character, and none that is not in the set.
func consistsOf(set *[256]bool, text string) bool {
	for i := range len(text) {
		if !set[text[i]] {
			return false
		}
	}
	return text != ""
}

// trimSpace takes optional white space away (RFC 9110, 5.6.3): spaces and tabs, no others.
func trimSpace(text string) string { return strings.Trim(text, " \t") }

// isValue reports whether a text may be a field's value (RFC 9110, 5.5): no control characters but tabs.
func isValue(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// cutLine takes the first line from a head, of which every line ends with CRLF. A line feed without a carriage return
// before it, and a carriage return without a line feed behind it, are refused: readers differ on whether they end a line
// (RFC 9112, 2.2).
func cutLine(text string) (line, rest string, err *refusal) {
	end := strings.IndexByte(text, '\n')
	if end < 1 || text[end-1] != '\r' {
		return "", "", bad("a line ends with a bare line feed")
	}
	return text[:end-1], text[end+1:], nil
}

// parse reads field lines (RFC 9112, 5), up to and without the empty line.
func (f *fields) parse(text string, limit int) *refusal {
	f.lines = f.lines[:0]
	for {
		line, rest, err := cutLine(text)
		if err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		if len(f.lines) == limit {
			return &refusal{431, "more than 256 header fields"}
		}
		if line[0] == ' ' || line[0] == '\t' {
			return bad("a header field is folded over two lines") // obs-fold
		}
		name, value, found := strings.Cut(line, ":")
		if !found || !consistsOf(&isToken, name) {
			return bad("a header field's name has a character that none may have, or no colon behind it")
		}
		value = trimSpace(value)
		if !isValue(value) {
			return bad("a header field's value has a control character")
		}
		f.lines = append(f.lines, field{name, value, identify(name)})
		text = rest
	}
}

// framing is how the end of a body is found (RFC 9112, 6.3).
type framing int

const (
	noBody    framing = iota
	sized             // by Content-Length
	chunked           // by the chunked transfer coding
	untilEnd          // by the end of the connection; only replies
	forbidden         // there may be no body, whatever the head says
)

// frame reads how the head says that its body ends.
func (f *fields) frame() (kind framing, length int64, err *refusal) {
	codings, lengths := 0, 0
	for i := range f.lines {
		switch line := &f.lines[i]; line.id {
		case transferEncoding:
			if codings++; codings > 1 || !equalFold(line.value, "chunked") {
				return 0, 0, bad("Transfer-Encoding is not just chunked")
			}
		case contentLength:
			n, valid := parseLength(line.value)
			if !valid {
				return 0, 0, bad("Content-Length is no number")
			}
			if lengths++; lengths > 1 && n != length {
				return 0, 0, bad("two lines of Content-Length differ")
			}
			kind, length = sized, n
		}
	}
	switch {
	case codings > 0 && kind == sized:
		return 0, 0, bad("both Transfer-Encoding and Content-Length") // RFC 9112, 6.1
	case codings > 0 && (f.lists(trailer, "content-length") || f.lists(trailer, "transfer-encoding") || f.lists(trailer, "trailer")):
		return 0, 0, bad("Trailer announces a field that must not be there") // RFC 9110, 6.5.1
	case codings > 0:
		return chunked, 0, nil
	case lengths > 1:
		f.keepFirst(contentLength) // RFC 9110, 8.6; readers behind us may refuse two
	}
	return kind, length, nil
}

// parseLength reads digits, and nothing else, up to 18 of them. A number that begins with a zero is octal to some readers.
func parseLength(text string) (n int64, valid bool) {
	if text == "" || len(text) > 18 || text[0] == '0' && text != "0" {
		return 0, false
	}
	for i := range len(text) {
		digit := text[i] - '0'
		if digit > 9 {
			return 0, false
		}
		n = n*10 + int64(digit)
	}
	return n, true
}

// parseVersion reads the minor version of HTTP/1.
func parseVersion(text string) (minor int, valid bool) {
	if len(text) != len("HTTP/1.1") || !strings.HasPrefix(text, "HTTP/1.") {
		return 0, false
	}
	minor = int(text[7] - '0')
	return minor, minor == 0 || minor == 1
}
