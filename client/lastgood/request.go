package lastgood

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"
)

// accepts tells whether req's own Cache-Control allows an answer of that age, of whose freshness left is left.
func accepts(req *http.Request, age, left time.Duration) bool {
	lines := req.Header["Cache-Control"]
	if len(lines) == 0 {
		return true
	}
	says, err := cacheobject.ParseRequestCacheControl(strings.Join(lines, ", "))
	return err == nil && !says.NoCache && !says.NoStore &&
		(says.MaxAge < 0 || age <= seconds(says.MaxAge)) && (says.MinFresh < 0 || left >= seconds(says.MinFresh))
}

// plain tells whether req asks for the whole of a resource, whatever its state.
func plain(req *http.Request) bool {
	for _, name := range []string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		if req.Header[name] != nil {
			return false
		}
	}
	return true
}

// varies returns the names of the request fields that an answer depends on, and false for "Vary: *".
func varies(header http.Header) (names []string, storable bool) {
	names = []string{"Authorization", "Cookie"}
	for _, line := range header.Values("Vary") {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names, !slices.Contains(names, "*")
}

// digest stands for the values of some fields, so that no credential is kept.
type digest [sha256.Size]byte

// variantOf is the digest of the named fields.
func variantOf(names []string, header http.Header) digest {
	var space [256]byte
	text := space[:0]
	for _, name := range names {
		for _, value := range header[name] {
			text = strconv.AppendQuote(append(text, name...), value)
		}
		text = append(text, '\n')
	}
	return sha256.Sum256(text)
}
