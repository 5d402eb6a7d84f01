package http1_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/nethttp"
	"github.com/squall-proxy/squall/proxy/proxytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	proxytest.Run(t, func() proxy.Executor { return &http1.Executor{} })
}

// TestHTTP2 shows that what this engine does not speak is handed over whole.
func TestHTTP2(t *testing.T) {
	proxytest.RunHTTP2(t, func() proxy.Executor { return &http1.Executor{HTTP2: &nethttp.Executor{}} })
}
