package admin

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// privateSuffixes are endings of names that nobody can register in the public DNS, so that no foreign page can point
// one at this machine.
func privateSuffixes() []string {
	return []string{".internal", ".local", ".localhost", ".test", ".svc", ".cluster.local"}
}

// knownHost reports whether a Host header may stand on a request: an address, a name without a dot, one that nobody can
// register, or one of names, which are in lower case. Any other name may be a foreign page's, whose DNS answer was
// changed to this machine's address after the page was loaded (DNS rebinding).
func knownHost(host string, names map[string]bool) bool {
	name, ok := hostName(host)
	if !ok {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if !isName(name) {
		return false
	}
	if !strings.Contains(name, ".") || names[name] {
		return true
	}
	for _, suffix := range privateSuffixes() {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// hostName takes the port from a Host header, the brackets from an address and the last dot from a name, and writes it
// in lower case.
func hostName(host string) (name string, ok bool) {
	name = host
	if bracketed, found := strings.CutPrefix(host, "["); found && strings.HasSuffix(host, "]") {
		name = bracketed[:len(bracketed)-1]
	} else if strings.Contains(host, ":") {
		var port string
		var err error
		if name, port, err = net.SplitHostPort(host); err != nil {
			return "", false
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", false
		}
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), true
}

// isName reports whether text is made of labels of letters, digits, hyphens and underscores.
func isName(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" {
			return false
		}
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}
