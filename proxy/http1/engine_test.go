package http1_test

import (
	"testing"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/proxytest"
)

func TestEngine(t *testing.T) {
	proxytest.RunEngine(t, func(o proxytest.Options) proxy.Executor {
		return &http1.Executor{RootCAs: o.RootCAs, BodyTimeout: o.BodyTimeout}
	})
}
