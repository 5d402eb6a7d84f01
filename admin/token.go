package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
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
	maxAddresses = 4096 // counted apart; beyond, new ones are counted together
)

// tokenCheck tells callers who know the token from those who guess.
type tokenCheck struct {
	digest [sha256.Size]byte

	mu      sync.Mutex
	guesses map[netip.Prefix]*guesses
	sweep   time.Time // when those whose time is over may be looked for again
}

// guesses are the wrong tokens of one address since the first.
type guesses struct {
	until time.Time
	count int
}

func newTokenCheck(token string) *tokenCheck {
	return &tokenCheck{digest: sha256.Sum256([]byte(token)), guesses: make(map[netip.Prefix]*guesses)}
}

// check reports whether a token is the right one. A positive wait says that nobody looks before that time is over.
func (c *tokenCheck) check(remote, token string, now time.Time) (right bool, wait time.Duration) {
	digest := sha256.Sum256([]byte(token)) // of equal length, so that the time to compare tells nothing
	right = subtle.ConstantTimeCompare(digest[:], c.digest[:]) == 1
	c.mu.Lock()
	defer c.mu.Unlock()
	from := addressOf(remote)
	if c.guesses[from] == nil && c.full(now) {
		from = netip.Prefix{}
	}
	g := c.guesses[from]
	if g != nil && !now.Before(g.until) {
		delete(c.guesses, from)
		g = nil
	}
	switch {
	case g != nil && g.count >= maxGuesses:
		return false, g.until.Sub(now)
	case right:
		return true, 0
	case g == nil:
		g = &guesses{until: now.Add(guessWindow)}
		c.guesses[from] = g
	}
	g.count++
	return false, 0
}

// full reports whether no further address can be counted apart. c.mu is held.
func (c *tokenCheck) full(now time.Time) bool {
	if len(c.guesses) >= maxAddresses && !now.Before(c.sweep) {
		c.sweep = now.Add(time.Second)
		maps.DeleteFunc(c.guesses, func(_ netip.Prefix, g *guesses) bool { return !now.Before(g.until) })
	}
	return len(c.guesses) >= maxAddresses
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
