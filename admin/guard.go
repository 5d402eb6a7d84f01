package admin

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What callers are told who need a token.
const (
	challengeField = "WWW-Authenticate"
	challenge      = `Bearer realm="squall"`
)

// guard stands around the whole router and decides which requests it sees.
type guard struct {
	next   http.Handler
	refuse func(http.ResponseWriter, *http.Request, error)
	token  *tokenCheck     // nil = none is asked for
	hosts  map[string]bool // further names, in lower case
}

func newGuard(s *Server, next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) *guard {
	g := &guard{next: next, refuse: refuse, hosts: make(map[string]bool)}
	if s.Token != "" {
		g.token = newTokenCheck(s.Token)
	}
	for _, host := range s.Hosts {
		g.hosts[strings.ToLower(strings.TrimSuffix(host, "."))] = true
	}
	return g
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurityHeaders(w.Header())
	if r.ContentLength != 0 {
		// Not every ResponseWriter has a deadline: a test's has none.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		r = r.WithContext(r.Context()) // a copy: net/http looks at the body of its own when it closes the connection
		r.Body = unread{http.MaxBytesReader(w, r.Body, MaxBody)}
	}
	if err := g.check(w, r); err != nil {
		g.refuse(w, r, err)
		return
	}
	g.next.ServeHTTP(w, r)
}

// setSecurityHeaders forbids browsers whatever the API has no need of. There are no CORS headers: no other origin may
// read an answer.
func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// check reports the first reason to refuse a request.
func (g *guard) check(w http.ResponseWriter, r *http.Request) error {
	if err := checkOrigin(r); err != nil {
		return err
	}
	authorised := false
	if g.token != nil && isPublic(r.URL.Path) {
		w.Header().Set(challengeField, challenge) // other paths need a token (RFC 9110, 11.6.1): the page need not be refused to learn it
	}
	if g.token != nil && !isPublic(r.URL.Path) {
		var wait time.Duration
		if authorised, wait = g.authorise(r); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			return refusef(http.StatusTooManyRequests, "", "too many wrong tokens from this address")
		}
	}
	if !authorised && !knownHost(r.Host, g.hosts) {
		return refusef(http.StatusMisdirectedRequest, "", "not asked for under the name %q: it can be allowed by the hosts of the admin settings", shorten(r.Host, maxLogged))
	}
	if g.token != nil && !authorised && !isPublic(r.URL.Path) {
		w.Header().Set(challengeField, challenge)
		return refusef(http.StatusUnauthorized, "", "want the token, as in Authorization: Bearer TOKEN")
	}
	if r.ContentLength > MaxBody {
		return errBodyTooLarge()
	}
	return checkPath(r.URL)
}

// isPublic reports whether a path needs no token: it is that of a probe, or of the dashboard's files, which ask for one.
func isPublic(path string) bool { return path == "/healthz" || path == "/readyz" || isPage(path) }

// authorise reports whether a request brings the right token; a positive wait, that it may not be looked at.
func (g *guard) authorise(r *http.Request) (right bool, wait time.Duration) {
	token := bearer(r)
	if token == "" {
		return false, 0
	}
	from := guesser{address: addressOf(r.RemoteAddr), foreign: !knownHost(r.Host, g.hosts)}
	return g.token.check(from, token, time.Now())
}

// checkOrigin refuses what a browser sends on behalf of a page that is not ours, by whatever method: also an answer that
// the page cannot read tells it something.
func checkOrigin(r *http.Request) error {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if strings.EqualFold(site, "cross-site") {
			return refusef(http.StatusForbidden, "", "a page of another site may not ask")
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		if !sameOrigin(origin, r) {
			return refusef(http.StatusForbidden, "", "a page of origin %q may not ask", shorten(origin, maxLogged))
		}
	}
	return nil
}

// sameOrigin reports whether an Origin header (RFC 6454, 7) names the scheme and host that the request is for. "null"
// names none.
func sameOrigin(origin string, r *http.Request) bool {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return strings.EqualFold(origin, scheme+"://"+r.Host)
}

// checkPath refuses paths that two readers could understand in two ways.
func checkPath(u *url.URL) error {
	const reason = "not a path that can be asked for: "
	path := u.Path
	switch {
	case !strings.HasPrefix(path, "/"):
		return refusef(http.StatusBadRequest, "path", reason+"want one that begins with a slash")
	case strings.Contains(strings.ToLower(u.EscapedPath()), "%2f"):
		return refusef(http.StatusBadRequest, "path", reason+"it has an escaped slash")
	case strings.Contains(path, "//") && !isToxiproxys(path): // which is sent to the right one
		return refusef(http.StatusBadRequest, "path", reason+"it has an empty segment")
	case !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl):
		return refusef(http.StatusBadRequest, "path", reason+"it has a character that is not printable")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return refusef(http.StatusBadRequest, "path", reason+"it has the segment %q", segment)
		}
	}
	return nil
}

// shorten cuts a text that is longer than so many bytes.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
