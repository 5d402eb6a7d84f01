package verdict

import (
	"strconv"
	"strings"
	"time"
)

// freshness is what a reply's Cache-Control says of how long it may be served (RFC 9111, 5.2; RFC 5861).
type freshness struct {
	maxAge, staleIfError, whileRevalidating time.Duration
	bounded                                 bool // it says stale-if-error, stale-while-revalidate or max-age at all
	strict                                  bool // must-revalidate, no-cache or no-store: never stale; with the last two never fresh
}

// readFreshness reads a Cache-Control field; what it does not know it leaves.
func readFreshness(field string) freshness {
	var f freshness
	never := false
	for directive := range strings.SplitSeq(field, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		age := time.Duration(n) * time.Second
		switch name = strings.ToLower(name); {
		case name == "must-revalidate":
			f.strict = true
		case name == "no-store", name == "no-cache" && value == "": // with a value it is about fields, not the reply
			f.strict, never = true, true
		case err != nil:
		case name == "max-age":
			f.maxAge, f.bounded = age, true
		case name == "stale-if-error":
			f.staleIfError, f.bounded = age, true
		case name == "stale-while-revalidate":
			f.whileRevalidating, f.bounded = age, true
		}
	}
	if never {
		f.maxAge = 0
	}
	return f
}
