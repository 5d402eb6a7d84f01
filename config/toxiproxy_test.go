package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/config"
)

// TestToxiproxysConfiguration is a list of proxies, in JSON, whose toxics count.
func TestToxiproxysConfiguration(t *testing.T) {
	file, err := config.Parse("toxiproxy.json", []byte(`[
		{"name": "redis", "listen": ":26379", "upstream": "redis:6379", "Enabled": false, "toxics": [{"type": "noop"}]},
		{"name": "db", "listen": "localhost:23306", "upstream": "db:3306", "extra": 1},
		{"name": "redis", "listen": "127.0.0.1:0", "upstream": "any text", "toxics": [
			{"type": "latency", "stream": "UpStream", "toxicity": 0.25, "attributes": {"latency": 1000, "jitter": -1}},
			{"type": "bandwidth", "name": "slow", "attributes": {"rate": 10}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	state, err := file.State(1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range state.Proxies {
		got = append(got, p.Name, p.Protocol, p.Listen, p.Upstream)
	}
	const want = "db tcp 127.0.0.1:23306 db:3306 redis tcp 127.0.0.1:0 any text"
	if text := strings.Join(got, " "); text != want || !state.Proxies[0].Enabled {
		t.Errorf("proxies %s, want %s", text, want)
	}
	if len(state.Rules) != 2 || state.Rules[0].Name != "latency_UpStream" || state.Rules[0].Percent != 25 || state.Rules[1].Name != "slow" {
		t.Errorf("rules %+v", state.Rules)
	}
}

func TestToxiproxysConfigurationIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`[{"upstream": "a:1"}]`: "toxiproxy.json: missing required field: name at proxy 1",
		`[{"name": "a"}]`:       "missing required field: upstream at proxy 1",
		`[1]`:                   "toxiproxy.json: bad request body: json: cannot unmarshal number",
		`[{"name": "a", "upstream": "b:1", "listen": "nope"}]`:                             "listen tcp: address nope: missing port in address",
		`[{"name": "a", "upstream": "b:1", "listen": ":0", "toxics": [{"type": "slow"}]}]`: "invalid toxic type",
		`[{"name": "a/b", "upstream": "b:1", "listen": ":0"}]`:                             "name at proxy 1",
		"- {name: a, upstream: b}":                                                         "toxiproxy.json:1:1: want an object",
	} {
		if _, err := config.Parse("toxiproxy.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
