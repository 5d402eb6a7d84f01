package main

import (
	"bufio"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/faults"
)

// rulesInForce compiles strangers as squall does, but so that each hits whenever it matches.
func rulesInForce(t *testing.T, n int) (*faults.Set, []*faults.Counter) {
	t.Helper()
	text, err := squallConfig("127.0.0.1:1", "127.0.0.1:2", setup{strangers: n})
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse("bench", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Rules) != n {
		t.Fatalf("%d rules, want %d", len(file.Rules), n)
	}
	c := faults.Config{Seed: 1}
	var counters []*faults.Counter
	for _, rule := range file.Rules {
		rule.Percent = 100
		counters = append(counters, faults.NewCounter())
		c.Entries = append(c.Entries, faults.Entry{Rule: rule, Counter: counters[len(counters)-1]})
	}
	set, err := faults.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return set, counters
}

func usualView(t *testing.T) faults.View {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(usualRequest)))
	if err != nil {
		t.Fatal(err)
	}
	return faults.View{
		Proxy: "items", Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header,
		Source: netip.MustParseAddr("127.0.0.1"), Now: time.Now(), Status: http.StatusOK, ResponseHeader: http.Header{},
	}
}

// matched says which rules an exchange matches.
func matched(set *faults.Set, counters []*faults.Counter, v faults.View) []int {
	var plan faults.Plan
	plan.Begin(set, &v)
	plan.Next(&v)
	plan.BeginAfter(&v)
	plan.Next(&v)
	plan.Done()
	var all []int
	for i, c := range counters {
		if c.Status().Matched > 0 {
			all = append(all, i)
		}
	}
	return all
}

func TestStrangersAreStrangers(t *testing.T) {
	set, counters := rulesInForce(t, 100)
	if all := matched(set, counters, usualView(t)); all != nil {
		t.Errorf("rules %v match the usual request", all)
	}
}

// Each of the ten forms is one that could match.
func TestStrangersCouldMatch(t *testing.T) {
	for want, change := range []func(*faults.View){
		func(v *faults.View) { v.Path = "/api/v1/orders/0/lines" },
		func(v *faults.View) { v.Path = "/api/v1/orders/1/lines" },
		func(v *faults.View) { v.Path = "/api/v1/items/1002" },
		func(v *faults.View) { v.Method = "PUT" },
		func(v *faults.View) { v.Header = http.Header{"X-Tenant": {"tenant-4"}} },
		func(v *faults.View) { v.Header = http.Header{"X-Tenant": {"tenant-5"}} },
		func(v *faults.View) { v.Header = http.Header{"X-Test-Run": {"run-6"}} },
		func(v *faults.View) { v.Header = http.Header{"User-Agent": {"robot-7/1"}} },
		func(v *faults.View) { v.Path = "/internal/stock/8" },
		func(v *faults.View) { v.Status = 501 },
	} {
		set, counters := rulesInForce(t, 10)
		v := usualView(t)
		change(&v)
		if all := matched(set, counters, v); len(all) != 1 || all[0] != want {
			t.Errorf("rule %d: rules %v match", want, all)
		}
	}
}

func TestSetupsAreAsTheySay(t *testing.T) {
	for _, test := range []struct {
		setup   setup
		engine  string
		percent []float64 // of each rule
	}{
		{setup{}, "", nil},
		{setup{abort: 1}, "", []float64{1}},
		{setup{engine: "nethttp", abort: 2}, "nethttp", []float64{2}},
	} {
		text, err := squallConfig("127.0.0.1:1", "127.0.0.1:2", test.setup)
		if err != nil {
			t.Fatal(err)
		}
		file, err := config.Parse("bench", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := file.Proxies[0].Engine; got != test.engine {
			t.Errorf("%+v: engine %q", test.setup, got)
		}
		var percent []float64
		for _, rule := range file.Rules {
			percent = append(percent, rule.Percent)
		}
		if !slices.Equal(percent, test.percent) {
			t.Errorf("%+v: rules that hit %v %%", test.setup, percent)
		}
	}
}
