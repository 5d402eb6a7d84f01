package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// DialTimeout bounds the connecting to an upstream.
const DialTimeout = 5 * time.Second

// Dialer dials a proxy's upstream.
type Dialer struct {
	net.Dialer
	socket string // the path of the upstream's unix socket; "" = it has none
}

// DialContext connects to an address; to the unix socket, whatever the address, where the upstream is one.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.socket != "" {
		network, address = "unix", d.socket
	}
	return d.Dialer.DialContext(ctx, network, address)
}

// Dialer gives the dialer for a proxy's upstream. On every dial it looks at the address that the name resolved to, and
// refuses with a [*RefusedError] what a request must not reach by a detour over a proxy: link-local and multicast
// addresses, the metadata services of clouds, the unspecified address, and squall's own listeners, unless
// Config.AllowUpstreams has the address, or the upstream's name. Loopback and private addresses are fine: this is a tool
// for development.
func (p *Proxy) Dialer(s *Settings) *Dialer {
	g := guard{owns: p.engine.Owns, ownsSocket: p.engine.ownsSocket, anything: slices.Contains(s.Config.AllowUpstreams, s.Upstream.Hostname())}
	for _, text := range s.Config.AllowUpstreams {
		if prefix, err := ParsePrefix(text); err == nil {
			g.allowed = append(g.allowed, prefix)
		}
	}
	return &Dialer{net.Dialer{Timeout: DialTimeout, ControlContext: g.control}, unixPath(s.Config.Upstream)}
}

// RefusedError is an upstream address that is refused by default.
type RefusedError struct {
	Address netip.AddrPort
	Reason  string
}

// Error says what is refused, why, and what lifts it.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is refused as an upstream: %s (allow_upstreams can allow it)", e.Address, e.Reason)
}

// guard decides which addresses may be dialled.
type guard struct {
	owns       func(netip.AddrPort) bool
	ownsSocket func(path string) bool
	anything   bool
	allowed    []netip.Prefix
}

// control is a [net.Dialer]'s ControlContext: address is resolved, and not connected yet.
func (g guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network == "unix" {
		if g.ownsSocket(address) {
			return fmt.Errorf("%s is refused as an upstream: a listener of squall itself", address)
		}
		return nil
	}
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("upstream address %q: %w", address, err)
	}
	if reason := g.refuse(addr); reason != "" {
		return &RefusedError{Address: addr, Reason: reason}
	}
	return nil
}

// refuse gives the reason against an address, or against one that a gateway makes of it; "" if there is none.
func (g guard) refuse(addr netip.AddrPort) string {
	ip := addr.Addr().Unmap().WithZone("")
	if g.anything || g.allows(ip) {
		return ""
	}
	reason := g.against(ip, addr.Port())
	for _, inner := range embedded(ip) {
		if reason == "" && !g.allows(inner) {
			reason = g.against(inner, addr.Port())
		}
	}
	return reason
}

func (g guard) allows(ip netip.Addr) bool {
	return slices.ContainsFunc(g.allowed, func(prefix netip.Prefix) bool { return prefix.Contains(ip) })
}

// against gives the reason against one address, as it stands.
func (g guard) against(ip netip.Addr, port uint16) string {
	switch {
	case isMetadata(ip):
		return "a cloud's metadata service"
	case ip.IsLinkLocalUnicast():
		return "a link-local address"
	case ip.IsMulticast():
		return "a multicast address"
	case ip.IsUnspecified():
		return "the unspecified address"
	case g.owns(netip.AddrPortFrom(ip, port)):
		return "a listener of squall itself"
	}
	return ""
}

// isMetadata knows the metadata services that clouds offer at fixed addresses: AWS, Azure, GCP and most others (IPv4),
// AWS and GCP (IPv6), Alibaba, Oracle, and Azure's wire server.
func isMetadata(ip netip.Addr) bool {
	switch ip.String() {
	case "169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16":
		return true
	}
	return false
}

// embedded gives the IPv4 addresses that a gateway, or a system's own translation, can make of an IPv6 address.
func embedded(ip netip.Addr) []netip.Addr {
	if !ip.Is6() {
		return nil
	}
	b := ip.As16()
	from := func(i, j, k, l int) netip.Addr { return netip.AddrFrom4([4]byte{b[i], b[j], b[k], b[l]}) }
	within := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(ip) }
	switch {
	case ip.IsUnspecified(), ip.IsLoopback():
		return nil
	case within("64:ff9b::/96"), // NAT64, RFC 6052
		within("::ffff:0:0:0/96"), // IPv4-translated, RFC 2765
		within("::/96"):           // IPv4-compatible, RFC 4291, 2.5.5.1
		return []netip.Addr{from(12, 13, 14, 15)}
	case within("2002::/16"): // 6to4, RFC 3056
		return []netip.Addr{from(2, 3, 4, 5)}
	case within("64:ff9b:1::/48"):
		// NAT64 of a network's own, RFC 8215: its prefix has 48, 56, 64 or 96 bits, nobody here knows which (RFC 6052,
		// 2.2). What a wrong guess makes unspecified is no reason.
		all := []netip.Addr{from(6, 7, 9, 10), from(7, 9, 10, 11), from(9, 10, 11, 12), from(12, 13, 14, 15)}
		return slices.DeleteFunc(all, netip.Addr.IsUnspecified)
	}
	return nil
}
