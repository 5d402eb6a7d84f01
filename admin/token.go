package admin

import (
	"container/list"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// From one address so many wrong tokens are looked at in each window; then none is, the right one included, until it
// is over.
const (
	maxGuesses   = 10
	guessWindow  = time.Minute
	maxAddresses = 4096 // whose guesses are remembered; beyond, the oldest are forgotten
)

// tokenCheck tells callers who know the token from those who guess. Nobody is refused for what another address did, so
// who has thousands of addresses may guess more often than ten times a minute: a token has to be long.
type tokenCheck struct {
	digest [sha256.Size]byte

	mu      sync.Mutex
	guesses map[guesser]*list.Element // of *guesses
	oldest  *list.List                // the same, in the order of their first guess, which is that of their end
}

// guesser is who guesses.
type guesser struct {
	address netip.Prefix
	foreign bool // under a Host that is not ours: maybe a page in the browser of one who knows the token
}

// guesses are the wrong tokens of one guesser since the first.
type guesses struct {
	from  guesser
	until time.Time
	count int
}

func newTokenCheck(token string) *tokenCheck {
	return &tokenCheck{digest: sha256.Sum256([]byte(token)), guesses: make(map[guesser]*list.Element), oldest: list.New()}
}

// check reports whether a token is the right one. A positive wait says that nobody looks before that time is over.
func (c *tokenCheck) check(from guesser, token string, now time.Time) (right bool, wait time.Duration) {
	digest := sha256.Sum256([]byte(token)) // of equal length, so that the time to compare tells nothing
	right = subtle.ConstantTimeCompare(digest[:], c.digest[:]) == 1
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.oldest.Front(); e != nil && !now.Before(e.Value.(*guesses).until); e = c.oldest.Front() {
		c.forget(e)
	}
	if e := c.guesses[from]; e != nil {
		g := e.Value.(*guesses)
		if g.count >= maxGuesses {
			return false, g.until.Sub(now)
		}
		if !right {
			g.count++
		}
		return right, 0
	}
	if !right {
		if c.oldest.Len() == maxAddresses {
			c.forget(c.oldest.Front())
		}
		c.guesses[from] = c.oldest.PushBack(&guesses{from: from, until: now.Add(guessWindow), count: 1})
	}
	return right, 0
}

// forget forgets the guesses of one. c.mu is held.
func (c *tokenCheck) forget(e *list.Element) {
	delete(c.guesses, e.Value.(*guesses).from)
	c.oldest.Remove(e)
}

// addressOf is whose guesses are counted together: an IPv4 address, or the /64 that one IPv6 host can choose from.
// What has no address, as on a unix socket, counts as one.
func addressOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	address := at.Addr().Unmap()
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, _ := address.WithZone("").Prefix(bits) // never fails for an address in range
	return prefix
}

// bearer gives the token that a request brings (RFC 6750, 2.1); "" = none.
func bearer(r *http.Request) string {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
