package proxy_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// decode reads a proxy's document; what is not given comes from a valid one.
func decode(t *testing.T, members string) (proxy.Config, error) {
	t.Helper()
	given := map[string]json.RawMessage{"name": []byte(`"a"`), "listen": []byte(`":0"`), "upstream": []byte(`"http://x:1"`)}
	if err := json.Unmarshal([]byte("{"+members+"}"), &given); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	node, err := document.ParseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var c proxy.Config
	return c, c.DecodeDocument(node)
}

func TestConfigDefaults(t *testing.T) {
	got, err := decode(t, ``)
	if err != nil {
		t.Fatal(err)
	}
	want := proxy.Config{
		Name: "a", Protocol: "http", Listen: ":0", Upstream: "http://x:1", Host: "keep", Timeout: faults.Duration(time.Minute),
		UpstreamDown: "answer", Protect: []string{"/health"}, Trusted: []string{}, Enabled: true, Attribution: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestConfigIsReadBackAsItWasWritten(t *testing.T) {
	want, err := decode(t, `"upstream": "https://stock:8443", "host": "shop.test", "timeout": "5s", "upstream_down": "close",
		"protect": [], "trusted": ["10.0.0.0/8"], "enabled": false, "attribution": false, "allow_upstreams": ["stock"],
		"engine": "nethttp", "upstream_retry": "never", "url": "http://127.0.0.1:1", "bound": "127.0.0.1:1"`)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(t, strings.Trim(string(text), "{}"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, test := range []struct{ members, field string }{
		{`"name": "a/b"`, "name"},
		{`"protocol": "tcp"`, "protocol"},
		{`"protocol": "smtp"`, "protocol"},
		{`"listen": ""`, "listen"},
		{`"listen": "6055"`, "listen"},
		{`"listen": ":http"`, "listen"},
		{`"listen": ":65536"`, "listen"},
		{`"upstream": ""`, "upstream"},
		{`"upstream": "stock:8080"`, "upstream"},
		{`"upstream": "h2c://stock"`, "upstream"},
		{`"upstream": "http://:80"`, "upstream"},
		{`"upstream": "http://u:p@stock"`, "upstream"},
		{`"upstream": "http://stock/path"`, "upstream"},
		{`"upstream": "http://stock?q"`, "upstream"},
		{`"host": ""`, "host"},
		{`"timeout": "0s"`, "timeout"},
		{`"timeout": "25h"`, "timeout"},
		{`"upstream_down": "reset"`, "upstream_down"},
		{`"protect": ["/a", "health"]`, "protect[1]"},
		{`"trusted": ["10.0.0.0/8", "proxy"]`, "trusted[1]"},
		{`"engine": "http1"`, "engine"},
		{`"upstream_retry": "once"`, "upstream_retry"},
		{`"tls": {}`, "tls"},
		{`"upstream_tls": {}`, "upstream_tls"},
		{`"caller_faults": true`, "caller_faults"},
		{`"upstraem": "x"`, "upstraem"},
	} {
		_, err := decode(t, test.members)
		var refusal *document.Error
		if !errors.As(err, &refusal) || refusal.Field != test.field {
			t.Errorf("%s: got %v, want a refusal of %s", test.members, err, test.field)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "192.0.2.1": "192.0.2.1/32", "::1": "::1/128", "::ffff:192.0.2.1": "192.0.2.1/32",
	} {
		got, err := proxy.ParsePrefix(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		exchange proxy.Exchange
		want     []string
	}{
		{proxy.Exchange{}, []string{}},
		{proxy.Exchange{Delayed: true}, []string{"DI"}},
		{proxy.Exchange{Faulted: true}, []string{"FI"}},
		{proxy.Exchange{Delayed: true, Faulted: true}, []string{"DI", "FI"}},
	} {
		if got := test.exchange.Flags(); !slices.Equal(got, test.want) || got == nil {
			t.Errorf("got %v, want %v", got, test.want)
		}
	}
}
