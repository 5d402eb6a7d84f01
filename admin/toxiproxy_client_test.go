package admin_test

import (
	"strings"
	"testing"

	shopify "github.com/Shopify/toxiproxy/v2/client"
	"github.com/google/go-cmp/cmp"
)

// newShopify starts a lab, and Toxiproxy's own Go client for it.
func newShopify(t *testing.T) *shopify.Client {
	t.Helper()
	return shopify.NewClient(newToxiproxyLab(t).url)
}

// made gives what a call gave, which is to succeed.
func made[V any](t *testing.T) func(V, error) V {
	return func(value V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// refused fails the test unless a call failed in these words.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// toxicsOf writes toxics as lines.
func toxicsOf(toxics shopify.Toxics) []string {
	var lines []string
	for _, toxic := range toxics {
		lines = append(lines, strings.Join([]string{toxic.Name, toxic.Type, toxic.Stream}, " "))
	}
	return lines
}

// These are the scenarios of Toxiproxy's own test suite (api_test.go in its module), with its own Go client.
func TestShopifysClientAndProxies(t *testing.T) {
	proxies, create := made[map[string]*shopify.Proxy], made[*shopify.Proxy]
	t.Run("no proxies", func(t *testing.T) {
		if all := proxies(t)(newShopify(t).Proxies()); len(all) > 0 {
			t.Errorf("there are %v", all)
		}
	})
	t.Run("blank names and upstreams", func(t *testing.T) {
		client := newShopify(t)
		_, err := client.CreateProxy("", "", "")
		refused(t, err, "Create: HTTP 400: missing required field: name")
		_, err = client.CreateProxy("test", "", "")
		refused(t, err, "Create: HTTP 400: missing required field: upstream")
	})
	t.Run("create, get and list", func(t *testing.T) {
		client := newShopify(t)
		made := create(t)(client.CreateProxy("mysql_master", "localhost:0", "localhost:20001"))
		got := create(t)(client.Proxy("mysql_master"))
		listed := proxies(t)(client.Proxies())["mysql_master"]
		for _, p := range []*shopify.Proxy{made, got, listed} {
			if p.Name != "mysql_master" || !strings.HasPrefix(p.Listen, "127.0.0.1:") || p.Listen != made.Listen ||
				p.Upstream != "localhost:20001" || !p.Enabled || len(p.ActiveToxics) > 0 {
				t.Errorf("got %+v", p)
			}
		}
		if !up(made.Listen) {
			t.Error("nothing listens")
		}
	})
	t.Run("create disabled, and enable", func(t *testing.T) {
		client := newShopify(t)
		p := client.NewProxy()
		p.Name, p.Listen, p.Upstream = "mysql_master", "localhost:0", "localhost:20001"
		if err := p.Save(); err != nil || p.Enabled || p.Listen != "localhost:0" {
			t.Fatalf("%+v, %v", p, err)
		}
		for range 2 { // it keeps the port that it was given first
			was := p.Listen
			if err := p.Enable(); err != nil || !p.Enabled || !up(p.Listen) || was != "localhost:0" && was != p.Listen {
				t.Errorf("%+v, %v; it was at %s", p, err, was)
			}
			if err := p.Disable(); err != nil || p.Enabled || up(p.Listen) {
				t.Errorf("%+v, %v", p, err)
			}
		}
	})
	t.Run("delete", func(t *testing.T) {
		client := newShopify(t)
		p := create(t)(client.CreateProxy("mysql_master", "localhost:0", "localhost:20001"))
		if err := p.Delete(); err != nil {
			t.Error(err)
		}
		if up(p.Listen) {
			t.Error("it still listens")
		}
		_, err := client.Proxy("mysql_master")
		refused(t, err, "HTTP 404: proxy not found")
		refused(t, p.Delete(), "Delete: HTTP 404: proxy not found")
	})
	t.Run("a port that is taken", func(t *testing.T) {
		client := newShopify(t)
		p := create(t)(client.CreateProxy("mysql_master", "localhost:0", "localhost:20001"))
		_, err := client.CreateProxy("test", p.Listen, "localhost:20001")
		refused(t, err, "Create: HTTP 500: listen tcp "+p.Listen+": bind: address already in use")
		if err := p.Delete(); err != nil {
			t.Error(err)
		}
		create(t)(client.CreateProxy("test", p.Listen, "localhost:20001"))
	})
	t.Run("a name that is taken", func(t *testing.T) {
		client := newShopify(t)
		p := create(t)(client.CreateProxy("mysql_master", "localhost:0", "localhost:20001"))
		_, err := client.CreateProxy("mysql_master", "localhost:0", "localhost:20001")
		refused(t, err, "Create: HTTP 409: proxy already exists")
		if err := p.Delete(); err != nil {
			t.Error(err)
		}
		create(t)(client.CreateProxy("mysql_master", "localhost:0", "localhost:20001"))
	})
	t.Run("version", func(t *testing.T) {
		if got := string(made[[]byte](t)(newShopify(t).Version())); got != "{\"version\": \"2.12.0\", \"squall\": \"0.1.0\"}\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestShopifysClientAndPopulate(t *testing.T) {
	client := newShopify(t)
	populate := made[[]*shopify.Proxy]
	list := []shopify.Proxy{
		{Name: "one", Listen: "localhost:0", Upstream: "localhost:7171", Enabled: true},
		{Name: "two", Listen: "localhost:0", Upstream: "localhost:7474"},
	}
	got := populate(t)(client.Populate(list))
	if len(got) != 2 || got[0].Name != "one" || got[1].Name != "two" || !got[0].Enabled || got[1].Enabled || !up(got[0].Listen) {
		t.Fatalf("got %+v", got)
	}
	if _, err := got[0].AddToxic("", "latency", "downstream", 1, nil); err != nil {
		t.Error(err)
	}
	list[0].Listen = strings.Replace(got[0].Listen, "127.0.0.1", "localhost", 1)
	list[1].Upstream = "localhost:7676"
	again := populate(t)(client.Populate(list))
	if len(again) != 2 || again[0].Listen != got[0].Listen || again[1].Upstream != "localhost:7676" {
		t.Errorf("got %+v", again)
	}
	if diff := cmp.Diff([]string{"latency_downstream latency downstream"}, toxicsOf(made[shopify.Toxics](t)(got[0].Toxics()))); diff != "" {
		t.Errorf("populate did not keep the toxics: %s", diff)
	}

	_, err := client.Populate([]shopify.Proxy{{Name: "new", Listen: "localhost:0", Upstream: "x", Enabled: true}, {Enabled: true}})
	refused(t, err, "Populate: HTTP 400: missing required field: name at proxy 2")
	_, err = client.Populate([]shopify.Proxy{
		{Name: "three", Listen: "localhost:0", Upstream: "localhost:7171", Enabled: true},
		{Name: "four", Listen: "local373", Upstream: "localhost:7474", Enabled: true},
		{Name: "five", Listen: "localhost:0", Upstream: "localhost:7676", Enabled: true},
	})
	refused(t, err, "Populate: HTTP 500: listen tcp: address local373: missing port in address")
	all := made[map[string]*shopify.Proxy](t)(client.Proxies())
	if len(all) != 3 || all["one"] == nil || all["two"] == nil || all["three"] == nil {
		t.Errorf("there are %v", all)
	}
}

func TestShopifysClientAndToxics(t *testing.T) {
	add := made[*shopify.Toxic]
	start := func(t *testing.T) (*shopify.Client, *shopify.Proxy) {
		client := newShopify(t)
		return client, made[*shopify.Proxy](t)(client.CreateProxy("mysql_master", "localhost:0", "localhost:20001"))
	}
	values := func(latency, jitter float64) shopify.Attributes {
		return shopify.Attributes{"latency": latency, "jitter": jitter}
	}
	t.Run("add", func(t *testing.T) {
		_, p := start(t)
		if toxics := made[shopify.Toxics](t)(p.Toxics()); len(toxics) > 0 {
			t.Errorf("there are %v", toxics)
		}
		want := &shopify.Toxic{Name: "foobar", Type: "latency", Stream: "downstream", Toxicity: 0.2, Attributes: values(100, 10)}
		got := add(t)(p.AddToxic("foobar", "latency", "downstream", 0.2, shopify.Attributes{"latency": 100, "jitter": 10}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(shopify.Toxics{*want}, made[shopify.Toxics](t)(p.Toxics())); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("names", func(t *testing.T) {
		_, p := start(t)
		add(t)(p.AddToxic("", "latency", "downstream", 1, nil))
		add(t)(p.AddToxic("", "latency", "upstream", 1, nil))
		add(t)(p.AddToxic("foobar", "noop", "", 1, nil))
		_, err := p.AddToxic("foobar", "slow_close", "downstream", 1, nil)
		refused(t, err, "AddToxic: HTTP 409: toxic already exists")
		_, err = p.AddToxic("foobar", "latency", "upstream", 1, nil)
		refused(t, err, "AddToxic: HTTP 409: toxic already exists")
		_, err = p.AddToxic("", "latency", "walrustream", 1, nil)
		refused(t, err, "AddToxic: HTTP 400: stream was invalid, can be either upstream or downstream")
		want := []string{"latency_upstream latency upstream", "latency_downstream latency downstream", "foobar noop downstream"}
		if diff := cmp.Diff(want, toxicsOf(made[shopify.Toxics](t)(p.Toxics()))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("update and remove", func(t *testing.T) {
		client, p := start(t)
		add(t)(p.AddToxic("", "latency", "downstream", -1, shopify.Attributes{"latency": 100, "jitter": 10}))
		for _, step := range []struct {
			asked, toxicity float32
			latency         float64
		}{{0.5, 0.5, 1000}, {-1, 0.5, 500}, {0, 0, 500}} {
			want := &shopify.Toxic{
				Name: "latency_downstream", Type: "latency", Stream: "downstream", Toxicity: step.toxicity, Attributes: values(step.latency, 10),
			}
			got := add(t)(p.UpdateToxic("latency_downstream", step.asked, shopify.Attributes{"latency": step.latency}))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		options := &shopify.ToxicOptions{ProxyName: "mysql_master", ToxicName: "latency_downstream"}
		if err := client.RemoveToxic(options); err != nil {
			t.Error(err)
		}
		refused(t, p.RemoveToxic("latency_downstream"), "HTTP 404: toxic not found")
	})
	t.Run("saving a proxy leaves its toxics alone", func(t *testing.T) {
		client, p := start(t)
		add(t)(p.AddToxic("", "noop", "", 1, nil))
		p.ActiveToxics = shopify.Toxics{{Name: "other", Type: "noop"}}
		if err := p.Save(); err != nil {
			t.Error(err)
		}
		if got := toxicsOf(made[*shopify.Proxy](t)(client.Proxy("mysql_master")).ActiveToxics); len(got) != 1 || got[0] != "noop_downstream noop downstream" {
			t.Errorf("they are %v", got)
		}
	})
	t.Run("reset", func(t *testing.T) {
		client, p := start(t)
		add(t)(p.AddToxic("", "latency", "downstream", 1, shopify.Attributes{"latency": 100, "jitter": 10}))
		if err := p.Disable(); err != nil {
			t.Fatal(err)
		}
		if err := client.ResetState(); err != nil {
			t.Fatal(err)
		}
		got := made[map[string]*shopify.Proxy](t)(client.Proxies())["mysql_master"]
		if got == nil || !got.Enabled || len(got.ActiveToxics) > 0 || got.Listen != p.Listen || !up(got.Listen) {
			t.Errorf("after the reset: %+v", got)
		}
	})
}
