package faults

import "github.com/squall-proxy/squall/internal/document"

// Malformed answers with bytes that are no HTTP, and closes the connection; the upstream is not called. The bytes are
// always the same:
//
//	status_line  a status line whose status is a word: "HTTP/1.1 OK 200\r\n", then a right rest of a reply
//	header       a right status line, then a field line without a colon: "this is no field\r\n"
//	chunk        a right head with Transfer-Encoding: chunked, then a chunk whose size is no number: "size\r\n"
//	garbage      the bytes 00 to 1f, then 80 to ff
type Malformed struct {
	As string `json:"as"` // "status_line", "header", "chunk" or "garbage"
}

func newMalformed() Attributes { return &Malformed{} }

func (m *Malformed) check(Phase) error {
	if m.As == "" {
		return document.Errorf("as", "missing: want status_line, header, chunk or garbage")
	}
	if m.raw() == nil {
		return document.Errorf("as", "want status_line, header, chunk or garbage, got %q", clip(m.As))
	}
	return nil
}

func (m *Malformed) decide(hit) Action { return End{How: EndClose, Raw: m.raw()} }

// raw gives the bytes; nil if there are none of that name.
func (m *Malformed) raw() []byte {
	switch m.As {
	case "status_line": // RFC 9112, 4: the status is three digits
		return []byte("HTTP/1.1 OK 200\r\nContent-Length: 2\r\n\r\nok")
	case "header": // RFC 9112, 5: a name, a colon, a value
		return []byte("HTTP/1.1 200 OK\r\nthis is no field\r\nContent-Length: 2\r\n\r\nok")
	case "chunk": // RFC 9112, 7.1: the size is a hexadecimal number
		return []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nsize\r\nok\r\n0\r\n\r\n")
	case "garbage":
		return garbage()
	}
	return nil
}

// garbage is every byte that stands in no line of HTTP (RFC 9112, 2.2, and RFC 9110, 5.5).
func garbage() []byte {
	var bytes []byte
	for b := range 256 {
		if b < ' ' || b >= 0x80 {
			bytes = append(bytes, byte(b))
		}
	}
	return bytes
}
