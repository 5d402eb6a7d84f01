package squalltest

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/squall-proxy/squall/faults"
)

// FaultError is how a [Transport] ends a request: an error of RoundTrip, or of reading the reply's body. It wraps what
// net/http gives where the same happens on a network, so that code under test cannot tell them apart:
//
//	reset                     a *net.OpError that is [syscall.ECONNRESET]
//	empty, blackhole that ran out   [io.EOF]
//	truncate                  [io.ErrUnexpectedEOF] after the bytes that arrived; with how reset ECONNRESET; with how hang what
//	                          ended the request's context
//	delay, blackhole          what ended the request's context, if that ended it
type FaultError struct {
	Rule string // its name
	Kind string
	N    uint64 // which of the exchanges it counts
	Err  error
}

// Error says what a network would have said, and whose doing it was.
func (e *FaultError) Error() string {
	return fmt.Sprintf("%v (squalltest: rule=%s; kind=%s; n=%d)", e.Err, e.Rule, e.Kind, e.N)
}

// Unwrap gives the error of a network.
func (e *FaultError) Unwrap() error { return e.Err }

// Timeout reports whether the error of a network is a timeout, which [net/url.Error] asks for.
func (e *FaultError) Timeout() bool {
	timeout, ok := e.Err.(interface{ Timeout() bool })
	return ok && timeout.Timeout()
}

func faultError(d faults.Decision, err error) *FaultError {
	return &FaultError{Rule: d.Rule, Kind: d.Kind, N: d.N, Err: err}
}

// host is an address as far as a request tells.
type host string

// Network is TCP.
func (host) Network() string { return "tcp" }

// String is host and port.
func (h host) String() string { return string(h) }

// cutOff is the error of a connection to a host that ends with or without a reset, before a reply or in its body.
func cutOff(how faults.How, to string, inBody bool) error {
	switch {
	case how == faults.EndReset:
		return &net.OpError{Op: "read", Net: "tcp", Addr: host(to), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	case inBody:
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
