package toxiproxy_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/squall-proxy/squall/control/toxiproxy"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// readRule reads a rule's document.
func readRule(t interface{ Fatal(...any) }, text string) faults.Rule {
	root, err := document.ParseJSON([]byte(text))
	var r faults.Rule
	if err == nil {
		err = document.Decode(root, &r)
	}
	if err != nil {
		t.Fatal(text, err)
	}
	return r
}

func write(t interface{ Fatal(...any) }, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Rules that Toxiproxy can express, as it expresses them.
func TestRulesThatAreToxics(t *testing.T) {
	for rule, want := range map[string]string{
		`"latency":"100ms"`:                                   `{"attributes":{"latency":100,"jitter":0},"name":"r","type":"latency","stream":"downstream","toxicity":1}`,
		`"latency":{"latency":"1s","jitter":"20ms"}`:          `{"attributes":{"latency":1000,"jitter":20},"name":"r","type":"latency","stream":"downstream","toxicity":1}`,
		`"latency":{"latency":"0s","distribution":"uniform"}`: `{"attributes":{"latency":0,"jitter":0},"name":"r","type":"latency","stream":"downstream","toxicity":1}`,
		`"bandwidth":"10KB","stream":"upstream"`:              `{"attributes":{"rate":10},"name":"r","type":"bandwidth","stream":"upstream","toxicity":1}`,
		`"bandwidth":{"rate":0,"scope":"link"},"percent":20`:  `{"attributes":{"rate":0},"name":"r","type":"bandwidth","stream":"downstream","toxicity":0.2}`,
		`"slow_close":"1s","percent":0`:                       `{"attributes":{"delay":1000},"name":"r","type":"slow_close","stream":"downstream","toxicity":0}`,
		`"timeout":"0s","percent":33.3333`:                    `{"attributes":{"timeout":0},"name":"r","type":"timeout","stream":"downstream","toxicity":0.333333}`,
		`"reset_peer":"24h","percent":0.0001`:                 `{"attributes":{"timeout":86400000},"name":"r","type":"reset_peer","stream":"downstream","toxicity":0.000001}`,
		`"slicer":{"average_size":64,"size_variation":32,"delay":"10us"}`: `{"attributes":{"average_size":64,"size_variation":32,"delay":10},` +
			`"name":"r","type":"slicer","stream":"downstream","toxicity":1}`,
		`"limit_data":"10KB"`: `{"attributes":{"bytes":10000},"name":"r","type":"limit_data","stream":"downstream","toxicity":1}`,
		`"noop":{}`:           `{"attributes":{},"name":"r","type":"noop","stream":"downstream","toxicity":1}`,
		// For as long as it lasts, and whoever set it.
		`"noop":{},"ttl":"1s","owner":"me","lease":{"id":"run","for":"1s"}`: `{"attributes":{},"name":"r","type":"noop","stream":"downstream","toxicity":1}`,
	} {
		r := readRule(t, `{"name":"r","proxy":"p",`+rule+`}`)
		toxic, ok := toxiproxy.ToxicOf(&r)
		if !ok {
			t.Errorf("%s is no toxic", rule)
			continue
		}
		if diff := cmp.Diff(want, strings.Replace(write(t, toxic), "1e-06", "0.000001", 1)); diff != "" {
			t.Errorf("%s: %s", rule, diff)
		}
	}
}

// Rules that it cannot, each for one reason.
func TestRulesThatAreNoToxics(t *testing.T) {
	for _, rule := range []string{
		`"proxy":"p","abort":503`,
		`"proxy":"p","delay":"1s"`,
		`"proxy":"p","tls":"expired"`,
		`"proxy":"p","connect":"refuse"`,
		`"proxy":"p","stall":{"every":"10s","for":"1s"}`,
		`"proxy":"p","limit_time":"1m"`,
		`"noop":{}`, // of all proxies
		`"proxy":"p","latency":{"p50":"1ms","p99":"2ms"}`,
		`"proxy":"p","latency":{"latency":"1ms","jitter":"1ms","distribution":"normal"}`,
		`"proxy":"p","latency":{"latency":"1ms","max":"2ms"}`,
		`"proxy":"p","latency":"1500us"`,
		`"proxy":"p","slicer":{"average_size":1,"delay":"1ns"}`,
		`"proxy":"p","bandwidth":1500`,
		`"proxy":"p","bandwidth":{"rate":1000,"scope":"proxy"}`,
		`"proxy":"p","noop":{},"match":{"nth":1}`,
		`"proxy":"p","noop":{},"except":{"source":"10.0.0.0"}`,
		`"proxy":"p","noop":{},"key":"client"`,
		`"proxy":"p","noop":{},"skip":1`,
		`"proxy":"p","noop":{},"first":1`,
		`"proxy":"p","noop":{},"every":2`,
		`"proxy":"p","noop":{},"burst":{"on":1,"off":1}`,
		`"proxy":"p","noop":{},"percent":50,"exact":true`,
		`"proxy":"p","noop":{},"ramp":{"from":0,"to":1,"over":"1s"}`,
		`"proxy":"p","noop":{},"max_consecutive":1`,
		`"proxy":"p","noop":{},"max_total":1`,
		`"proxy":"p","noop":{},"max_active":1`,
		`"proxy":"p","noop":{},"enabled":false`,
		`"proxy":"p","noop":{},"shadow":true`,
	} {
		r := readRule(t, `{"name":"r",`+rule+`}`)
		if toxic, is := toxiproxy.ToxicOf(&r); is {
			t.Errorf("%s is %s", rule, write(t, toxic))
		}
	}
}

// What was asked for is answered, to the last digit, as long as it means what the rule says.
func TestWhatWasAskedForIsAnswered(t *testing.T) {
	const asked = `"toxic":{"stream":"UpStream","toxicity":7,"attributes":{"latency":-5,"jitter":3}}`
	const clamped = `"name":"r","proxy":"p","kind":"latency","stream":"upstream","percent":100,"attributes":{"latency":"0s","jitter":"3ms"}`
	for rule, want := range map[string]string{
		`{` + clamped + `,` + asked + `}`:                                              `{"attributes":{"latency":-5,"jitter":3},"name":"r","type":"latency","stream":"UpStream","toxicity":7}`,
		strings.Replace(`{`+clamped+`,`+asked+`}`, `"percent":100`, `"percent":50`, 1): `{"attributes":{"latency":0,"jitter":3},"name":"r","type":"latency","stream":"upstream","toxicity":0.5}`,
		strings.Replace(`{`+clamped+`,`+asked+`}`, `"3ms"`, `"4ms"`, 1):                `{"attributes":{"latency":0,"jitter":4},"name":"r","type":"latency","stream":"upstream","toxicity":1}`,
		strings.Replace(`{`+clamped+`,`+asked+`}`, `"upstream"`, `"downstream"`, 1):    `{"attributes":{"latency":0,"jitter":3},"name":"r","type":"latency","stream":"downstream","toxicity":1}`,
		// The numbers of another kind, as after a change of the kind.
		strings.Replace(`{`+clamped+`,`+asked+`}`, `"latency","stream":"upstream","percent":100,"attributes":{"latency":"0s","jitter":"3ms"}`,
			`"noop","stream":"upstream","attributes":{}`, 1): `{"attributes":{},"name":"r","type":"noop","stream":"UpStream","toxicity":7}`,
	} {
		r := readRule(t, rule)
		toxic, ok := toxiproxy.ToxicOf(&r)
		if got := write(t, toxic); !ok || got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
}

// Whatever is asked for as a toxic is a valid rule that survives being written down, is answered as it was asked for, and
// means the nearest that can be.
func TestEveryToxicIsARule(t *testing.T) {
	types := map[string][]string{
		"latency": {"latency", "jitter"}, "bandwidth": {"rate"}, "slow_close": {"delay"}, "timeout": {"timeout"}, "reset_peer": {"timeout"},
		"slicer": {"average_size", "size_variation", "delay"}, "limit_data": {"bytes"}, "noop": nil,
	}
	numbers := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 86_400_000, 86_400_001}))
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop"}).Draw(t, "kind")
		attributes := map[string]int64{}
		for _, name := range types[kind] {
			attributes[name] = numbers.Draw(t, name)
		}
		toxicity := rapid.OneOf(rapid.Float32(), rapid.Float32Range(0, 1)).Draw(t, "toxicity")
		stream := rapid.SampledFrom([]string{"upstream", "downstream", "UpStream", "DOWNSTREAM"}).Draw(t, "stream")
		body := write(t, map[string]any{"type": kind, "name": "r", "stream": stream, "toxicity": toxicity, "attributes": attributes})
		wanted, err := toxiproxy.ReadProxy([]byte(`{"name":"p","upstream":"x","toxics":[` + body + `]}`))
		if err != nil {
			t.Fatal(body, err)
		}
		rule := wanted.Toxics[0].Rule("p")
		if err := rule.Validate(); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		saved := readRule(t, write(t, rule))
		if diff := cmp.Diff(rule, saved); diff != "" {
			t.Fatalf("%s is not what was written down: %s", body, diff)
		}
		answered, ok := toxiproxy.ToxicOf(&saved)
		if !ok || cmp.Diff(wanted.Toxics[0], answered) != "" {
			t.Fatalf("%s is answered with %s", body, write(t, answered))
		}
		saved.Toxic = nil // what the rule itself says means the same, again
		derived, ok := toxiproxy.ToxicOf(&saved)
		if !ok || cmp.Diff(saved, derived.Rule("p")) != "" {
			t.Fatalf("%s means %s", body, write(t, derived))
		}
	})
}

// The bounds, and the rounding.
func TestTheNearestThatIsInBounds(t *testing.T) {
	for body, want := range map[string]string{
		`"type":"latency","attributes":{"latency":-5,"jitter":99999999999}`: `"percent":100,"attributes":{"jitter":"24h0m0s"}`,
		`"type":"latency"`: `"percent":100,"attributes":{"latency":"0s"}`,
		`"type":"bandwidth","attributes":{"rate":-1}`:                    `"percent":100,"attributes":{"rate":0}`,
		`"type":"bandwidth","attributes":{"rate":9223372036854775807}`:   `"percent":100,"attributes":{"rate":9007199254740000}`,
		`"type":"slow_close","attributes":{"delay":9223372036854775807}`: `"percent":100,"attributes":{"delay":"24h0m0s"}`,
		`"type":"timeout","attributes":{"timeout":-1}`:                   `"percent":100,"attributes":{"timeout":"0s"}`,
		`"type":"slicer"`: `"percent":100,"attributes":{"average_size":1}`,
		`"type":"slicer","attributes":{"average_size":10,"size_variation":100,"delay":1500}`: `"percent":100,"attributes":{"average_size":10,"size_variation":9,"delay":"1.5ms"}`,
		`"type":"limit_data","attributes":{"bytes":-7}`:                                      `"percent":100,"attributes":{"bytes":0}`,
		`"type":"noop","toxicity":7`:                                                         `"percent":100,"attributes":{}`,
		`"type":"noop","toxicity":-0.5`:                                                      `"percent":0,"attributes":{}`,
		`"type":"noop","toxicity":0.2`:                                                       `"percent":20,"attributes":{}`,
		`"type":"noop","toxicity":0.123456789`:                                               `"percent":12.3457,"attributes":{}`,
		`"type":"noop","toxicity":0.0000004`:                                                 `"percent":0,"attributes":{}`,
		`"type":"noop","toxicity":0.9999996`:                                                 `"percent":100,"attributes":{}`,
	} {
		wanted, err := toxiproxy.ReadProxy([]byte(`{"name":"p","upstream":"x","toxics":[{` + body + `}]}`))
		if err != nil {
			t.Fatal(body, err)
		}
		if got := write(t, wanted.Toxics[0].Rule("p")); !strings.Contains(got, want) {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}
