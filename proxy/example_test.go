package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/nethttp"
)

// An engine with one proxy, in which every second request is answered with a 503.
func ExampleEngine() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	defer service.Close()

	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{
		Rule: faults.Rule{
			Name: "every-second", Kind: "abort", Phase: faults.Before, Percent: 100, Enabled: true,
			Attributes: &faults.Abort{Status: 503}, Selection: faults.Selection{Every: 2},
		},
		Counter: faults.NewCounter(),
	}}})
	if err != nil {
		log.Fatal(err)
	}
	config := proxy.Defaults()
	config.Name, config.Listen, config.Upstream = "hello", "127.0.0.1:0", service.URL

	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: &nethttp.Executor{}}}
	change, err := engine.Prepare([]proxy.Endpoint{{Config: config, Faults: set}})
	if err != nil {
		log.Fatal(err)
	}
	change.Commit()
	for range 4 {
		reply, err := http.Get("http://" + engine.Addr("hello").String())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %q\n", reply.StatusCode, reply.Header.Get(faults.AttributionHeader))
		_ = reply.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if err := engine.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}

	// Output:
	// 200 ""
	// 503 "rule=every-second; kind=abort; n=2"
	// 200 ""
	// 503 "rule=every-second; kind=abort; n=4"
}
