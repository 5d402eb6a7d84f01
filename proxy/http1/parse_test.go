package http1

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// parsed reads a request's head as the engine does; lines are joined with CRLF and the empty line is added.
func parsed(lines ...string) (*request, *refusal) {
	in := &reader{source: &slowly{strings.Join(lines, "\r\n") + "\r\n\r\n", 1 << 20}, buffers: new(buffers)}
	text, err := in.head(maxHead)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case err != nil:
		return nil, &refusal{431, err.Error()}
	}
	r := new(request)
	return r, r.parse(text)
}

// TestRefusals: what is wrong with a head, and the status that says so.
func TestRefusals(t *testing.T) {
	const line, aHost = "POST / HTTP/1.1", "Host: x"
	fields := func(n int) string { return strings.TrimSuffix(strings.Repeat("A: b\r\n", n), "\r\n") }
	longest := "GET /" + strings.Repeat("a", 16<<10-len("GET / HTTP/1.1")) + " HTTP/1.1"
	full := 64<<10 - len(line+"\r\n"+aHost+"\r\nA: \r\n\r\n")
	for _, test := range []struct {
		name   string
		lines  []string
		status int // 0 = accepted
		reason string
	}{
		{"Plain", []string{line, aHost}, 0, ""},
		{"LongestLine", []string{longest, aHost}, 0, ""},
		{"LineTooLong", []string{longest + " ", aHost}, 414, "longer than 16 KiB"},
		{"LargestHead", []string{line, aHost, "A: " + strings.Repeat("a", full)}, 0, ""},
		{"HeadTooLarge", []string{line, aHost, "A: " + strings.Repeat("a", full+1)}, 431, "too large"},
		{"MostFields", []string{line, aHost, fields(255)}, 0, ""},
		{"TooManyFields", []string{line, aHost, fields(256)}, 431, "more than 256"},
		{"NoHost", []string{line, "A: b"}, 400, "no Host"},
		{"NoHostIn1.0", []string{"GET / HTTP/1.0"}, 0, ""},
		{"EmptyHost", []string{line, "Host:"}, 0, ""},
		{"TwoHosts", []string{line, aHost, "hOST: x"}, 400, "more than one Host"},
		{"OddHost", []string{line, "Host: x/y"}, 400, "Host has a character"},
		{"OddHostIn1.0", []string{"GET / HTTP/1.0", "Host: x/y"}, 400, "Host has a character"},
		{"HostIsAnIPv6", []string{line, "Host: [::1]:80"}, 0, ""},
		{"OtherMinorVersion", []string{"GET / HTTP/1.2", aHost}, 505, "want HTTP/1.1"},
		{"OtherVersion", []string{"GET / HTTP/2.0", aHost}, 505, "want HTTP/1.1"},
		{"NoVersion", []string{"GET /", aHost}, 400, "METHOD TARGET VERSION"},
		{"LowerCaseVersion", []string{"GET / http/1.1", aHost}, 400, "METHOD TARGET VERSION"},
		{"OddMethod", []string{"G@T / HTTP/1.1", aHost}, 400, "METHOD TARGET VERSION"},
		{"NoMethod", []string{" / HTTP/1.1", aHost}, 400, "METHOD TARGET VERSION"},
		{"Connect", []string{"CONNECT x:80 HTTP/1.1", aHost}, 405, "no forward proxy"},
		{"AsteriskOfGET", []string{"GET * HTTP/1.1", aHost}, 400, "OPTIONS only"},
		{"Fragment", []string{"GET /# HTTP/1.1", aHost}, 400, "target has a character"},
		{"BadEscape", []string{"GET /%a HTTP/1.1", aHost}, 400, "escape"},
		{"BadEscapeInTheQuery", []string{"GET /?%a HTTP/1.1", aHost}, 0, ""},
		{"RelativeTarget", []string{"GET a HTTP/1.1", aHost}, 400, "neither a path nor a URL"},
		{"NoAuthority", []string{"GET http:/a HTTP/1.1", aHost}, 400, "neither a path nor a URL"},
		{"EmptyAuthority", []string{"GET http:///a HTTP/1.1", aHost}, 400, "names no host"},
		{"Userinfo", []string{"GET http://a@b/ HTTP/1.1", aHost}, 400, "names no host"},
		{"OddPort", []string{"GET http://a:b/ HTTP/1.1", aHost}, 400, "neither a path nor a URL"},
		{"AbsoluteWithoutHostField", []string{"GET http://a/ HTTP/1.1"}, 400, "no Host"},
		{"Folded", []string{line, aHost, "A: b", " c"}, 400, "folded"},
		{"EmptyName", []string{line, aHost, ": b"}, 400, "name has a character"},
		{"NoColon", []string{line, aHost, "A"}, 400, "no colon"},
		{"SpaceBeforeColon", []string{line, aHost, "A : b"}, 400, "name has a character"},
		{"ControlInValue", []string{line, aHost, "A: \x01"}, 400, "control character"},
		{"BareCarriageReturn", []string{line, aHost, "A: b\rc"}, 400, "control character"},
		{"BareLineFeed", []string{line, aHost, "A: b\nc: d"}, 400, "bare line feed"},
		{"BothFramings", []string{line, aHost, "Content-Length: 1", "Transfer-Encoding: chunked"}, 400, "both"},
		{"CodingIn1.0", []string{"POST / HTTP/1.0", "Transfer-Encoding: chunked"}, 400, "in HTTP/1.0"},
		{"UnknownCoding", []string{line, aHost, "Transfer-Encoding: gzip"}, 400, "not just chunked"},
		{"TwoCodings", []string{line, aHost, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, 400, "not just chunked"},
		{"LengthsDiffer", []string{line, aHost, "Content-Length: 1", "Content-Length: 2"}, 400, "differ"},
		{"LengthIsNone", []string{line, aHost, "Content-Length: 1a"}, 400, "no number"},
		{"LengthOf18Digits", []string{line, aHost, "Content-Length: 999999999999999999"}, 0, ""},
		{"LengthOf19Digits", []string{line, aHost, "Content-Length: 1000000000000000000"}, 400, "no number"},
		{"LengthWithAZero", []string{line, aHost, "Content-Length: 01"}, 400, "no number"},
		{"FramingAnnounced", []string{line, aHost, "Transfer-Encoding: chunked", "Trailer: a, Content-Length"}, 400, "Trailer announces"},
		{"FramingAnnouncedInVain", []string{line, aHost, "Trailer: Content-Length"}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, refused := parsed(test.lines...)
			switch {
			case refused == nil && test.status == 0:
			case refused == nil:
				t.Errorf("accepted, want %d", test.status)
			case refused.status != test.status || !strings.Contains(refused.reason, test.reason):
				t.Errorf("got %d %s, want %d %s", refused.status, refused.reason, test.status, test.reason)
			}
		})
	}
}

// A password in a target is refused with it, and stands in no record.
func TestAPasswordIsNotKept(t *testing.T) {
	if r, refused := parsed("GET http://user:secret@x/ HTTP/1.1", "Host: x"); refused == nil || r.host != "" {
		t.Errorf("%v, of %q", refused, r.host)
	}
}

// TestTargets: what a target says of the host, of what rules match on, and of what the upstream is asked for.
func TestTargets(t *testing.T) {
	for _, test := range []struct{ line, host, path, query, origin string }{
		{"GET / HTTP/1.1", "field", "/", "", "/"},
		{"GET /a%2Fb//c/../d?x=1?y HTTP/1.1", "field", "/a/b/d", "x=1?y", "/a%2Fb//c/../d?x=1?y"},
		{"GET //h/a HTTP/1.1", "field", "/h/a", "", "//h/a"},
		{"GET /? HTTP/1.1", "field", "/", "", "/?"},
		{"OPTIONS * HTTP/1.1", "field", "/*", "", "*"},
		{"GET http://h:80/a?b HTTP/1.1", "h:80", "/a", "b", "/a?b"},
		{"GET HTTPS://H HTTP/1.1", "H", "/", "", "/"},
		{"GET http://h?b HTTP/1.1", "h", "/", "b", "/?b"},
		{"OPTIONS http://h HTTP/1.1", "h", "/", "", "/"},
		{"GET http://[::1]:80/ HTTP/1.0", "[::1]:80", "/", "", "/"},
	} {
		r, refused := parsed(test.line, "Host: field")
		if refused != nil {
			t.Errorf("%s: %v", test.line, refused)
			continue
		}
		got := fmt.Sprintf("%s %s %s %s", r.host, r.path, r.query, r.origin)
		if want := fmt.Sprintf("%s %s %s %s", test.host, test.path, test.query, test.origin); got != want {
			t.Errorf("%s: got %q, want %q", test.line, got, want)
		}
	}
}

// TestKeepsAlive: which connections go on, of both versions.
func TestKeepsAlive(t *testing.T) {
	for _, test := range []struct {
		version, connection string
		want                bool
	}{
		{"1.1", "", true},
		{"1.1", "close", false},
		{"1.1", "x, CLOSE", false},
		{"1.1", "closed", true},
		{"1.1", "clo\u017fe", true}, // LATIN SMALL LETTER LONG S
		{"1.0", "", false},
		{"1.0", "x,Keep-Alive", true},
		{"1.0", "\u212aeep-alive", false}, // KELVIN SIGN
		{"1.0", "keep-alive, close", false},
	} {
		r, refused := parsed("GET / HTTP/"+test.version, "Host: x", "Connection: "+test.connection)
		if refused != nil || r.keepsAlive() != test.want {
			t.Errorf("%s %q: got %v, %v", test.version, test.connection, r.keepsAlive(), refused)
		}
	}
}

// TestSameLengthTwiceIsOneLine: what is forwarded has one line, in the place of the first.
func TestSameLengthTwiceIsOneLine(t *testing.T) {
	r, refused := parsed("POST / HTTP/1.1", "Host: x", "Content-Length: 5", "A: b", "content-length: 5", "Content-Length:5")
	if refused != nil {
		t.Fatal(refused)
	}
	if got := string(r.appendTo(nil)); got != "Host: x\r\nContent-Length: 5\r\nA: b\r\n" || r.framing != sized || r.length != 5 {
		t.Errorf("got %q, %v %d", got, r.framing, r.length)
	}
}

// TestWebSocketOnly: no other upgrade is asked for, and none beside a body.
func TestWebSocketOnly(t *testing.T) {
	for _, test := range []struct {
		lines string
		want  bool
	}{
		{"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket", true},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0", true},
		{"Upgrade: websocket", false},
		{"Connection: Upgrade\r\nUpgrade: h2c", false},
		{"Connection: Upgrade\r\nUpgrade: websocket, h2c", false},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", false},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket", false},
		{"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket", false},
		{"Connection: Upgrade\r\nUpgrade: web\u017focket", false},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1", false},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked", false},
	} {
		r, refused := parsed("GET / HTTP/1.1", "Host: x", test.lines)
		if refused != nil || r.wantsWebSocket() != test.want {
			t.Errorf("%q: got %v, %v", test.lines, r.wantsWebSocket(), refused)
		}
	}
}

// TestChunkOverhead: how much a body may take beside its data, in pieces of any size.
func TestChunkOverhead(t *testing.T) {
	extended := func(length, times int) string {
		return strings.Repeat("1;"+strings.Repeat("e", length-len("1;"))+"\r\na\r\n", times) + "0\r\n\r\n"
	}
	for _, test := range []struct {
		name, data string
		want       string
	}{
		{"LongestLine", extended(maxChunkLine-1, 1), ""},
		{"LineTooLong", extended(maxChunkLine, 1), "a line is too long"},
		{"OneByteEach", strings.Repeat("1\r\na\r\n", 20_000) + "0\r\n\r\n", ""},
		{"MuchBesideMuchData", extended(16, 20_000), ""},
		{"MostlyExtensions", extended(4000, 5), "the chunks are mostly extensions"},
		{"MostlyShortExtensions", extended(100, 300), "the chunks are mostly extensions"},
		{"ManyTrailers", "0\r\n" + strings.Repeat("A: b\r\n", 256) + "\r\n", ""},
		{"TooManyTrailers", "0\r\n" + strings.Repeat("A: b\r\n", 257) + "\r\n", "more than 256 header fields"},
		{"LargeTrailers", "0\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 17) + "\r\n", "the trailers are larger than 16 KiB"},
	} {
		for _, step := range []int{1, 2, 7, 1 << 20} {
			got := ""
			if s := ourChunks(test.data, step); s.broken != nil {
				got = s.broken.Error()
			}
			if got != test.want {
				t.Errorf("%s in pieces of %d: got %q, want %q", test.name, step, got, test.want)
			}
		}
	}
}
