package experiments

import (
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
	if err := document.Decode(n, (*plain)(l)); err != nil {
		return err
	}
	if err := checkSpan("warmup", l.Warmup, faults.Duration(100*time.Millisecond), faults.MaxDuration); err != nil {
		return err
	}
	if l.External {
		return l.checkExternal(n)
	}
	switch {
	case l.Rate == 0:
		return document.Errorf("rate", `missing: want a rate such as "200/s"`)
	case l.Proxy != "" || l.Target != "":
		return document.Errorf("proxy", "only an external load has a proxy and a target: this one's url says where it goes")
	}
	return l.complete()
}

// checkExternal refuses what says how to make traffic where it is only watched.
func (l *Load) checkExternal(n *document.Node) error {
	for _, name := range []string{"url", "method", "headers", "body", "timeout", "rate"} {
		if n.Get(name) != nil {
			return document.Errorf(name, "not beside external: the traffic that is there is watched, none is made")
		}
	}
	if l.Proxy == "" {
		return document.Errorf("proxy", "missing: want the proxy that the external load goes through")
	}
	return nil
}

// complete fills in what is left out, and refuses what cannot be sent.
func (r *Request) complete() error {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.Timeout == 0 {
		r.Timeout = faults.Duration(5 * time.Second)
	}
	if err := checkURL("url", r.URL); err != nil {
		return err
	}
	if err := checkSpan("timeout", r.Timeout, faults.Duration(time.Millisecond), maxTimeout); err != nil {
		return err
	}
	if _, err := http.NewRequest(r.Method, r.URL, nil); err != nil {
		return document.Errorf("method", "%q is no method", r.Method)
	}
	for name, value := range r.Headers {
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return document.At(document.At(document.Errorf("", "not a header field: %q: %q", name, value), name), "headers")
		}
	}
	return nil
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
