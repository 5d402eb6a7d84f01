package faults

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
)

// benchmarkPlan decides one exchange, as an executor does it, under n rules.
func benchmarkPlan(b *testing.B, n int, rule func(i int) string) {
	var c Config
	for i := range n {
		c.Entries = append(c.Entries, Entry{Rule: mustRule(b, rule(i)), Counter: NewCounter()})
	}
	set := mustCompile(b, c)
	header := http.Header{"X-Tenant": {"alpha"}, "Accept": {"*/*"}, "User-Agent": {"bench"}}
	b.ReportAllocs()
	for b.Loop() {
		v := View{
			Method: "GET", Host: "stock.test:8080", Path: "/api/v1/users", RawQuery: "page=2", Header: header,
			Source: netip.AddrFrom4([4]byte{10, 1, 2, 3}), Connection: 7, Now: start, Status: 200, ResponseHeader: header,
		}
		var p Plan
		p.Begin(set, &v)
		for action, _ := p.Next(&v); action != nil; action, _ = p.Next(&v) {
		}
		p.BeginAfter(&v)
		for action, _ := p.Next(&v); action != nil; action, _ = p.Next(&v) {
		}
		p.Record()
		p.Done()
	}
}

// The sorts of conditions that rules have; none matches the exchange of the benchmarks.
func mismatches() map[string]func(i int) string {
	conditions := map[string]string{
		"path":          `{"path":"/r%d/*"}`,
		"path_sibling":  `{"path":"/api/v1/r%d/**"}`,
		"method":        `{"methods":["POST"],"query":{"a":"%d"}}`,
		"host":          `{"host":"r%d.test"}`,
		"header":        `{"headers":{"X-Tenant":"r%d"}}`,
		"header_prefix": `{"headers":{"X-Tenant":{"prefix":"r%d"}}}`,
		"query":         `{"query":{"page":"r%d"}}`,
		"path_regex":    `{"path":{"regex":"^/r%d"}}`,
	}
	sorts := map[string]func(i int) string{}
	for name, condition := range conditions {
		sorts[name] = func(i int) string {
			return fmt.Sprintf(`{"name":"r%d","delay":"1s","match":`+condition+`}`, i, i)
		}
	}
	return sorts
}

func BenchmarkPlan_0(b *testing.B) { benchmarkPlan(b, 0, nil) }

func BenchmarkPlan_1(b *testing.B) {
	b.Run("missed", func(b *testing.B) {
		benchmarkPlan(b, 1, func(int) string { return `{"name":"it","delay":"1s","percent":0.0001}` })
	})
	b.Run("hit", func(b *testing.B) {
		benchmarkPlan(b, 1, func(int) string { return `{"name":"it","delay":{"latency":"1s","jitter":"1s"}}` })
	})
	b.Run("keyed", func(b *testing.B) {
		benchmarkPlan(b, 1, func(int) string { return `{"name":"it","delay":"1s","percent":0.0001,"key":"header:X-Tenant"}` })
	})
	b.Run("mode_failure", func(b *testing.B) {
		benchmarkPlan(b, 1, func(int) string { return `{"name":"it","abort":503}` })
	})
}

func BenchmarkPlan_100(b *testing.B) {
	for name, rule := range mismatches() {
		b.Run(name, func(b *testing.B) { benchmarkPlan(b, 100, rule) })
	}
}

func BenchmarkPlan_1000(b *testing.B) {
	for name, rule := range mismatches() {
		b.Run(name, func(b *testing.B) { benchmarkPlan(b, 1000, rule) })
	}
}

// BenchmarkCallers is what a request costs that asks for nothing, where it may.
func BenchmarkCallers(b *testing.B) {
	set, _ := callers(b, `true`)
	v := get("/")
	b.ReportAllocs()
	for b.Loop() {
		var p Plan
		p.Begin(set, v)
		p.Next(v)
		p.Done()
	}
}
