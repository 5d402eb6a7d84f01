package proxy

import "net"

// HandedOver is a client's connection that one executor has accepted and hands over to another, as what a listener of the
// other one's accepts: its TLS handshake is over, and something may have been read of it.
type HandedOver interface {
	net.Conn

	// HandedOver gives the connection to go on with: as it is, if nothing was read of it.
	HandedOver() net.Conn
}
