package squalltest

import (
	"testing"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/tcp"
)

// TCPProxy is a proxy before anything that speaks TCP: a database, a queue, a cache. Its methods arm faults, by the names that
// they have in Toxiproxy, and may be called while traffic flows. They take effect for connections that are open, too.
type TCPProxy struct {
	Addr string // host and port for the client under test, as in "127.0.0.1:40123"

	*armory
}

// TCP starts a proxy before the address of a service, such as "127.0.0.1:6379". It ends with the test, which fails if a fault
// that was armed has not hit a connection by then.
func TCP(t testing.TB, upstream string) *TCPProxy {
	t.Helper()
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.TCP: &tcp.Executor{}}}
	c := proxy.Defaults()
	c.Name, c.Protocol, c.Listen, c.Upstream = name, proxy.TCP, "127.0.0.1:0", upstream
	p := &TCPProxy{armory: newArmory(t, engine, c)}
	t.Cleanup(func() { p.end(engine) })
	p.Addr = engine.Addr(name).String()
	p.enable(true) // where it listens now, from here on
	return p
}

// Down takes the service away: its connections are dropped, and new ones are refused, until Up, Reset, or the function that
// it gives is called:
//
//	defer redis.Down()()
func (p *TCPProxy) Down() (up func()) {
	p.t.Helper()
	p.enable(false)
	return p.Up
}

// Up has the service accept connections again, at the same address.
func (p *TCPProxy) Up() {
	p.t.Helper()
	p.enable(true)
}

// Reset is Up, and takes all faults away, after it has checked that each of them hit.
func (p *TCPProxy) Reset() {
	p.t.Helper()
	p.Up()
	p.armory.Reset()
}

func (p *TCPProxy) enable(enabled bool) {
	p.t.Helper()
	p.change(func(s *control.State) error {
		c, err := s.Proxy(name)
		c.Listen, c.Enabled = p.Addr, enabled
		s.PutProxy(c)
		return err
	})
}
