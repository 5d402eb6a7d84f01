package faults_test

import (
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/faults/faultstest"
)

// long is a rule of a TCP kind as answers give it.
func long(kind, attributes string) string {
	return `{"name":"","proxy":"redis","kind":"` + kind + `","stream":"downstream","percent":100,"attributes":` + attributes + `,"enabled":true}`
}

// tcpCases describes the kinds of TCP.
var tcpCases = []faultstest.Case{
	{
		Kind:     "latency",
		Short:    `{"proxy":"redis","latency":"300ms"}`,
		Long:     long("latency", `{"latency":"300ms"}`),
		Toxic:    `{"latency":"1s","jitter":"500ms"}`,
		Accepted: []string{`{"latency":"24h"}`, `{"latency":"0s"}`, `{"latency":"0s","max":"1s"}`, `{"p50":"1ns","p99":"24h"}`, `{"quantiles":{"p0":"0s","p100":"24h"}}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "latency"},
			{Attributes: `{"jitter":"0s"}`, Field: "latency"},
			{Attributes: `{"latency":"0s","distribution":"normal"}`, Field: "latency"},
			{Attributes: `{"latency":"25h"}`, Field: "latency"},
			{Attributes: `{"latency":300}`, Field: "latency"},
			{Attributes: `{"latency":"1s","jitter":"25h"}`, Field: "jitter"},
			{Attributes: `{"latency":"1s","distribution":"gauss"}`, Field: "distribution"},
			{Attributes: `{"p99":"1s"}`, Field: "p50"},
			{Attributes: `{"p50":"1s","p99":"1s"}`, Field: "p99"},
			{Attributes: `{"quantiles":[]}`, Field: "quantiles"},
			{Attributes: `{"latency":"1s","alpha":0,"distribution":"pareto"}`, Field: "alpha"},
			{Attributes: `{"latency":"1s","max":"0s"}`, Field: "max"},
			{Attributes: `{"latency":"1s","mode":"floor"}`, Field: "mode"},
		},
	},
	{
		Kind:     "bandwidth",
		Short:    `{"proxy":"redis","bandwidth":"10KB"}`,
		Long:     long("bandwidth", `{"rate":10000}`),
		Toxic:    `{"rate":1000}`,
		Accepted: []string{`{"rate":0}`, `{"rate":1,"scope":"proxy"}`, `{"rate":9007199254740991,"scope":"link"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "rate"},
			{Attributes: `{"rate":-1}`, Field: "rate"},
			{Attributes: `{"rate":9007199254740992}`, Field: "rate"},
			{Attributes: `{"rate":1,"scope":"rule"}`, Field: "scope"},
		},
	},
	{
		Kind:     "slow_close",
		Short:    `{"proxy":"redis","slow_close":"1s"}`,
		Long:     long("slow_close", `{"delay":"1s"}`),
		Toxic:    `{"delay":"1s"}`,
		Accepted: []string{`{"delay":"0s"}`, `{"delay":"24h"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "delay"},
			{Attributes: `{"delay":"24h1ns"}`, Field: "delay"},
		},
	},
	{
		Kind:     "timeout",
		Short:    `{"proxy":"redis","timeout":"1s"}`,
		Long:     long("timeout", `{"timeout":"1s"}`),
		Toxic:    `{"timeout":"1s"}`,
		Accepted: []string{`{}`, `{"timeout":"0s"}`, `{"timeout":"24h"}`},
		Refused:  []faultstest.Refusal{{Attributes: `{"timeout":"25h"}`, Field: "timeout"}},
	},
	{
		Kind:     "reset_peer",
		Short:    `{"proxy":"redis","reset_peer":"1s"}`,
		Long:     long("reset_peer", `{"timeout":"1s"}`),
		Toxic:    `{}`,
		Accepted: []string{`{}`, `{"timeout":"0s"}`, `{"timeout":"24h"}`},
		Refused:  []faultstest.Refusal{{Attributes: `{"timeout":"25h"}`, Field: "timeout"}},
	},
	{
		Kind:     "slicer",
		Short:    `{"proxy":"redis","slicer":64}`,
		Long:     long("slicer", `{"average_size":64}`),
		Toxic:    `{"average_size":64,"size_variation":32,"delay":"1ms"}`,
		Accepted: []string{`{"average_size":1}`, `{"average_size":9007199254740991,"size_variation":9007199254740990,"delay":"24h"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "average_size"},
			{Attributes: `{"average_size":0}`, Field: "average_size"},
			{Attributes: `{"average_size":10,"size_variation":10}`, Field: "size_variation"},
			{Attributes: `{"average_size":10,"delay":"25h"}`, Field: "delay"},
		},
	},
	{
		Kind:     "limit_data",
		Short:    `{"proxy":"redis","limit_data":"1KB"}`,
		Long:     long("limit_data", `{"bytes":1000}`),
		Toxic:    `{"bytes":1500}`,
		Accepted: []string{`{"bytes":0}`, `{"bytes":9007199254740991}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "bytes"},
			{Attributes: `{"bytes":-1}`, Field: "bytes"},
		},
	},
	{
		Kind:     "noop",
		Short:    `{"proxy":"redis","noop":{}}`,
		Long:     long("noop", `{}`),
		Toxic:    `{}`,
		Accepted: []string{`{}`},
	},
	{
		Kind:     "limit_time",
		Short:    `{"proxy":"redis","limit_time":"1m"}`,
		Long:     long("limit_time", `{"after":"1m0s"}`),
		Toxic:    `{"after":"1s"}`,
		Accepted: []string{`{"after":"1ns"}`, `{"after":"24h"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "after"},
			{Attributes: `{"after":"25h"}`, Field: "after"},
		},
	},
	{
		Kind:     "stall",
		Short:    `{"proxy":"redis","stall":{"every":"10s","for":"1s"}}`,
		Long:     long("stall", `{"every":"10s","for":"1s"}`),
		Toxic:    `{"every":"2ms","for":"1ms"}`,
		Accepted: []string{`{"every":"2ns","for":"1ns"}`, `{"every":"24h","for":"23h"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "every"},
			{Attributes: `{"every":"25h","for":"1s"}`, Field: "every"},
			{Attributes: `{"every":"1s"}`, Field: "for"},
			{Attributes: `{"every":"1s","for":"1s"}`, Field: "for"},
		},
	},
	{
		Kind:  "connect",
		Short: `{"proxy":"redis","connect":"refuse"}`,
		Long: `{"name":"","proxy":"redis","kind":"connect","phase":"before","percent":100,"attributes":{"as":"refuse"},` +
			`"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{"as":"delay","latency":"1s"}`},
		Accepted: []string{`{"as":"refuse"}`, `{"as":"delay","latency":"24h"}`, `{"as":"hang"}`, `{"as":"hang","for":"24h"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "as"},
			{Attributes: `{"as":"drop"}`, Field: "as"},
			{Attributes: `{"as":"delay"}`, Field: "latency"},
			{Attributes: `{"as":"refuse","latency":"1s"}`, Field: "latency"},
			{Attributes: `{"as":"delay","latency":"25h"}`, Field: "latency"},
			{Attributes: `{"as":"delay","latency":"1s","for":"1s"}`, Field: "for"},
			{Attributes: `{"as":"hang","for":"25h"}`, Field: "for"},
		},
	},
}
