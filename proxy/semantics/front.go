package semantics

import (
	"net/netip"
	"strings"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// maxPseudonym bounds the name of a proxy, in bytes.
const maxPseudonym = 64

// FrontOf tells what a request has come through: it has Via, X-Forwarded-For or X-Real-IP, or came from none. client is the one
// that a peer who is trusted names, else the peer itself. The texts are views of the request's.
func FrontOf(request faults.Fields, peerText string, peer, client netip.Addr) (front proxy.Front, through bool) {
	via, forwarded, realIP := request.Values("Via"), request.Values("X-Forwarded-For"), request.Values("X-Real-Ip")
	if len(via)+len(forwarded)+len(realIP) == 0 {
		return proxy.Front{}, false
	}
	front.Peer = peerText
	if len(via) > 0 {
		front.Name = pseudonym(via[len(via)-1])
	}
	if client != peer {
		front.Client = client.WithZone("") // which could be a text of any length
		return front, true
	}
	for _, lines := range [][]string{forwarded, realIP} {
		if len(lines) == 0 {
			continue
		}
		last := lines[len(lines)-1]
		if hop, ok := parseHop(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])); ok {
			front.Client = hop.WithZone("")
			break
		}
	}
	return front, true
}

// pseudonym gives the last name in a line of Via, as "1.1 cache (any comment), HTTP/1.1 nginx" (RFC 9110, 7.6.3); "" where it is
// unreadable.
func pseudonym(line string) string {
	line = strings.TrimSpace(line)
	if strings.HasSuffix(line, ")") { // a comment, in which others and commas may be
		depth, begin := 0, -1
		for i := len(line) - 1; i >= 0 && begin < 0; i-- {
			switch line[i] {
			case ')':
				depth++
			case '(':
				if depth--; depth == 0 {
					begin = i
				}
			}
		}
		line = line[:max(begin, 0)]
	}
	words := strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
	_, name, _ := strings.Cut(words, " ")
	name = strings.TrimSpace(name)
	if len(name) > maxPseudonym || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ""
	}
	return name
}
