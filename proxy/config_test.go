package proxy_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// An upstream is taken as it is where that is asked for.
func TestAnUncheckedUpstream(t *testing.T) {
	for _, upstream := range []string{"x", "", "http://x:1", ":0"} {
		c, err := decode(t, fmt.Sprintf(`"protocol": "tcp", "upstream": %q, "upstream_unchecked": true`, upstream))
		if err != nil || c.Upstream != upstream {
			t.Errorf("%q: %v, %v", upstream, c.Upstream, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, test := range []struct{ members, field string }{
		{`"name": "a/b"`, "name"},
		{`"protocol": "udp"`, "protocol"},
		{`"protocol": "tcp"`, "upstream"},
		{`"protocol": "tcp", "upstream": "redis"`, "upstream"},
		{`"upstream_unchecked": true`, "upstream_unchecked"},
		{`"protocol": "tcp", "upstream": "` + strings.Repeat("x", 1001) + `", "upstream_unchecked": true`, "upstream"},
		{`"protocol": "tcp", "upstream": "redis:0"`, "upstream"},
		{`"protocol": "tcp", "upstream": ":6379"`, "upstream"},
		{`"protocol": "tcp", "upstream": "redis:6379", "tls": true`, "tls"},
		{`"protocol": "tcp", "upstream": "redis:6379", "engine": "http1"`, "engine"},
		{`"protocol": "tcp", "upstream": "redis:6379", "host": "a"`, "host"},
		{`"protocol": "smtp"`, "protocol"},
		{`"listen": ""`, "listen"},
		{`"listen": "6055"`, "listen"},
		{`"listen": "unix:/x"`, "listen"},
		{`"protocol": "tcp", "upstream": "x:1", "listen": "unix:x"`, "listen"},
		{`"protocol": "tcp", "upstream": "x:1", "listen": "unix:/../x"`, "listen"},
		{`"protocol": "tcp", "upstream": "x:1", "listen": "unix:/` + strings.Repeat("x", 107) + `"`, "listen"},
		{`"upstream": "unix:"`, "upstream"},
		{`"listen": ":http"`, "listen"},
		{`"listen": ":65536"`, "listen"},
		{`"upstream": ""`, "upstream"},
		{`"upstream": "stock:8080"`, "upstream"},
		{`"upstream": "http://:80"`, "upstream"},
		{`"upstream": "http://u:p@stock"`, "upstream"},
		{`"upstream": "http://stock/path"`, "upstream"},
		{`"upstream": "http://stock?q"`, "upstream"},
		{`"host": ""`, "host"},
		{`"host": "a\r\nX-Injected: 1"`, "host"},
		{`"host": "a b"`, "host"},
		{`"host": "a\u0000"`, "host"},
		{`"host": "ä.test"`, "host"},
		{`"host": "a/b"`, "host"},
		{`"host": "a@b"`, "host"},
		{`"host": "a%zz"`, "host"},
		{`"host": "a%4"`, "host"},
		{`"host": "a:"`, "host"},
		{`"host": ":80"`, "host"},
		{`"host": "a:0"`, "host"},
		{`"host": "a:65536"`, "host"},
		{`"host": "a:+80"`, "host"},
		{`"host": "a:80:80"`, "host"},
		{`"host": "::1"`, "host"},
		{`"host": "[::1"`, "host"},
		{`"host": "[::1]x"`, "host"},
		{`"host": "[1.2.3.4]"`, "host"},
		{`"host": "[fe80::1%lo]"`, "host"},
		{`"host": "` + strings.Repeat("a", 256) + `"`, "host"},
		{`"upstream": "http://stock:99999"`, "upstream"},
		{`"upstream": "http://stock:0"`, "upstream"},
		{`"upstream": "http://[::1]:65536"`, "upstream"},
		{`"timeout": "0s"`, "timeout"},
		{`"timeout": "25h"`, "timeout"},
		{`"upstream_down": "reset"`, "upstream_down"},
		{`"protect": ["/a", "health"]`, "protect[1]"},
		{`"trusted": ["10.0.0.0/8", "proxy"]`, "trusted[1]"},
		{`"engine": "http2"`, "engine"},
		{`"upstream_retry": "twice"`, "upstream_retry"},
		{`"upstream_retry": "once", "engine": "nethttp"`, "upstream_retry"},
		{`"tls": {}`, "tls"},
		{`"tls": false`, "tls"},
		{`"tls": {"ca": "system"}`, "tls.ca"},
		{`"tls": {"ca": "throwaway", "certificates": [{"cert_file": "a", "key_file": "b"}]}`, "tls.certificates"},
		{`"tls": {"certificates": [{"cert_file": "a", "key_file": "b"}, {"cert_file": "a"}]}`, "tls.certificates[1].key_file"},
		{`"tls": {"certificates": [{"key_file": "b"}]}`, "tls.certificates[0].cert_file"},
		{`"tls": {"certificates": [{"cert_file": "a\u0000", "key_file": "b"}]}`, "tls.certificates[0].cert_file"},
		{`"tls": {"certificates": [{"cert_file": "` + strings.Repeat("a", 4097) + `", "key_file": "b"}]}`, "tls.certificates[0].cert_file"},
		{`"tls": {"certificates": [{"cert_file": "a", "key_file": "b"}], "names": ["a"]}`, "tls.names"},
		{`"tls": {"ca": "throwaway", "names": ["a.test", "a b"]}`, "tls.names[1]"},
		{`"tls": {"ca": "throwaway", "names": ["A.test"]}`, "tls.names[0]"},
		{`"tls": {"ca": "throwaway", "names": ["a.*.test"]}`, "tls.names[0]"},
		{`"tls": {"ca": "throwaway", "key": "a"}`, "tls.key"},
		{`"upstream_tls": {}`, "upstream_tls"},
		{`"upstream": "https://a", "upstream_tls": {"verify": "none"}`, "upstream_tls.verify"},
		{`"upstream": "https://a", "upstream_tls": {"verify": "insecure", "roots_file": "a"}`, "upstream_tls.roots_file"},
		{`"upstream": "https://a", "upstream_tls": {"server_name": "*.a"}`, "upstream_tls.server_name"},
		{`"upstream": "https://a", "upstream_tls": {"server_name": "a:1"}`, "upstream_tls.server_name"},
		{`"upstream": "https://a", "upstream_tls": {"cert_file": "a"}`, "upstream_tls.key_file"},
		{`"upstream": "https://a", "upstream_tls": {"key_file": "a"}`, "upstream_tls.cert_file"},
		{`"upstream": "https://a", "upstream_tls": {"insecure": true}`, "upstream_tls.insecure"},
		{`"caller_faults": "yes"`, "caller_faults"},
		{`"caller_faults": {"kinds": []}`, "caller_faults.kinds"},
		{`"caller_faults": {"kinds": ["delay", "reset"]}`, "caller_faults.kinds[1]"},
		{`"caller_faults": {"kinds": ["delay", "delay"]}`, "caller_faults.kinds[1]"},
		{`"caller_faults": {"percent": 101}`, "caller_faults.percent"},
		{`"caller_faults": {"max_active": 0}`, "caller_faults.max_active"},
		{`"caller_faults": {"max_active": 9007199254740993}`, "caller_faults.max_active"},
		{`"caller_faults": {"max_delay": "0s"}`, "caller_faults.max_delay"},
		{`"caller_faults": {"max_delay": "25h"}`, "caller_faults.max_delay"},
		{`"upstraem": "x"`, "upstraem"},
	} {
		_, err := decode(t, test.members)
		var refusal *document.Error
		if !errors.As(err, &refusal) || refusal.Field != test.field {
			t.Errorf("%s: got %v, want a refusal of %s", test.members, err, test.field)
		}
	}
}

func TestConfigAccepts(t *testing.T) {
	for _, members := range []string{
		`"host": "shop.test"`, `"host": "shop.test:8080"`, `"host": "10.0.0.1:65535"`, `"host": "[::1]"`, `"host": "[::1]:80"`,
		`"host": "a_b~c!%41"`, `"host": "` + strings.Repeat("a", 255) + `:1"`,
		`"caller_faults": true`, `"caller_faults": false`, `"caller_faults": null`, `"caller_faults": {"percent": 0.5}`,
		`"upstream": "http://stock"`, `"upstream": "h2c://stock"`, `"upstream": "http://stock:65535"`, `"upstream": "https://[::1]:1"`,
		`"tls": true`, `"tls": null`, `"tls": {"ca": "throwaway", "names": ["a", "*.a-1.test", "a_b"]}`,
		`"tls": {"certificates": [{"cert_file": "` + strings.Repeat("a", 4096) + `", "key_file": "b"}]}`,
		`"upstream": "https://a", "upstream_tls": {}`, `"upstream": "HTTPS://a", "upstream_tls": {"verify": "insecure", "server_name": "::1"}`,
		`"upstream": "https://a", "upstream_tls": {"roots_file": "a", "server_name": "a.test", "cert_file": "a", "key_file": "a"}`,
	} {
		if _, err := decode(t, members); err != nil {
			t.Errorf("%s: %v", members, err)
		}
	}
}

// TestConfigBoundsItsLists: each exchange, or each dial, may look at every entry.
func TestConfigBoundsItsLists(t *testing.T) {
	for field, entry := range map[string]string{"protect": `"/a"`, "trusted": `"10.0.0.1"`, "allow_upstreams": `"stock"`} {
		for n, fine := range map[int]bool{100: true, 101: false} {
			list := strings.TrimSuffix(strings.Repeat(entry+",", n), ",")
			_, err := decode(t, fmt.Sprintf(`%q: [%s]`, field, list))
			var refusal *document.Error
			if fine != (err == nil) || !fine && (!errors.As(err, &refusal) || refusal.Field != field) {
				t.Errorf("%d entries of %s: got %v", n, field, err)
			}
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
