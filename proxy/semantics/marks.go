package semantics

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/squall-proxy/squall/proxy"
)

// Bounds of the texts in a [proxy.ReplyMarks], in bytes. What is longer is cut.
const (
	maxRetryAfter   = 64
	maxCacheControl = 256
	maxAge          = 16
	maxDate         = 40
	maxCacheStatus  = 256
)

// maxToken is how much of a body says which answer of the service it is: all of the 64 KiB that are hashed of a request would
// cost 5 % of the exchange.
const maxToken = 16 << 10

// maxDegraded is up to how many bytes a body of JSON is searched for the mark of a service in degraded mode.
const maxDegraded = 4 << 10

// degradedMode is that mark, in the text at /message.
var degradedMode = []byte("degraded mode")

// Marks gathers what a reply tells its client, as it is sent: first its fields, then its body.
type Marks struct {
	proxy.ReplyMarks // texts are views of the fields

	body BodyHash
	text []byte // of a body of JSON, as long as it is not too long to be searched
	json bool
}

// Reset makes ready for another reply. The room for text stays.
func (m *Marks) Reset() { *m = Marks{text: m.text[:0]} }

// Field looks at a field of the reply, its name in any case.
func (m *Marks) Field(name, value string) {
	switch {
	case isNamed(name, "Retry-After"):
		m.RetryAfter = head(value, maxRetryAfter)
	case isNamed(name, "Cache-Control"):
		m.CacheControl = head(value, maxCacheControl)
	case isNamed(name, "Age"):
		m.Age = head(value, maxAge)
	case isNamed(name, "Date"):
		m.Date = head(value, maxDate)
	case isNamed(name, "Cache-Status"):
		m.CacheStatus = head(value, maxCacheStatus)
	case isNamed(name, "ETag"):
		m.Token = Hash(value)
	case isNamed(name, "X-Service-Mode"):
		m.Degraded = m.Degraded || strings.EqualFold(value, "fallback")
	case isNamed(name, "Content-Type"):
		m.json = isJSON(value)
	}
}

// head is as much of a text as there is room for.
func head(text string, most int) string { return text[:min(len(text), most)] }

// isJSON reports whether a content type says that a body is JSON.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.TrimSpace(kind)
	return strings.EqualFold(kind, "application/json") || strings.HasSuffix(kind, "+json")
}

// Body takes the next piece of the body that goes to the client.
func (m *Marks) Body(piece []byte) {
	if m.Token == 0 {
		m.body.Add(piece[:min(len(piece), maxToken-m.body.seen)])
	}
	switch {
	case !m.json:
	case len(m.text)+len(piece) > maxDegraded:
		m.json, m.text = false, m.text[:0]
	default:
		m.text = append(m.text, piece...)
	}
}

// End completes the marks when the reply is over.
func (m *Marks) End() {
	if m.Token == 0 {
		m.Token = m.body.Value()
	}
	if m.json && bytes.Contains(m.text, degradedMode) {
		var told struct{ Message string }
		_ = json.Unmarshal(m.text, &told) // what is no JSON says nothing
		m.Degraded = m.Degraded || strings.Contains(told.Message, string(degradedMode))
	}
}
