package experiments

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Load is traffic: one that the runner makes, at a rate that does not slow down with the system, or one that is there.
type Load struct {
	Request
	Rate     Rate            `json:"rate,omitempty"`
	Warmup   faults.Duration `json:"warmup,omitempty"` // before anything is judged; 5s by default
	External bool            `json:"external,omitempty"`
	Proxy    string          `json:"proxy,omitempty"`  // of an external load: whose exchanges it is
	Target   string          `json:"target,omitempty"` // of an external load: the squall that has the proxy
}

// Request is one HTTP request, of a load, a check or a step.
type Request struct {
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"` // GET by default
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Timeout faults.Duration   `json:"timeout,omitempty"` // of the whole exchange; 5s by default
}

// maxTimeout bounds how long one request, process or query may take.
const maxTimeout = faults.Duration(time.Hour)

// DecodeDocument reads a load.
func (l *Load) DecodeDocument(n *document.Node) error {
	*l = Load{Warmup: faults.Duration(5 * time.Second)}
	type plain Load
	return also(document.Decode(n, (*plain)(l)), l.check(n))
}

func (l *Load) check(n *document.Node) error {
	wrong := []error{checkSpan("warmup", l.Warmup, faults.Duration(100*time.Millisecond), faults.MaxDuration)}
	if l.External {
		return document.Join(append(wrong, l.checkExternal(n))...)
	}
	if l.Rate == 0 {
		wrong = append(wrong, document.Errorf("rate", `missing: want a rate such as "200/s"`))
	}
	if l.Proxy != "" || l.Target != "" {
		wrong = append(wrong, document.Errorf("proxy", "only an external load has a proxy and a target: this one's url says where it goes"))
	}
	return document.Join(append(wrong, l.complete())...)
}

// checkExternal refuses what says how to make traffic where it is only watched.
func (l *Load) checkExternal(n *document.Node) error {
	var wrong []error
	for _, name := range []string{"url", "method", "headers", "body", "timeout", "rate"} {
		if n.Get(name) != nil {
			wrong = append(wrong, document.Errorf(name, "not beside external: the traffic that is there is watched, none is made"))
		}
	}
	if l.Proxy == "" {
		wrong = append(wrong, document.Errorf("proxy", "missing: want the proxy that the external load goes through"))
	}
	return document.Join(wrong...)
}

// complete fills in what is left out, and refuses what cannot be sent.
func (r *Request) complete() error {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.Timeout == 0 {
		r.Timeout = faults.Duration(5 * time.Second)
	}
	wrong := []error{checkURL("url", r.URL), checkSpan("timeout", r.Timeout, faults.Duration(time.Millisecond), maxTimeout)}
	if !isToken(r.Method) {
		wrong = append(wrong, document.Errorf("method", "%q is no method", r.Method))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if value := r.Headers[name]; !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			wrong = append(wrong, document.At(document.At(document.Errorf("", "not a header field: %q: %q", name, value), name), "headers"))
		}
	}
	return document.Join(wrong...)
}

// checkURL wants an absolute URL of HTTP.
func checkURL(field, text string) error {
	u, err := url.Parse(text)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
		return document.Errorf(field, "want a URL such as http://127.0.0.1:8080/, got %q", RedactURL(text))
	}
	return nil
}

// isToken says that a text can be a field's name (RFC 9110, 5.6.2).
func isToken(text string) bool {
	odd := func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}
	return text != "" && strings.IndexFunc(text, odd) < 0
}
