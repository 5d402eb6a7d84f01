package admin

import (
	"net/http"
	"strconv"
	"time"
)

// A list gives at most maxLimit, and defaultLimit when no limit is asked for.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// since says where a list begins. The zero since is its very beginning.
type since struct {
	at   time.Time // what happened then or later
	seen uint64    // what came after the one of this number
}

// limit reads how much is asked for.
func (p params) limit() (int, error) {
	text := p["limit"]
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, refusef(http.StatusBadRequest, "limit", "want a whole number of 1 to %d, got %q", maxLimit, shorten(text, maxLogged))
	}
	return limit, nil
}

// since reads where a list begins: an instant, a time back from now, or the number of the last one already seen.
func (p params) since(now time.Time, number string) (since, error) {
	text := p["since"]
	if text == "" {
		return since{}, nil
	}
	if seen, err := strconv.ParseUint(text, 10, 64); err == nil {
		return since{seen: seen}, nil
	}
	if back, err := time.ParseDuration(text); err == nil && back >= 0 {
		return since{at: now.Add(-back)}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return since{}, refusef(http.StatusBadRequest, "since",
			"want an instant such as 2006-01-02T15:04:05Z, a time back such as 30s, or %s, got %q", number, shorten(text, maxLogged))
	}
	return since{at: at}, nil
}
