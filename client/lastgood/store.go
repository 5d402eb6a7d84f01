// Package lastgood keeps the latest good answer of each resource, as a private HTTP cache does (RFC 9111), and says when
// it may be used: instead of asking the service, while asking it (RFC 5861 3), or in place of an error (RFC 5861 4).
package lastgood

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"
)

// Config says how much is kept, and for how long it is good for something.
type Config struct {
	MaxStale         time.Duration // how long after its freshness ended an answer may stand in for an error
	IgnoreRevalidate bool          // use answers although the service asked for must-revalidate or no-cache
	Bytes            int64         // memory of all answers, above 0
}

// maxVariants is how many answers of one URL are kept that differ by what Vary names.
const maxVariants = 8

// Store keeps the latest whole 200 of each method and URL, apart by what Vary names, within a number of bytes; what is
// used least goes first. Because one client may call for several users, answers to different credentials are always kept
// apart, as if the service had sent "Vary: Authorization, Cookie". It is safe for concurrent use.
type Store struct {
	cfg   Config
	cache *otter.Cache[target, []*Answer] // newest first; slices are never changed once stored
}

// target is what a request is for.
type target struct{ method, name, scheme, host, path, rawPath, query string }

// New makes an empty Store.
func New(cfg Config) (*Store, error) {
	cache, err := otter.New(&otter.Options[target, []*Answer]{
		MaximumWeight: uint64(cfg.Bytes),
		Weigher:       weigh,
		Executor:      func(task func()) { task() }, // upkeep is short: no goroutine without an owner
	})
	return &Store{cfg: cfg, cache: cache}, err
}

// weigh counts the bytes of what is kept, with a flat 1 KiB an answer for maps and pointers.
func weigh(key target, answers []*Answer) uint32 {
	n := len(key.name) + len(key.host) + len(key.path) + len(key.rawPath) + len(key.query)
	for _, a := range answers {
		n += len(a.Body) + 1024
		for name, values := range a.header {
			n += len(name)
			for _, v := range values {
				n += len(v)
			}
		}
	}
	return uint32(n)
}

// Keep stores resp, whose body is whole and must not be changed any more, if it is a 200 that may be stored (RFC 9111 3,
// as a private cache). asked is when the request went out. An answer that says again what is kept already is only noted
// to be new: a service without news costs no memory.
func (s *Store) Keep(req *http.Request, resp *http.Response, body []byte, asked time.Time) {
	if resp.StatusCode != http.StatusOK {
		return
	}
	now := time.Now()
	if known := s.Find(req); known != nil && known.saysAgain(req, resp, body) {
		known.born.Store(now.Add(-ageOf(resp.Header, asked, now)).UnixNano())
		return
	}
	answer := s.judge(req, resp, asked, now)
	if answer == nil {
		return
	}
	answer.Body = body
	s.cache.Compute(targetOf(req, req.Method), func(old []*Answer, _ bool) ([]*Answer, otter.ComputeOp) {
		answers := append(make([]*Answer, 0, 1+len(old)), answer)
		for _, o := range old {
			if o.variant != answer.variant && len(answers) < maxVariants {
				answers = append(answers, o)
			}
		}
		return answers, otter.WriteOp
	})
}

// saysAgain tells whether resp differs from a only by when it was made. How long it is fresh must not depend on that.
func (a *Answer) saysAgain(req *http.Request, resp *http.Response, body []byte) bool {
	if req.Header["Cache-Control"] != nil || resp.Header["Expires"] != nil || resp.Header["Last-Modified"] != nil {
		return false
	}
	n := 0
	for name, values := range resp.Header {
		if passing(name) {
			continue
		}
		if !slices.Equal(values, a.header[name]) {
			return false
		}
		n++
	}
	return n == len(a.header) && a.Length == resp.ContentLength && bytes.Equal(a.Body, body)
}

// Find returns what is kept for req, or nil. Its uses say whether it is good for anything.
func (s *Store) Find(req *http.Request) *Answer {
	answers, _ := s.cache.GetIfPresent(targetOf(req, req.Method))
	for _, a := range answers {
		if a.variant == variantOf(a.vary, req.Header) {
			return a
		}
	}
	return nil
}

// Forget drops what is known of req's target: a write has changed it.
func (s *Store) Forget(req *http.Request) {
	s.cache.Invalidate(targetOf(req, http.MethodGet))
	s.cache.Invalidate(targetOf(req, http.MethodHead))
}

// Bytes is the memory that is taken, in bytes as they are counted.
func (s *Store) Bytes() uint64 { return s.cache.WeightedSize() }

func targetOf(req *http.Request, method string) target {
	if method == "" {
		method = http.MethodGet
	}
	u := req.URL
	return target{method, req.Host, u.Scheme, u.Host, u.Path, u.RawPath, u.RawQuery}
}
