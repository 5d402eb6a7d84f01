package proxy

import "time"

// Connection is one connection of a client.
type Connection struct {
	ID       uint64 // unique in its engine, from 1
	Proxy    string
	Protocol string // of the proxy
	Client   string // its address and port
	Upstream string // the address dialled last for it; "" = none

	Opened   time.Time
	Closed   time.Time // zero = it is open
	ClosedBy Side      // "" = it is open

	Exchanges                   uint64    // begun on it; of TCP none
	Busy                        bool      // an exchange is under way
	Since                       time.Time // when it became busy, or idle
	RequestBytes, ResponseBytes int64     // of finished exchanges; of TCP what has passed so far
}
