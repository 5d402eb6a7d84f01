package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

func TestAPanicInAFaultIsLogged(t *testing.T) {
	var out bytes.Buffer
	exchangeLog{newLogger(&out, "json", "squall")}.exchange(proxy.Exchange{ID: 7, Proxy: "p", FaultPanic: "index out of range"})
	for _, want := range []string{`"level":"error"`, `"exchange":7`, `"panic":"index out of range"`, `"message":"exchange"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %s: %s", want, &out)
		}
	}
}
