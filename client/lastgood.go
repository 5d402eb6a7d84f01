package client

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/pquerna/cachecontrol/cacheobject"
)

// maxVariants is how many answers of one URL are kept that differ by what Vary names.
const maxVariants = 8

// lastGood keeps the latest whole 200 of each method and URL, apart by what Vary names, within a number of bytes; what
// is used least goes first. Because one Client may call for several users, answers to different credentials are always
// kept apart, as if the service had sent "Vary: Authorization, Cookie".
type lastGood struct {
	cfg   Fallback
	cache *otter.Cache[string, []*goodAnswer] // newest first; slices and answers are never changed once stored
}

// goodAnswer is one kept answer, and what its Cache-Control says of it.
type goodAnswer struct {
	header   http.Header
	body     []byte
	length   int64    // as http.Response.ContentLength
	vary     []string // request fields it was chosen by
	variant  [sha256.Size]byte
	received time.Time
	age      time.Duration // when it was received
	lifetime time.Duration // the age up to which it is fresh
	grace    time.Duration // how long after that it may stand in for an error
	never    bool          // no-cache: not without asking the service
}

func newLastGood(cfg Fallback) (*lastGood, error) {
	cache, err := otter.New(&otter.Options[string, []*goodAnswer]{
		MaximumWeight: uint64(cfg.StoreBytes),
		Weigher:       weigh,
		Executor:      func(task func()) { task() }, // upkeep is short: no goroutine without an owner
	})
	return &lastGood{cfg: cfg, cache: cache}, err
}

// weigh counts the bytes of what is kept, with a flat 1 KiB an answer for maps and pointers.
func weigh(key string, answers []*goodAnswer) uint32 {
	n := len(key)
	for _, a := range answers {
		n += len(a.body) + 1024
		for name, values := range a.header {
			n += len(name)
			for _, v := range values {
				n += len(v)
			}
		}
	}
	return uint32(n)
}

// keep stores resp if it is a whole, normal 200 that may be stored (RFC 9111 3, as a private cache). asked is when the
// request went out.
func (g *lastGood) keep(req *http.Request, resp *http.Response, asked time.Time) {
	body, whole := resp.Body.(*bufferedBody)
	if !whole || resp.StatusCode != http.StatusOK || Source(resp) != Fresh {
		return
	}
	answer := g.judge(req, resp, asked)
	if answer == nil {
		return
	}
	answer.body = body.data
	g.cache.Compute(storeKey(req), func(old []*goodAnswer, _ bool) ([]*goodAnswer, otter.ComputeOp) {
		answers := append(make([]*goodAnswer, 0, 1+len(old)), answer)
		for _, o := range old {
			if o.variant != answer.variant && len(answers) < maxVariants {
				answers = append(answers, o)
			}
		}
		return answers, otter.WriteOp
	})
}

// judge returns resp without its body as it may be kept, or nil if it may not. A Cache-Control that cannot be parsed
// might forbid it, and so does.
func (g *lastGood) judge(req *http.Request, resp *http.Response, asked time.Time) *goodAnswer {
	header := resp.Header.Clone()
	if lines := header.Values("Cache-Control"); len(lines) > 1 {
		header.Set("Cache-Control", strings.Join(lines, ", ")) // the parser reads the first line only
	}
	reasons, expires, _, object, err := cacheobject.UsingRequestResponseWithObject(req, resp.StatusCode, header, true)
	vary, storable := varies(header)
	if err != nil || !storable || slices.ContainsFunc(reasons, forbids) {
		return nil
	}
	says := object.RespDirectives
	a := &goodAnswer{
		header:   header,
		length:   resp.ContentLength,
		vary:     vary,
		variant:  variant(vary, req.Header),
		received: time.Now(),
		grace:    g.cfg.MaxStale,
		never:    says.NoCachePresent && !g.cfg.IgnoreRevalidate,
	}
	if !expires.IsZero() {
		a.lifetime = max(0, expires.Sub(object.NowUTC))
	}
	// RFC 9111 4.2.3's corrected age. The Date is left out: clocks that disagree are commoner than caches without Age.
	seconds, _ := strconv.ParseUint(header.Get("Age"), 10, 31)
	a.age = time.Duration(seconds)*time.Second + a.received.Sub(asked)
	if says.StaleIfError >= 0 {
		a.grace = min(a.grace, time.Duration(says.StaleIfError)*time.Second)
	}
	if says.MustRevalidate && !g.cfg.IgnoreRevalidate {
		a.grace = -1
	}
	// What belongs to one connection, or to one moment: an old Set-Cookie would undo a newer session.
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Set-Cookie", "Age"} {
		header.Del(name)
	}
	return a
}

// forbids: that a request carried Authorization is no obstacle here, see lastGood.
func forbids(r cacheobject.Reason) bool { return r != cacheobject.ReasonRequestAuthorizationHeader }

// find returns the last good answer to req that may be used at now in place of an error, or nil.
func (g *lastGood) find(req *http.Request, now time.Time) *http.Response {
	answers, _ := g.cache.GetIfPresent(storeKey(req))
	for _, a := range answers {
		if a.variant == variant(a.vary, req.Header) {
			return a.serve(req, now)
		}
	}
	return nil
}

// forget drops what is known of req's target.
func (g *lastGood) forget(req *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		other := *req
		other.Method = method
		g.cache.Invalidate(storeKey(&other))
	}
}

// serve returns the answer marked with its age, or nil when it or req forbids to use it now.
func (a *goodAnswer) serve(req *http.Request, now time.Time) *http.Response {
	age := a.age + now.Sub(a.received)
	fresh := age < a.lifetime
	if a.never || !fresh && age-a.lifetime > a.grace || !accepts(req, age) {
		return nil
	}
	// RFC 9211: ttl is what is left of the freshness, and below zero from then on.
	detail := "stale-if-error"
	if fresh {
		detail = "last-good"
	}
	status := "squall; hit; ttl=" + strconv.Itoa(wholeSeconds(a.lifetime)-wholeSeconds(age)) + "; detail=" + detail
	header := a.header.Clone()
	header.Set("Age", strconv.Itoa(wholeSeconds(age)))
	header.Add("Cache-Status", status)
	header.Set(HeaderSource, Cached.String())
	return made(req, header, a.body, a.length)
}

// accepts tells whether req's own Cache-Control allows an answer of that age.
func accepts(req *http.Request, age time.Duration) bool {
	field := strings.Join(req.Header.Values("Cache-Control"), ", ")
	if field == "" {
		return true
	}
	says, err := cacheobject.ParseRequestCacheControl(field)
	return err == nil && !says.NoCache && !says.NoStore &&
		(says.MaxAge < 0 || age <= time.Duration(says.MaxAge)*time.Second)
}

func storeKey(req *http.Request) string {
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	target := *req.URL
	target.Fragment, target.RawFragment = "", ""
	return method + " " + req.Host + " " + target.String()
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

// variant is a digest of the named fields, so that no credential is kept.
func variant(names []string, header http.Header) [sha256.Size]byte {
	var text []byte
	for _, name := range names {
		for _, value := range header.Values(name) {
			text = strconv.AppendQuote(append(text, name...), value)
		}
		text = append(text, '\n')
	}
	return sha256.Sum256(text)
}

func wholeSeconds(d time.Duration) int { return int(d / time.Second) }
