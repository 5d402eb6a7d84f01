package proxy

import (
	"net"
	"testing"
	"time"
)

// TestTheLastConnectionsAreKept in the order in which they were closed, however many there were.
func TestTheLastConnectionsAreKept(t *testing.T) {
	var e Engine
	side := ByClient
	for range keptConnections + 10 {
		c := &client{live: &Live{client: &net.TCPAddr{}}}
		c.live.endedBy.Store(&side)
		e.registry.enter(c)
		e.registry.leave(c, time.Now())
	}
	closed := e.ClosedConnections()
	if len(closed) != keptConnections || len(e.Connections()) != 0 {
		t.Fatalf("%d kept, %d open", len(closed), len(e.Connections()))
	}
	for i, c := range closed {
		if c.ID != uint64(11+i) {
			t.Fatalf("at %d: %+v", i, c)
		}
	}
}
