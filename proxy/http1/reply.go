package http1

import "strings"

// reply is the head of an upstream's reply. Its texts are views of the buffer that it was read into.
type reply struct {
	fields
	minor   int
	status  int
	reason  string
	framing framing
	length  int64 // of a sized body
}

// parse reads a head, of which every line, the empty one included, ends with CRLF. method is that of the request.
func (r *reply) parse(head, method string) *refusal {
	*r = reply{fields: r.emptied()}
	line, rest, err := cutLine(head)
	if err != nil {
		return err
	}
	version, line, _ := strings.Cut(line, " ")
	var valid bool
	if r.minor, valid = parseVersion(version); !valid {
		return bad("the reply does not begin with HTTP/1.1")
	}
	code, reason, _ := strings.Cut(line, " ")
	status, valid := parseLength(code)
	if !valid || len(code) != 3 || status < 100 || !isValue(reason) {
		return bad("the reply has no status from 100 to 999")
	}
	r.status, r.reason = int(status), reason
	if err := r.fields.parse(rest, maxReplyHead); err != nil {
		return err
	}
	if r.framing, r.length, err = r.frame(); err != nil {
		return err
	}
	switch {
	case r.status < 200, r.status == 204, r.status == 304, method == "HEAD":
		r.framing = forbidden
	case r.framing == noBody:
		r.framing = untilEnd
	case r.framing == chunked && r.minor == 0:
		return bad("Transfer-Encoding in HTTP/1.0")
	}
	return nil
}

// isInterim reports whether another reply follows this one (RFC 9110, 15.2). 101 is the last.
func (r *reply) isInterim() bool { return r.status < 200 && r.status != 101 }
