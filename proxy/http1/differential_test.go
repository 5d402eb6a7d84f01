package http1

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
)

// FuzzRequest: whatever we accept, net/http accepts and sees the same in it, up to where the next request begins; what
// only we refuse is in the table of what only we refuse; and it does not matter in what pieces the bytes come.
func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, data string, step uint8) {
		ours, err := ourRequest(data, len(data)+1)
		inPieces, errInPieces := ourRequest(data, int(step)+1)
		samePieces(t, ours, inPieces, err, errInPieces)
		theirs, theirErr := theirRequest(data)
		if err != nil {
			mustBeKnown(t, data, err, theirErr)
			return
		}
		if theirErr != nil {
			t.Fatalf("we accept what net/http does not: %v", theirErr)
		}
		normalizeRequest(&ours, &theirs)
		sameHeads(t, ours, theirs)
		sameBodies(t, data, ours, theirs)
	})
}

// FuzzReply is the same for replies.
func FuzzReply(f *testing.F) {
	f.Fuzz(func(t *testing.T, data string, head bool, step uint8) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		ours, err := ourReply(data, method, len(data)+1)
		inPieces, errInPieces := ourReply(data, method, int(step)+1)
		samePieces(t, ours, inPieces, err, errInPieces)
		theirs, theirErr := theirReply(data, method)
		if err != nil {
			mustBeKnown(t, data, err, theirErr)
			return
		}
		if theirErr != nil {
			t.Fatalf("we accept what net/http does not: %v", theirErr)
		}
		normalizeReply(&ours)
		delete(theirs.header, "Connection") // net/http does in some cases
		sameHeads(t, ours, theirs)
		sameBodies(t, data, ours, theirs)
	})
}

// FuzzChunked is the same for chunked bodies.
func FuzzChunked(f *testing.F) {
	f.Fuzz(func(t *testing.T, data string, step uint8) {
		ours := ourChunks(data, len(data)+1)
		samePieces(t, ours, ourChunks(data, int(step)+1), nil, nil)
		sameBodies(t, data, ours, theirChunks(data))
	})
}

// samePieces compares what was read whole and in pieces. Which of several reasons a refusal names may differ.
func samePieces(t *testing.T, whole, inPieces seen, err, errInPieces error) {
	t.Helper()
	if (err == nil) != (errInPieces == nil) || (whole.broken == nil) != (inPieces.broken == nil) {
		t.Fatalf("whole: %v, %v; in pieces: %v, %v", err, whole.broken, errInPieces, inPieces.broken)
	}
	whole.broken, inPieces.broken = nil, nil
	if !reflect.DeepEqual(whole, inPieces) {
		t.Fatalf("whole: %+v; in pieces: %+v", whole, inPieces)
	}
}

// mustBeKnown fails if net/http accepts what we refuse, and the table has no reason that explains it.
func mustBeKnown(t *testing.T, data string, refused, theirErr error) {
	t.Helper()
	if theirErr != nil || slices.ContainsFunc(onlyOurs(), func(d difference) bool { return d.explains(data, refused) }) {
		return
	}
	t.Fatalf("only we refuse this, for a reason that is not in the table: %v", refused)
}

// sameHeads compares everything but the bodies.
func sameHeads(t *testing.T, ours, theirs seen) {
	t.Helper()
	if !sameHost(ours.host, theirs.host) {
		t.Fatalf("host: %q, net/http's %q", ours.host, theirs.host)
	}
	ours.host, theirs.host = "", ""
	what := func(s seen) string {
		return fmt.Sprintf("%q %q %q %q %q keeps=%v", s.first, s.path, s.query, s.header, s.framing, s.keeps)
	}
	if what(ours) != what(theirs) {
		t.Fatalf("ours:       %s\nnet/http's: %s", what(ours), what(theirs))
	}
}

// sameBodies compares bodies, trailers, and where they end.
func sameBodies(t *testing.T, data string, ours, theirs seen) {
	t.Helper()
	if ours.broken != nil {
		mustBeKnown(t, data, ours.broken, theirs.broken)
		return
	}
	if theirs.broken != nil {
		t.Fatalf("we accept a body that net/http does not: %v", theirs.broken)
	}
	what := func(s seen) string { return fmt.Sprintf("%q, trailer %q, then %q", s.body, s.trailer, s.rest) }
	if what(ours) != what(theirs) {
		t.Fatalf("ours:       %s\nnet/http's: %s", what(ours), what(theirs))
	}
}

// normalizeRequest does to our header what net/http does to its own, and cleans net/http's path.
func normalizeRequest(ours, theirs *seen) {
	h := ours.header
	delete(h, "Host")
	delete(h, "Transfer-Encoding")
	if ours.framing == "chunked" {
		delete(h, "Trailer")
	}
	if pragma := h["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && h["Cache-Control"] == nil {
		h.Set("Cache-Control", "no-cache")
	}
	if strings.HasPrefix(theirs.path, "/") || theirs.path == "" {
		theirs.path = faults.CleanPath("/" + strings.TrimPrefix(theirs.path, "/"))
	}
	if theirs.path == "*" {
		theirs.path = "/*"
	}
}

// normalizeReply does to our header what net/http does to its own, also to that of a chunked reply without its body.
func normalizeReply(ours *seen) {
	if ours.header["Transfer-Encoding"] != nil && strings.HasPrefix(ours.first, "1.1") {
		delete(ours.header, "Trailer")
	}
	for _, name := range []string{"Transfer-Encoding", "Connection"} {
		delete(ours.header, name)
	}
}

// TestOnlyWeRefuse: every reason in the table has an example that net/http accepts and we do not.
func TestOnlyWeRefuse(t *testing.T) {
	for _, d := range onlyOurs() {
		t.Run(d.reason, func(t *testing.T) {
			var ours, theirs seen
			var err, theirErr error
			if d.reply {
				ours, err = ourReply(d.example, http.MethodGet, len(d.example))
				theirs, theirErr = theirReply(d.example, http.MethodGet)
			} else {
				ours, err = ourRequest(d.example, len(d.example))
				theirs, theirErr = theirRequest(d.example)
			}
			if err == nil {
				err = ours.broken
			}
			if theirErr != nil || theirs.broken != nil {
				t.Errorf("net/http refuses it, too: %v, %v", theirErr, theirs.broken)
			}
			if err == nil || err == io.ErrUnexpectedEOF || !d.explains(d.example, err) {
				t.Errorf("we say %v", err)
			}
			for _, other := range onlyOurs() {
				if other.reason != d.reason && other.explains(d.example, err) {
					t.Errorf("%q would explain it, too", other.reason)
				}
			}
		})
	}
}

// TestSameDifferenceIsNoExcuse: a message that only has what a reason is about, and is refused for something else, is
// not explained by it.
func TestSameDifferenceIsNoExcuse(t *testing.T) {
	plain := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, d := range onlyOurs() {
		for text := range maps.Keys(allRefusals()) {
			if d.explains(plain, bad(text)) {
				t.Errorf("%q explains why %q would be refused with %q", d.reason, plain, text)
			}
		}
	}
}
