package http1

import (
	"iter"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/faults"
)

// field is one line of a head or a trailer. The texts lie in the buffer that the head was read into, and live as long
// as the exchange.
type field struct {
	name, value string
	id          fieldID
}

// fieldID names the fields that the engine itself looks at.
type fieldID uint8

const (
	otherField fieldID = iota
	connection
	contentLength
	expect
	forwarded
	forwardedFor
	forwardedHost
	forwardedOther // any other X-Forwarded…, and X-Real-IP
	forwardedProto
	host
	http2Settings
	keepAlive
	proxyAuthenticate
	proxyAuthorization
	proxyConnection
	requestID
	te
	trailer
	transferEncoding
	upgrade
)

// knownFields are their names in lower case.
var knownFields = [...]struct {
	name string
	id   fieldID
}{
	{"connection", connection},
	{"content-length", contentLength},
	{"expect", expect},
	{"forwarded", forwarded},
	{"host", host},
	{"http2-settings", http2Settings},
	{"keep-alive", keepAlive},
	{"proxy-authenticate", proxyAuthenticate},
	{"proxy-authorization", proxyAuthorization},
	{"proxy-connection", proxyConnection},
	{"te", te},
	{"trailer", trailer},
	{"transfer-encoding", transferEncoding},
	{"upgrade", upgrade},
	{"x-forwarded-for", forwardedFor},
	{"x-forwarded-host", forwardedHost},
	{"x-forwarded-proto", forwardedProto},
	{"x-real-ip", forwardedOther},
	{"x-request-id", requestID},
}

// forwardedPrefix begins the names of what a proxy says of its client.
const forwardedPrefix = "x-forwarded"

// identify finds a field by its name, in any case.
func identify(name string) fieldID {
	for i := range knownFields {
		if known := &knownFields[i]; len(known.name) == len(name) && equalFold(known.name, name) {
			return known.id
		}
	}
	if len(name) >= len(forwardedPrefix) && equalFold(name[:len(forwardedPrefix)], forwardedPrefix) {
		return forwardedOther
	}
	return otherField
}

// equalFold compares without regard to the case of ASCII letters, and of no others: to strings.EqualFold a KELVIN SIGN is a
// k, and "chun\u212aed" frames a body here that nobody behind us sees.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// fields are the lines of a head in their order. It is a [faults.Fields].
type fields struct {
	lines  []field
	values []string // what Values gave, one after the other
}

var _ faults.Fields = (*fields)(nil)

// maxSpare is how many lines room is kept for from one exchange to the next.
const maxSpare = 512

// emptied gives fields without lines, in the room of those that were there.
func (f *fields) emptied() fields {
	if cap(f.lines) > maxSpare {
		return fields{}
	}
	return fields{f.lines[:0], f.values[:0]}
}

// Values gives the values of a field's lines. They are good as long as the lines are.
func (f *fields) Values(name string) []string {
	begin := len(f.values)
	for i := range f.lines {
		if line := &f.lines[i]; len(line.name) == len(name) && strings.EqualFold(line.name, name) {
			f.values = append(f.values, line.value)
		}
	}
	return f.values[begin:len(f.values):len(f.values)]
}

// get gives the value of a field's first line.
func (f *fields) get(id fieldID) (value string, found bool) {
	for i := range f.lines {
		if f.lines[i].id == id {
			return f.lines[i].value, true
		}
	}
	return "", false
}

// value gives the value of a field's first line by its name; "" if there is none.
func (f *fields) value(name string) string {
	for i := range f.lines {
		if equalFold(f.lines[i].name, name) {
			return f.lines[i].value
		}
	}
	return ""
}

// add appends a line.
func (f *fields) add(name, value string) {
	f.lines = append(f.lines, field{name: name, value: value, id: identify(name)})
}

// keepFirst takes all lines of a field away but the first.
func (f *fields) keepFirst(id fieldID) {
	seen := false
	f.lines = slices.DeleteFunc(f.lines, func(line field) bool {
		repeated := line.id == id && seen
		seen = seen || line.id == id
		return repeated
	})
}

// set gives a field one line: in the place of its first one, else at the end.
func (f *fields) set(name, value string) {
	found := false
	kept := f.lines[:0]
	for _, line := range f.lines {
		if equalFold(line.name, name) {
			if found {
				continue
			}
			found, line.value = true, value
		}
		kept = append(kept, line)
	}
	f.lines = kept
	if !found {
		f.add(name, value)
	}
}

// remove takes all lines of a field away.
func (f *fields) remove(name string) {
	kept := f.lines[:0]
	for _, line := range f.lines {
		if !equalFold(line.name, name) {
			kept = append(kept, line)
		}
	}
	f.lines = kept
}

// dropOrigins takes away what a request's trailer must not say of its origin: an upstream that merges trailers into the
// head would believe it.
func (f *fields) dropOrigins() {
	f.lines = slices.DeleteFunc(f.lines, func(line field) bool {
		switch line.id {
		case forwarded, forwardedFor, forwardedHost, forwardedOther, forwardedProto, requestID:
			return true
		}
		return false
	})
}

// apply edits the lines as a rule says.
func (f *fields) apply(e faults.Edit) {
	for _, name := range e.Remove {
		f.remove(name)
	}
	for _, set := range e.Set {
		f.set(set.Name, set.Value)
	}
	for _, added := range e.Add {
		f.add(added.Name, added.Value)
	}
}

// appendTo writes the lines as they go over the wire.
func (f *fields) appendTo(out []byte) []byte {
	for i := range f.lines {
		out = append(out, f.lines[i].name...)
		out = append(out, ": "...)
		out = append(out, f.lines[i].value...)
		out = append(out, "\r\n"...)
	}
	return out
}

// listed gives the elements of a field that is a list (RFC 9110, 5.6.1), of all its lines.
func (f *fields) listed(id fieldID) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range f.lines {
			if f.lines[i].id != id {
				continue
			}
			for element := range strings.SplitSeq(f.lines[i].value, ",") {
				if element = trimSpace(element); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// lists reports whether a list has an element, in any case.
func (f *fields) lists(id fieldID, element string) bool {
	for given := range f.listed(id) {
		if equalFold(given, element) {
			return true
		}
	}
	return false
}

// isHopByHop reports whether a field is of one connection only (RFC 9110, 7.6.1). What frames a body, or asks for an
// upgrade, is looked at apart.
func isHopByHop(id fieldID) bool {
	switch id {
	case connection, keepAlive, proxyConnection, proxyAuthenticate, proxyAuthorization, te, http2Settings:
		return true
	}
	return false
}
