package squalltest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// Transport puts faults into a Go client, without a proxy and without a network of its own:
//
//	stock := squalltest.NewTransport(t, http.DefaultTransport)
//	stock.ResetConnection(squalltest.First(2))
//	client := http.Client{Transport: stock}
//
// It decides as a [Proxy] would with the same faults and seed. Every ending is an error, see [FaultError]. What has no
// meaning here is refused when it is armed: the kinds malformed, goaway, tls and websocket, a degrade with stale, and
// conditions on the client's address or connection. A body that is to be duplicated, or that a rule looks into, is read before it is sent.
//
// A Transport is an [http.RoundTripper] and keeps that contract: it may be used concurrently, changes no request and closes
// its body. Replies must be read to their end or closed; until then they count as active.
type Transport struct {
	*Faults
	base http.RoundTripper
	set  atomic.Pointer[faults.Set]
}

// NewTransport makes a transport that sends by base; nil stands for [http.DefaultTransport]. The test fails if a fault that
// was armed has not hit by its end.
func NewTransport(t testing.TB, base http.RoundTripper) *Transport {
	t.Helper()
	if base == nil {
		base = http.DefaultTransport
	}
	own := &Transport{base: base}
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream = name, "127.0.0.1:0", "http://base"
	own.Faults = &Faults{newArmory(t, (*engine)(own), c)}
	own.refuse = refused
	t.Cleanup(func() {
		own.checkHits()
		own.controller.Close()
	})
	return own
}

// engine is a transport as control's engine.
type engine Transport

// Prepare puts the faults of the only endpoint in force. Nothing can keep them from it any more: there is no store.
func (e *engine) Prepare(endpoints []proxy.Endpoint) (*proxy.Change, error) {
	e.set.Store(endpoints[0].Faults)
	return &proxy.Change{}, nil
}

// refused says why a rule cannot be armed in a transport; nil if it can.
func refused(r *faults.Rule) error {
	switch r.Kind {
	case "malformed", "goaway", "tls", "websocket":
		return fmt.Errorf("kind: %s has no meaning in a Transport: want a Proxy", r.Kind)
	}
	if d, is := r.Attributes.(*faults.Degrade); is && d.Stale != nil {
		return fmt.Errorf("attributes.stale: a Transport remembers no replies: want a Proxy")
	}
	for _, m := range []*faults.Match{r.Match, r.Except} {
		if m != nil && m.Source != nil {
			return fmt.Errorf("match.source: a Transport knows no address of its client: want a Proxy")
		}
	}
	if r.Key == "client" || r.Key == "connection" {
		return fmt.Errorf("key: a Transport knows no %s: want a Proxy", r.Key)
	}
	return nil
}
