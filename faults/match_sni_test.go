package faults

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHandshakeMatches(t *testing.T) {
	for _, test := range []struct {
		rule, sni, source string
		hit               bool
	}{
		{`{"tls":"expired"}`, "stock.test", "127.0.0.1", true},
		{`{"tls":"expired"}`, "", "127.0.0.1", true},
		{`{"tls":"expired","match":{"sni":"Stock.test"}}`, "sTock.test", "127.0.0.1", true},
		{`{"tls":"expired","match":{"sni":"stock.test"}}`, "astock.test", "127.0.0.1", false},
		{`{"tls":"expired","match":{"sni":"stock.test"}}`, "", "127.0.0.1", false},
		{`{"tls":"expired","match":{"sni":{"suffix":".test"}}}`, "stock.test", "127.0.0.1", true},
		{`{"tls":"expired","match":{"sni":{"regex":"^st"}}}`, "STOCK.test", "127.0.0.1", true},
		{`{"tls":"expired","match":{"sni":{"prefix":""}}}`, "", "127.0.0.1", false},
		{`{"tls":"expired","match":{"sni":{"absent":true}}}`, "", "127.0.0.1", true},
		{`{"tls":"expired","match":{"sni":{"absent":true}}}`, "stock.test", "127.0.0.1", false},
		{`{"tls":"expired","match":{"sni":["a",{"absent":true}]}}`, "a", "127.0.0.1", true},
		{`{"tls":"expired","match":{"source":"127.0.0.0/8"}}`, "a", "127.0.0.1", true},
		{`{"tls":"expired","match":{"source":"10.0.0.0/8"}}`, "a", "127.0.0.1", false},
		{`{"tls":"expired","match":{"sni":"a","source":"10.0.0.0/8"}}`, "a", "127.0.0.1", false},
		{`{"tls":"expired","except":{"sni":"health.test"}}`, "health.test", "127.0.0.1", false},
		{`{"tls":"expired","except":{"sni":"health.test"}}`, "a", "127.0.0.1", true},
		{`{"abort":503}`, "a", "127.0.0.1", false},
	} {
		set, err := Compile(Config{Protect: []string{"/**"}, Entries: []Entry{{Rule: mustRule(t, test.rule)}}})
		if err != nil {
			t.Fatal(err)
		}
		v := &View{SNI: test.sni, Source: netip.MustParseAddr(test.source)}
		var plan Plan
		plan.BeginHandshake(set, v)
		action, _ := plan.Next(v)
		if (action != nil) != test.hit {
			t.Errorf("%s, SNI %q from %s: got %v, want a hit: %t", test.rule, test.sni, test.source, action, test.hit)
		}
		plan.Done()
	}
}

// Rules of the handshake and of exchanges do not meet, in action or on record.
func TestHandshakeRulesAreAlone(t *testing.T) {
	set, err := Compile(Config{Entries: []Entry{
		{Rule: mustRule(t, `{"name":"a","abort":503}`)},
		{Rule: mustRule(t, `{"name":"t","tls":"stall"}`)},
		{Rule: mustRule(t, `{"name":"d","delay":"1s","phase":"after"}`)},
		{Rule: mustRule(t, `{"name":"u","tls":"alert"}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	v := &View{Method: "GET", Path: "/", SNI: "a"}
	var shake, exchange Plan
	shake.BeginHandshake(set, v)
	shake.Next(v)
	shake.Next(v) // nothing follows an ending
	exchange.Begin(set, v)
	exchange.Next(v)
	want := []Decision{{Rule: "t", Kind: "tls", Outcome: Hit, N: 1}}
	if diff := cmp.Diff(want, shake.Record().Decisions()); diff != "" {
		t.Errorf("the handshake, -want +got:\n%s", diff)
	}
	want = []Decision{{Rule: "a", Kind: "abort", Outcome: Hit, N: 1}}
	if diff := cmp.Diff(want, exchange.Record().Decisions()); diff != "" {
		t.Errorf("the exchange, -want +got:\n%s", diff)
	}
}
