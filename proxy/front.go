package proxy

import "net/netip"

// Front is the proxy through which a request has come, such as a balancer, as its header fields say. Nobody vouches for what they
// say: any client can write them. Exchanges may share one, and nobody changes it.
type Front struct {
	Peer   string     // its address: it is who has connected
	Name   string     // its pseudonym in Via, at most 64 bytes; "" = it gives none
	Client netip.Addr // for which it asks; the zero Addr = it does not say
}
