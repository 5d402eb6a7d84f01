package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/proxy"
)

// A service's own error, whose outcome is ok, is called one; what a fault did, and what went well, is not.
func TestExchangesSayWhoseErrorItWas(t *testing.T) {
	var out bytes.Buffer
	err := printExchanges(system{out: &out}, []admin.Exchange{
		{Path: "/well", Status: 404, Outcome: proxy.OK},
		{Path: "/own", Status: 500, Outcome: proxy.OK},
		{Path: "/fault", Status: 503, Outcome: proxy.Injected},
		{Path: "/gone", Status: 502, Outcome: proxy.RealError},
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "service's own error") != strings.Contains(line, "/own") {
			t.Error(line)
		}
	}
}
