package proxytest

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// Options are what an executor of HTTP/1.1 can be told.
type Options struct {
	RootCAs     *x509.CertPool // to verify https upstreams; nil = the system's
	BodyTimeout time.Duration  // that an unfinished request body may be silent; 0 = the executor's own
}

// RunEngine runs what an executor that holds the wire itself passes beyond [Run]: net/http notices late that a client
// leaves, keeps what a hostile upstream says for later, and repeats requests by itself.
func RunEngine(t *testing.T, newExecutor func(Options) proxy.Executor) {
	s := engineSuite{suite{func() proxy.Executor { return newExecutor(Options{}) }}, newExecutor}
	for _, group := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"leaving", s.leaving},
		{"hostileUpstream", s.hostileUpstream},
		{"slowUpstream", s.slowUpstream},
		{"idleUpstream", s.idleUpstream},
		{"repeating", s.repeating},
		{"slowClient", s.slowClient},
		{"tunnelFailure", s.tunnelFailure},
		{"enginePanic", s.enginePanic},
	} {
		t.Run(group.name, group.run)
	}
}

// engineSuite is the executor under test, made with options where a test needs some.
type engineSuite struct {
	suite
	newWith func(Options) proxy.Executor
}

// with is the suite for an executor with other options.
func (s engineSuite) with(o Options) suite {
	return suite{func() proxy.Executor { return s.newWith(o) }}
}
