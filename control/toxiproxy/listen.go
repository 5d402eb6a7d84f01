package toxiproxy

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// lookupTimeout is how long the names in the addresses of one request may take to be looked up, in all. It happens before
// the change is made: nobody waits for a name server but who has named a name.
const lookupTimeout = 900 * time.Millisecond

// places are the addresses of a request, looked up.
type places map[string]place

type place struct {
	addr netip.AddrPort // no address at all = all of this machine
	err  error
}

// lookUp finds what addresses stand for.
func lookUp(ctx context.Context, addresses ...string) places {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found := make(places, len(addresses))
	for _, address := range addresses {
		if _, known := found[address]; !known {
			addr, err := resolve(ctx, address)
			found[address] = place{addr, err}
		}
	}
	return found
}

// resolve does what [net.ResolveTCPAddr] does, errors and all, and gives up when ctx is done.
func resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	if address == "" {
		return netip.AddrPort{}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil || host == "" {
		return netip.AddrPortFrom(netip.Addr{}, uint16(port)), err
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	chosen := all[0].Unmap()
	for _, one := range all {
		if one.Unmap().Is4() {
			chosen = one.Unmap()
			break
		}
	}
	return netip.AddrPortFrom(chosen, uint16(port)), nil
}

// String writes an address as [net.TCPAddr] does.
func (p place) String() string {
	return net.TCPAddrFromAddrPort(p.addr).String()
}

// same reports whether listening on wanted is listening where it is done now. All ways to write "all of this machine" are
// one, and who wants any free port has one.
func (p places) same(now, wanted string) bool {
	if now == wanted {
		return true
	}
	a, b := p[now], p[wanted]
	if a.err != nil || b.err != nil || b.addr.Port() != 0 && a.addr.Port() != b.addr.Port() {
		return false
	}
	everywhere := func(addr netip.Addr) bool { return !addr.IsValid() || addr.IsUnspecified() }
	return a.addr.Addr() == b.addr.Addr() || everywhere(a.addr.Addr()) && everywhere(b.addr.Addr())
}
