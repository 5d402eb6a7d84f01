package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/yaml"
)

// example has every field of a squall.yaml.
const example = `
admin: {listen: "127.0.0.1:8474", hosts: [squall.corp.example], token_file: /run/secrets/token, open: false}
seed: 42
policy:                                  # binds every door
  max_ttl: 10m
  require_ttl: false
  max_percent: 100.0
  deny: [reset]
  protect: ["/health", "/internal/**"]
mode: quiet
proxies:
  - {name: flaky, protocol: http, listen: ":6055", upstream: "http://flaky:5055"}
  - name: stock
    listen: 127.0.0.1:0
    upstream: https://stock:8443
    host: upstream
    timeout: 5s
    upstream_down: close
    protect: []
    trusted: [10.0.0.0/8]
    attribution: false
    enabled: false
profiles:
  quiet: {}
  normal: {failure_rate: 0.3}
  brown: {body: {message: degraded, data: [1, 2]}, rules: [{delay: 100ms}]}
rules:
  - {name: slow, proxy: stock, delay: 300ms, percent: 50}
  - proxy: flaky
    abort: 503
    first: 2
    match:
      path: [/stock/*, /price/**]
      headers: {X-Tenant: beta, X-Debug: {absent: true}}
`

func TestTheExample(t *testing.T) {
	f, err := Parse("squall.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	wantAdmin := Admin{Listen: "127.0.0.1:8474", Hosts: []string{"squall.corp.example"}, TokenFile: "/run/secrets/token"}
	wantPolicy := control.Policy{
		MaxTTL: faults.Duration(10 * time.Minute), MaxPercent: 100, Deny: []string{"reset"}, Protect: []string{"/health", "/internal/**"},
	}
	if diff := cmp.Diff(wantAdmin, f.Admin) + cmp.Diff(wantPolicy, f.Policy); diff != "" {
		t.Error(diff)
	}
	s, err := f.State(7, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if s.Seed != 42 || s.Mode.Name != "quiet" || len(s.Proxies) != 2 || len(s.Profiles) != 3 || len(s.Rules) != 2 {
		t.Errorf("got %+v", s)
	}
	if p := s.Proxies[0]; p.Host != "keep" || p.UpstreamDown != "answer" || time.Duration(p.Timeout) != time.Minute || !p.Enabled || !p.Attribution || len(p.Protect) != 1 {
		t.Errorf("defaults of a proxy: %+v", p)
	}
	if p := s.Proxies[1]; p.Host != "upstream" || p.UpstreamDown != "close" || time.Duration(p.Timeout) != 5*time.Second || p.Enabled || p.Attribution || len(p.Protect) != 0 || len(p.Trusted) != 1 {
		t.Errorf("a proxy: %+v", p)
	}
	if r := s.Rules[1]; r.Name != "abort-1" || r.Kind != "abort" || r.First != 2 || r.Percent != 100 || len(r.Match.Path) != 2 {
		t.Errorf("a rule: %+v", r)
	}
}

func TestDefaults(t *testing.T) {
	for _, source := range []string{"", "# nothing\n", "{}", "proxies:\nrules: []\n"} {
		f, err := Parse("squall.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.State(7, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if s.Seed != 7 || s.Mode.Name != control.ModeNormal || len(s.Proxies)+len(s.Rules) > 0 || f.Policy.MaxPercent != 100 || f.Admin.Listen != "" {
			t.Errorf("%q: got %+v, %+v", source, f, s)
		}
	}
}

func TestWhatIsWrongWithAFile(t *testing.T) {
	const proxies = "proxies:\n  - {name: flaky, listen: ':6055', upstream: 'http://flaky:5055'}\n"
	for source, want := range map[string]string{
		"proxis: []":                       "f.yaml:1:1: proxis: unknown field, did you mean proxies?",
		"seed: -1":                         "f.yaml:1:7: seed: want a number from 0 to 18446744073709551615, got -1",
		"- a":                              "f.yaml:1:1: want an object, got a list",
		"admin: {listen: 8474}":            "f.yaml:1:17: admin.listen: want a string, got a number",
		"admin: {listen: localhost}":       `f.yaml:1:17: admin.listen: "localhost" is not host:port, such as "127.0.0.1:8474"`,
		"admin: {listen: 'x:99999'}":       `f.yaml:1:17: admin.listen: "x:99999" is not host:port, such as "127.0.0.1:8474"`,
		"admin: {tokenfile: x}":            "f.yaml:1:9: admin.tokenfile: unknown field, did you mean token_file?",
		"policy: {deny: [abrot]}":          `f.yaml:1:17: policy.deny[0]: unknown kind "abrot", did you mean abort?`,
		"policy:\n  max_percent: 0":        "f.yaml:2:16: policy.max_percent: must be more than 0 and at most 100, got 0",
		"mode: failrue":                    `f.yaml:1:7: mode: unknown mode "failrue": want one of failure, fallback, normal, did you mean failure?`,
		"profiles: {p: {failure_rate: 2}}": "f.yaml:1:30: profiles.p.failure_rate: must be 0 to 1, got 2",
		"a: [1":                            "f.yaml:1:4: sequence end token ']' not found",
		"a: *x":                            "f.yaml:1:4: anchors and aliases are not supported",
		proxies + "  - {name: flaky, listen: ':1', upstream: 'http://x'}":                `f.yaml:3:12: proxies[1].name: a proxy named "flaky" stands before it`,
		proxies + "  - {name: b, listen: ':1', upstream: 'ftp://x'}":                     `f.yaml:3:39: proxies[1].upstream: want scheme http, https or h2c, got "ftp"`,
		proxies + "  - {listen: ':1', upstream: 'http://x'}":                             "f.yaml:3:6: proxies[1].name: missing",
		proxies + "rules:\n  - {abort: 503}\n  - {name: x, delay: {latancy: 1s}}":        "f.yaml:5:23: rules[1].delay.latancy: unknown field, did you mean latency?",
		proxies + "rules:\n  - {abort: 503}\n  - {name: x, proxy: flakey, delay: 1s}":    `f.yaml:5:22: rules[1].proxy: no proxy is named "flakey", did you mean flaky?`,
		proxies + "rules:\n  - {name: x, delay: 1s}\n  - name: x\n    abort: 500":        `f.yaml:5:11: rules[1].name: a rule named "x" stands before it`,
		"policy: {deny: [abort]}\nrules:\n  - abort: 503":                                "f.yaml:3:5: rules[0].kind: the policy denies abort",
		"policy: {deny: [abort]}\nmode: failure":                                         "f.yaml:2:7: mode: failure does what is refused: kind: the policy denies abort",
		"policy: {require_ttl: true}\nrules:\n  - {delay: 1s, ttl: 5s}\n  - {delay: 1s}": "f.yaml:4:6: rules[1].ttl: missing: the policy wants one, or a lease",
	} {
		_, err := Parse("f.yaml", []byte(source))
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", source, err, want)
		}
	}
}

func TestLoadingAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "squall.yaml")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	for content, want := range map[string]string{
		"seed: 9": "", "seed: x": path + ":1:7: seed: want a number, got a string", strings.Repeat("#", yaml.MaxFile+1): path + ": at most 1048576 bytes, got more",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Load(path)
		if want == "" && (err != nil || *f.Seed != 9) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%.20s: got %v, want %s", content, err, want)
		}
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("loaded a directory")
	}
}

// A configuration in JSON says the same.
func TestAConfigurationInJSON(t *testing.T) {
	f, err := Parse("inline", []byte(`{"seed": 5, "proxies": [{"name": "a", "listen": ":1", "upstream": "http://x"}]}`))
	if err != nil || *f.Seed != 5 || f.Proxies[0].Name != "a" {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := Parse("inline", []byte("{\n \"sed\": 5}")); err == nil || err.Error() != "inline:2:2: sed: unknown field, did you mean seed?" {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", example, "rules: [{abort: 503}]", "proxies: [{name: a}]", `{"seed": 1}`, "a: \xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			return // slowness has a test of its own, in package yaml
		}
		if _, err := Parse("fuzz", data); err != nil && !strings.HasPrefix(err.Error(), "fuzz:") {
			t.Fatalf("an error without the file's name: %v", err)
		}
	})
}
