package http1

import (
	"errors"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// difference is a reason for which we refuse what net/http accepts.
type difference struct {
	reason   string   // as ARCHITECTURE.md gives it
	refusals []string // what the engine says then
	holds    func(data string) bool
	reply    bool // the example is one
	example  string
}

// explains reports whether the difference is why a message was refused: the engine says so, and it is so.
func (d difference) explains(data string, refused error) bool {
	return slices.Contains(d.refusals, refused.Error()) && d.holds(data)
}

// has gives a predicate from a regular expression.
func has(expression string) func(string) bool {
	compiled := regexp.MustCompile(expression)
	return compiled.MatchString
}

// onlyOurs lists every such reason.
var onlyOurs = sync.OnceValue(listOnlyOurs)

func listOnlyOurs() []difference {
	get := func(lines string) string { return "GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n" }
	chunks := func(body string) string {
		return "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
	}
	const sizeSaid = "a chunk's size is none"
	const targetSaid = "the request target is neither a path nor a URL"
	const codingIn10 = `HTTP/1\.0[ \r](?s:.*)\n(?i:transfer-encoding):`
	return []difference{
		{
			"a line that ends with a bare line feed",
			[]string{"a line ends with a bare line feed"},
			has(`(^|[^\r])\n`), false, "GET / HTTP/1.1\nHost: x\r\n\r\n",
		},
		{
			"a field line that begins with white space (obs-fold)",
			[]string{"a header field is folded over two lines"},
			has(`\n[ \t]`), false, get("A: b\r\n c\r\n"),
		},
		{
			"a space in or behind a field's name",
			[]string{"a header field's name has a character that none may have, or no colon behind it"},
			has(`\n[^: \t\r\n]+ [^:\t\r\n]*:`), false, get("Content-Length : 5\r\n"),
		},
		{
			"Transfer-Encoding beside Content-Length",
			[]string{"both Transfer-Encoding and Content-Length"},
			has(`HTTP/1\.1[ \r](?s:.*)\n(?i:(transfer-encoding:(?s:.*)\ncontent-length:|content-length:(?s:.*)\ntransfer-encoding:))`), false, get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n",
		},
		{
			"Transfer-Encoding in HTTP/1.0",
			[]string{
				"Transfer-Encoding in HTTP/1.0", "Transfer-Encoding is not just chunked", "both Transfer-Encoding and Content-Length",
				"Trailer announces a field that must not be there",
			},
			has(codingIn10), false, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		},
		{
			"a Content-Length with a leading zero, or of more than 18 digits",
			[]string{"Content-Length is no number"},
			has(`(?i)\ncontent-length:[ \t]*(0[0-9]+|[0-9]{19,})[ \t]*\r?\n`), false, get("Content-Length: 05\r\n") + "hello",
		},
		{
			"no Host in HTTP/1.1 (net/http's server refuses it, too)",
			[]string{"no Host"},
			func(data string) bool {
				head, _, _ := strings.Cut(data, "\r\n\r\n")
				return !strings.Contains(strings.ToLower(head), "\nhost:") && strings.Contains(data, "HTTP/1.1\r\n")
			}, false, "GET / HTTP/1.1\r\n\r\n",
		},
		{
			"a Host with a character that none may have",
			[]string{"Host has a character that none may have"},
			has(`(?i:\nhost):[ \t]*([!$&-.0-;=A-\[\]_a-z~%]*[^!$&-.0-;=A-\[\]_a-z~% \t\r\n]|[^ \t\r\n]+[ \t]+[^ \t\r\n])`), false, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		},
		{
			"# in the request target",
			[]string{"the request target has a character that none may have"},
			has(`^\S+ \S*#`), false, "GET /# HTTP/1.1\r\nHost: x\r\n\r\n",
		},
		{
			"the target * of another method than OPTIONS",
			[]string{"the request target * is for OPTIONS only"},
			has(`^\S+ \* `), false, "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
		},
		{
			"a URL as target that names no host, or a user",
			[]string{targetSaid, "the request target names no host"},
			isOddURL, false, "GET http://a@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
		},
		{
			"CONNECT",
			[]string{"CONNECT: this is no forward proxy"},
			has(`^CONNECT `), false, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
		},
		{
			"a request in another version than HTTP/1.0 and HTTP/1.1",
			[]string{"want HTTP/1.1 or HTTP/1.0"},
			has(`^\S+ \S+ HTTP/([02-9]\.[0-9]|1\.[2-9])\r`), false, "GET / HTTP/1.2\r\nHost: x\r\n\r\n",
		},
		{
			"a request line beyond 16 KiB",
			[]string{"the request line is longer than 16 KiB"},
			has(`^[^\n]{1000}`), false, "GET /" + strings.Repeat("a", maxRequestLine) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		},
		{
			"a head beyond 64 KiB",
			[]string{errHeadTooLarge.Error()},
			func(data string) bool { return len(data) > maxHead }, false, get("A: " + strings.Repeat("a", maxHead) + "\r\n"),
		},
		{
			"more than 256 fields in a head, or in trailers",
			[]string{"more than 256 header fields"},
			func(data string) bool { return strings.Count(data, "\n") > maxFields }, false, get(strings.Repeat("A: b\r\n", maxFields)),
		},
		{
			"white space behind a chunk's size",
			[]string{sizeSaid},
			has(`(^|\n)[0-9a-fA-F]+[ \t]+(;|\r\n)`), false, chunks("5 \r\nhello\r\n0\r\n\r\n"),
		},
		{
			"a chunk's size of more than 15 digits",
			[]string{sizeSaid},
			has(`[0-9a-fA-F]{16}[ \t]*(;|\r\n)`), false, chunks("0000000000000005\r\nhello\r\n0\r\n\r\n"),
		},
		{
			"a control character in a chunk's extension",
			[]string{sizeSaid},
			has("[0-9a-fA-F];[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"), false, chunks("5;a\x00\r\nhello\r\n0\r\n\r\n"),
		},
		{
			"trailers beyond 16 KiB",
			[]string{"the trailers are larger than 16 KiB", "a line is too long"},
			func(data string) bool { return len(data) > maxTrailers }, false,
			chunks("0\r\nA: " + strings.Repeat("a", maxTrailers) + "\r\n\r\n"),
		},
		{
			"a reply in another version than HTTP/1.0 and HTTP/1.1",
			[]string{"the reply does not begin with HTTP/1.1"},
			has(`^HTTP/([02-9]\.[0-9]|1\.[2-9]) `), true, "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
		},
		{
			"a reply's status that is not three digits from 100 on behind one space, or a control character in its reason",
			[]string{"the reply has no status from 100 to 999"},
			has("^HTTP/1\\.[01] ([^1-9]|[^ ]+ [^\r\n]*[\x00-\x08\x0b-\x1f\x7f])"), true,
			"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
		},
	}
}

var isOnlyHost = has(`^[!$&-.0-;=A-\[\]_a-z~%]+$`)

// isOddURL reports whether a request's target is neither a path nor a URL with nothing but a host as its authority.
func isOddURL(data string) bool {
	_, rest, _ := strings.Cut(data, " ")
	target, _, _ := strings.Cut(rest, " ")
	u, err := url.Parse(target)
	return err == nil && u.Scheme != "" && (u.Host == "" || u.User != nil || !isOnlyHost(u.Host))
}

// allRefusals are the engine's words in the table.
func allRefusals() map[string]bool {
	all := make(map[string]bool)
	for _, d := range onlyOurs() {
		for _, text := range d.refusals {
			all[text] = true
		}
	}
	return all
}

// TestDocumentedRefusals holds the table and ARCHITECTURE.md together.
func TestDocumentedRefusals(t *testing.T) {
	document, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(document), "\n## What only our engine refuses\n")
	if !found {
		t.Fatal(errors.New("ARCHITECTURE.md has no such section"))
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var documented, want []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			documented = append(documented, strings.TrimSpace(cells[1]))
		}
	}
	for _, d := range onlyOurs() {
		want = append(want, d.reason)
	}
	if documented = documented[min(2, len(documented)):]; !slices.Equal(documented, want) { // without the head of the table
		t.Errorf("ARCHITECTURE.md has\n%q, the test\n%q", documented, want)
	}
}
