package lastgood

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"
)

// Answer is one kept answer, and what its Cache-Control says of it. Nothing in it changes but when it was made, and
// whether somebody is fetching a new one.
type Answer struct {
	Body   []byte // not to be changed
	Length int64  // as http.Response.ContentLength

	header  http.Header
	vary    []string // request fields it was chosen by
	variant digest

	born       atomic.Int64  // when it was made, Unix time in nanoseconds
	lifetime   time.Duration // the age up to which it is fresh
	explicit   bool          // the service has said so; else it is a guess by Last-Modified
	refresh    time.Duration // how long after that it may be used while a new one is fetched
	grace      time.Duration // how long after that it may stand in for an error; below 0: not at all
	never      bool          // no-cache: not without asking the service
	refreshing atomic.Bool
}

// judge returns resp without its body as it may be kept, or nil if it may not. A Cache-Control that cannot be parsed
// might forbid it, and so does.
func (s *Store) judge(req *http.Request, resp *http.Response, asked, now time.Time) *Answer {
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
	a := &Answer{
		header:  header,
		Length:  resp.ContentLength,
		vary:    vary,
		variant: variantOf(vary, req.Header),
		grace:   s.cfg.MaxStale,
		never:   says.NoCachePresent && !s.cfg.IgnoreRevalidate,
	}
	a.born.Store(now.Add(-ageOf(header, asked, now)).UnixNano())
	if !expires.IsZero() {
		a.lifetime = max(0, expires.Sub(object.NowUTC))
		a.explicit = says.MaxAge >= 0 || header.Get("Expires") != ""
	}
	if says.StaleIfError >= 0 {
		a.grace = min(a.grace, seconds(says.StaleIfError))
	}
	if says.StaleWhileRevalidate >= 0 {
		a.refresh = seconds(says.StaleWhileRevalidate)
	}
	if says.MustRevalidate && !s.cfg.IgnoreRevalidate {
		a.grace, a.refresh = -1, 0
	}
	for name := range header {
		if passing(name) {
			delete(header, name)
		}
	}
	return a
}

// forbids: that a request carried Authorization is no obstacle here, see Store.
func forbids(r cacheobject.Reason) bool { return r != cacheobject.ReasonRequestAuthorizationHeader }

// passing tells the fields that belong to one connection, or to one moment, and are not kept: an old Set-Cookie would undo
// a newer session.
func passing(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Set-Cookie", "Age", "Date":
		return true
	}
	return false
}

// ageOf is RFC 9111 4.2.3's corrected age. The Date is left out: clocks that disagree are commoner than caches without
// Age.
func ageOf(header http.Header, asked, now time.Time) time.Duration {
	age := now.Sub(asked)
	if header["Age"] != nil {
		said, _ := strconv.ParseUint(header.Get("Age"), 10, 31)
		age += time.Duration(said) * time.Second
	}
	return age
}

func seconds(d cacheobject.DeltaSeconds) time.Duration { return time.Duration(d) * time.Second }

func (a *Answer) age(now time.Time) time.Duration {
	return time.Duration(now.UnixNano() - a.born.Load())
}

// Fresh tells whether the answer may be used for req without asking the service: the service has said for how long that
// holds, and req does not ask for anything else than the whole resource.
func (a *Answer) Fresh(req *http.Request, now time.Time) bool {
	age := a.age(now)
	return !a.never && a.explicit && age < a.lifetime && plain(req) && accepts(req, age, a.lifetime-age)
}

// FreshEnough tells whether the answer may be used for req while a new one is fetched (RFC 5861 3).
func (a *Answer) FreshEnough(req *http.Request, now time.Time) bool {
	age := a.age(now)
	return !a.never && a.explicit && age < a.lifetime+a.refresh && plain(req) && accepts(req, age, a.lifetime-age)
}

// StandsIn tells whether the answer may be used for req in place of an error (RFC 5861 4).
func (a *Answer) StandsIn(req *http.Request, now time.Time) bool {
	age := a.age(now)
	return !a.never && (age < a.lifetime || age-a.lifetime <= a.grace) && accepts(req, age, a.lifetime-age)
}

// BeginRefresh tells whether the caller is the one to fetch a new answer. It then has to call EndRefresh.
func (a *Answer) BeginRefresh() bool { return a.refreshing.CompareAndSwap(false, true) }

// EndRefresh lets the next caller try, if the answer is still the one that is kept.
func (a *Answer) EndRefresh() { a.refreshing.Store(false) }

// Header returns the answer's header, marked with its age and with how it was used (RFC 9211): ttl is what is left of its
// freshness, and below zero from then on. detail may be empty.
func (a *Answer) Header(now time.Time, detail string) http.Header {
	age := a.age(now)
	status := "squall; hit; ttl=" + strconv.Itoa(whole(a.lifetime)-whole(age))
	if detail != "" {
		status += "; detail=" + detail
	}
	header := a.header.Clone()
	header.Set("Date", now.Add(-age).UTC().Format(http.TimeFormat))
	header.Set("Age", strconv.Itoa(whole(age)))
	header.Add("Cache-Status", status)
	return header
}

// IsFresh tells whether the answer's freshness has not ended at now.
func (a *Answer) IsFresh(now time.Time) bool { return a.age(now) < a.lifetime }

func whole(d time.Duration) int { return int(d / time.Second) }
