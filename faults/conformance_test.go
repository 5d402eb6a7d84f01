package faults_test

import (
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/faults/faultstest"
)

// cases describes every kind that is available; a new kind adds one.
var cases = []faultstest.Case{
	{
		Kind:  "delay",
		Short: `{"proxy":"flaky","delay":"300ms","percent":50}`,
		Long: `{"name":"","proxy":"flaky","kind":"delay","phase":"before","percent":50,` +
			`"attributes":{"latency":"300ms"},"enabled":true}`,
		Phases: map[faults.Phase]string{
			faults.Before: `{"latency":"1s","jitter":"1s"}`,
			faults.After:  `{"latency":"1s","mode":"floor"}`,
		},
		Accepted: []string{
			`{"latency":"1ns"}`, `{"latency":"24h"}`, `{"jitter":"24h"}`,
			`{"latency":"1s","jitter":"0s","distribution":"uniform","mode":"add"}`,
			`{"latency":"24h","jitter":"24h","distribution":"normal","max":"24h"}`,
			`{"jitter":"24h","distribution":"exponential"}`, `{"latency":"1ns","jitter":"1ns","distribution":"exponential","mode":"floor"}`,
			`{"latency":"1s","distribution":"pareto"}`, `{"latency":"1s","distribution":"pareto","alpha":1,"max":"1112ms"}`,
			`{"latency":"23h50m","distribution":"pareto","alpha":100}`,
			`{"p50":"1ns","p99":"24h"}`, `{"p50":"23h59m59s","p99":"24h","distribution":"lognormal"}`,
			`{"quantiles":{"p99.9999":"24h","p0":"0s"}}`, `{"distribution":"quantiles","quantiles":{"p0":"1s","p100":"1s"},"max":"1s"}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "latency"},
			{Attributes: `{"latency":"0s"}`, Field: "latency"},
			{Attributes: `{"latency":"-1ns"}`, Field: "latency"},
			{Attributes: `{"latency":"24h0m0.000000001s"}`, Field: "latency"},
			{Attributes: `{"latency":300}`, Field: "latency"},
			{Attributes: `{"latency":"1s","jitter":"25h"}`, Field: "jitter"},
			{Attributes: `{"latency":"1s","jitter":"-1s"}`, Field: "jitter"},
			{Attributes: `{"latency":"1s","distribution":"gauss"}`, Field: "distribution"},
			{Attributes: `{"latency":"1s","mode":"ceiling"}`, Field: "mode"},
			{Attributes: `{"latency":"1s","mode":"floor"}`, Phase: faults.Before, Field: "mode"},
			{Attributes: `{"latency":"1s","distribution":"normal"}`, Field: "jitter"},
			{Attributes: `{"jitter":"1s","distribution":"normal"}`, Field: "latency"},
			{Attributes: `{"latency":"1s","distribution":"exponential"}`, Field: "jitter"},
			{Attributes: `{"latency":"24h","jitter":"1ns","distribution":"exponential"}`, Field: "latency"},
			{Attributes: `{"distribution":"pareto"}`, Field: "latency"},
			{Attributes: `{"latency":"24h","distribution":"pareto"}`, Field: "latency"},
			{Attributes: `{"latency":"1s","jitter":"1s","distribution":"pareto"}`, Field: "jitter"},
			{Attributes: `{"latency":"1s","alpha":3}`, Field: "alpha"},
			{Attributes: `{"latency":"1s","alpha":0,"distribution":"pareto"}`, Field: "alpha"},
			{Attributes: `{"latency":"1s","alpha":0.9999,"distribution":"pareto"}`, Field: "alpha"},
			{Attributes: `{"latency":"1s","alpha":100.1,"distribution":"pareto"}`, Field: "alpha"},
			{Attributes: `{"p99":"1s"}`, Field: "p50"},
			{Attributes: `{"p50":"1s"}`, Field: "p99"},
			{Attributes: `{"p50":"1s","p99":"1s"}`, Field: "p99"},
			{Attributes: `{"p50":"1s","p99":"24h1ns"}`, Field: "p99"},
			{Attributes: `{"latency":"1s","p50":"1s","p99":"2s"}`, Field: "latency"},
			{Attributes: `{"p50":"1s","p99":"2s","distribution":"uniform"}`, Field: "p50"},
			{Attributes: `{"latency":"1s","max":"999ms"}`, Field: "max"},
			{Attributes: `{"latency":"1s","max":"0s"}`, Field: "max"},
			{Attributes: `{"latency":"1s","max":"24h1ns"}`, Field: "max"},
			{Attributes: `{"latency":"1s","distribution":"pareto","alpha":1,"max":"1111ms"}`, Field: "max"},
			{Attributes: `{"distribution":"quantiles"}`, Field: "quantiles"},
			{Attributes: `{"quantiles":[]}`, Field: "quantiles"},
			{Attributes: `{"quantiles":null}`, Field: "quantiles"},
			{Attributes: `{"quantiles":{"p50":"1s"}}`, Field: "quantiles"},
			{Attributes: `{"quantiles":{"p50":"1s","p99":2}}`, Field: "quantiles.p99"},
			{Attributes: `{"quantiles":{"p50":"2s","p99":"1s"}}`, Field: "quantiles.p99"},
			{Attributes: `{"quantiles":{"p50":"2s","p50.0":"2s"}}`, Field: "quantiles.p50"},
			{Attributes: `{"quantiles":{"p50":"2s","p100.1":"2s"}}`, Field: `quantiles["p100.1"]`},
			{Attributes: `{"quantiles":{"p50":"2s","p99.99999":"2s"}}`, Field: `quantiles["p99.99999"]`},
			{Attributes: `{"quantiles":{"p50":"2s","median":"2s"}}`, Field: "quantiles.median"},
			{Attributes: `{"quantiles":{"p50":"2s","p1e1":"2s"}}`, Field: "quantiles.p1e1"},
			{Attributes: `{"quantiles":{"p50":"2s","p":"2s"}}`, Field: "quantiles.p"},
			{Attributes: `{"latency":"1s","quantiles":{"p50":"1s","p99":"1s"}}`, Field: "latency"},
		},
	},
	{
		Kind:  "abort",
		Short: `{"proxy":"flaky","abort":503,"first":2}`,
		Long: `{"name":"","proxy":"flaky","kind":"abort","phase":"before","percent":100,` +
			`"attributes":{"status":503},"first":2,"enabled":true}`,
		Phases: map[faults.Phase]string{
			faults.Before: `{"status":429,"body":{"a":[1]},"headers":{"Retry-After":"1","X-A":"b"}}`,
			faults.After:  `{"status":500,"keep_headers":true}`,
		},
		Accepted: []string{
			`{"status":200}`, `{"status":599,"body":null}`, `{"status":204}`,
			`{"status":500,"body":"text","content_type":"text/html","headers":{"X-A":""}}`,
			`{"status":503,"retry_after":0}`, `{"status":503,"retry_after":86400}`, `{"status":503,"retry_after":[0,86400]}`,
			`{"status":503,"retry_after":[3,3]}`, `{"status":503,"retry_after":{"date":5}}`, `{"status":503,"retry_after":{"date":[1,5]}}`,
			`{"status":503,"retry_after":null,"headers":{"Retry-After":"soon"}}`,
			`{"grpc_status":0}`, `{"grpc_status":16}`, `{"grpc_status":"UNAVAILABLE","grpc_message":"50 % of \"größe\""}`,
			`{"status":500,"grpc_status":"INTERNAL","grpc_details":[{"type":"google.rpc.RetryInfo","value":"CgIIAg=="},{"type":"a/b","value":""}]}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "status"},
			{Attributes: `{"status":199}`, Field: "status"},
			{Attributes: `{"status":600}`, Field: "status"},
			{Attributes: `{"status":-1}`, Field: "status"},
			{Attributes: `{"status":"503"}`, Field: "status"},
			{Attributes: `{"status":204,"body":""}`, Field: "body"},
			{Attributes: `{"status":304,"body":"x"}`, Field: "body"},
			{Attributes: `{"status":500,"headers":{"X-A":"a\r\nX-B: b"}}`, Field: "headers.X-A"},
			{Attributes: `{"status":500,"headers":{"Content-Length":"1"}}`, Field: "headers.Content-Length"},
			{Attributes: `{"status":500,"content_type":"a\nb"}`, Field: "content_type"},
			{Attributes: `{"status":500,"content_type":"a","headers":{"content-TYPE":"b"}}`, Field: "content_type"},
			{Attributes: `{"status":500,"keep_headers":true}`, Field: "keep_headers"},
			{Attributes: `{"grpc_status":-1}`, Field: "grpc_status"},
			{Attributes: `{"grpc_status":17}`, Field: "grpc_status"},
			{Attributes: `{"grpc_status":"Unavailable"}`, Field: "grpc_status"},
			{Attributes: `{"status":600,"grpc_status":"OK"}`, Field: "status"},
			{Attributes: `{"status":503,"grpc_message":"x"}`, Field: "grpc_message"},
			{Attributes: `{"grpc_status":5,"grpc_message":"` + strings.Repeat("x", 1025) + `"}`, Field: "grpc_message"},
			{Attributes: `{"status":503,"grpc_details":[]}`, Field: "grpc_details"},
			{Attributes: `{"grpc_status":5,"grpc_details":[{"value":""}]}`, Field: "grpc_details[0].type"},
			{Attributes: `{"grpc_status":5,"grpc_details":[{"type":"a/","value":""}]}`, Field: "grpc_details[0].type"},
			{Attributes: `{"grpc_status":5,"grpc_details":[{"type":"a","value":""},{"type":"a","value":"!"}]}`, Field: "grpc_details[1].value"},
			{Attributes: `{"grpc_status":5,"grpc_details":[{"type":"a","value":"` + strings.Repeat("AAAA", 1025) + `"}]}`, Field: "grpc_details[0].value"},
			{Attributes: `{"grpc_status":5,"grpc_details":[` + strings.Repeat(`{"type":"a"},`, 10) + `{"type":"a"}]}`, Field: "grpc_details"},
			{Attributes: `{"status":503,"retry_after":-1}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":86401}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":1.5}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":"5s"}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":[]}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":[1]}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":[1,2,3]}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":[2,1]}`, Field: "retry_after"},
			{Attributes: `{"status":503,"retry_after":[1,"2"]}`, Field: "retry_after[1]"},
			{Attributes: `{"status":503,"retry_after":{}}`, Field: "retry_after.date"},
			{Attributes: `{"status":503,"retry_after":{"date":"x"}}`, Field: "retry_after.date"},
			{Attributes: `{"status":503,"retry_after":{"date":1,"in":2}}`, Field: "retry_after.in"},
			{Attributes: `{"status":503,"retry_after":1,"headers":{"retry-after":"1"}}`, Field: "retry_after"},
		},
	},
	{
		Kind:  "degrade",
		Short: `{"degrade":"gone","percent":0.0001}`,
		Long: `{"name":"","kind":"degrade","phase":"after","percent":0.0001,` +
			`"attributes":{"body":"gone"},"enabled":true}`,
		Phases: map[faults.Phase]string{
			faults.Before: `{"body":{"data":[]},"headers":{"X-Service-Mode":"fallback"}}`,
			faults.After:  `{"merge":{"data":null},"otherwise":"abort","headers":{"X-A":"b"}}`,
		},
		Accepted: []string{
			`{"body":null}`, `{"body":[]}`, `{"merge":{}}`, `{"merge":{"a":[null,{"b":1}]}}`, `{"merge":{"a":null},"otherwise":"pass"}`,
		},
		Free: []string{"body"},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`},
			{Attributes: `{"body":1,"merge":{}}`},
			{Attributes: `{"merge":{}}`, Phase: faults.Before, Field: "merge"},
			{Attributes: `{"merge":{"a":[{"b":{"c":null}}]}}`, Field: "merge"},
			{Attributes: `{"merge":[{"b":null}]}`, Field: "merge"},
			{Attributes: `{"merge":{},"otherwise":"fail"}`, Field: "otherwise"},
			{Attributes: `{"body":1,"otherwise":"pass"}`, Field: "otherwise"},
			{Attributes: `{"body":1,"headers":{"Transfer-Encoding":"chunked"}}`, Field: "headers.Transfer-Encoding"},
			{Attributes: `{"patch":[]}`, Field: "patch"},
			{Attributes: `{"lists":0}`, Field: "lists"},
			{Attributes: `{"drop":["/a"]}`, Field: "drop"},
			{Attributes: `{"null":["/a"]}`, Field: "null"},
			{Attributes: `{"stale":"5m"}`, Field: "stale"},
		},
	},
	{
		Kind:  "corrupt",
		Short: `{"corrupt":3}`,
		Long: `{"name":"","kind":"corrupt","phase":"after","percent":100,` +
			`"attributes":{"bytes":3},"enabled":true}`,
		Phases: map[faults.Phase]string{
			faults.Before: `{"fraction":0.5,"where":"random","side":"request"}`,
			faults.After:  `{"bytes":3}`,
		},
		Accepted: []string{
			`{"bytes":1}`, `{"bytes":9007199254740991,"where":"start"}`, `{"bytes":"1KB","where":"end","side":"response"}`,
			`{"fraction":1}`, `{"fraction":1e-300}`, `{"bytes":1,"fraction":0}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "bytes"},
			{Attributes: `{"bytes":0}`, Field: "bytes"},
			{Attributes: `{"bytes":-1}`, Field: "bytes"},
			{Attributes: `{"bytes":9007199254740992}`, Field: "bytes"},
			{Attributes: `{"bytes":0.5}`, Field: "bytes"},
			{Attributes: `{"fraction":-0.1}`, Field: "fraction"},
			{Attributes: `{"fraction":1.0001}`, Field: "fraction"},
			{Attributes: `{"fraction":"0.5"}`, Field: "fraction"},
			{Attributes: `{"bytes":1,"fraction":0.5}`, Field: "fraction"},
			{Attributes: `{"bytes":1,"where":"middle"}`, Field: "where"},
			{Attributes: `{"bytes":1,"side":"both"}`, Field: "side"},
			{Attributes: `{"bytes":1,"side":"request"}`, Phase: faults.After, Field: "side"},
			{Attributes: `{"bytes":1}`, Phase: faults.Before, Field: "side"},
		},
	},
	{
		Kind:  "throttle",
		Short: `{"throttle":"10KB"}`,
		Long: `{"name":"","kind":"throttle","phase":"before","percent":100,` +
			`"attributes":{"rate":10000},"enabled":true}`,
		Phases: map[faults.Phase]string{faults.Before: `{"rate":1000,"side":"both","scope":"rule"}`},
		Accepted: []string{
			`{"rate":1}`, `{"rate":9007199254740991}`, `{"rate":"1MB","side":"response","scope":"exchange"}`,
			`{"rate":1,"side":"request"}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "rate"},
			{Attributes: `{"rate":0}`, Field: "rate"},
			{Attributes: `{"rate":-1}`, Field: "rate"},
			{Attributes: `{"rate":9007199254740992}`, Field: "rate"},
			{Attributes: `{"rate":"10KB/s"}`, Field: "rate"},
			{Attributes: `{"rate":1,"side":"upstream"}`, Field: "side"},
			{Attributes: `{"rate":1,"scope":"proxy"}`, Field: "scope"},
		},
	},
	{
		Kind:  "drip",
		Short: `{"drip":10}`,
		Long: `{"name":"","kind":"drip","phase":"after","percent":100,` +
			`"attributes":{"chunk":10,"interval":"100ms"},"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.After: `{"chunk":1,"interval":"1s"}`},
		Accepted: []string{`{"chunk":1}`, `{"chunk":9007199254740991,"interval":"24h"}`, `{"chunk":"1KB","interval":"1ns"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "chunk"},
			{Attributes: `{"chunk":0}`, Field: "chunk"},
			{Attributes: `{"chunk":-1}`, Field: "chunk"},
			{Attributes: `{"chunk":9007199254740992}`, Field: "chunk"},
			{Attributes: `{"chunk":1,"interval":"0s"}`, Field: "interval"},
			{Attributes: `{"chunk":1,"interval":"24h1ns"}`, Field: "interval"},
			{Attributes: `{"chunk":1,"interval":1}`, Field: "interval"},
		},
	},
	{
		Kind:  "truncate",
		Short: `{"truncate":"10KB"}`,
		Long: `{"name":"","kind":"truncate","phase":"after","percent":100,` +
			`"attributes":{"after":10000},"enabled":true}`,
		Phases: map[faults.Phase]string{faults.After: `{"after":0.25,"how":"hang"}`},
		Accepted: []string{
			`{"after":0}`, `{"after":"0"}`, `{"after":9007199254740991}`, `{"after":"9007199GB","how":"close"}`,
			`{"after":0.0001}`, `{"after":0.9999}`, `{"after":1e-300}`, `{"after":"12 MB","how":"reset"}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "after"},
			{Attributes: `{"after":null}`, Field: "after"},
			{Attributes: `{"after":-1}`, Field: "after"},
			{Attributes: `{"after":"-1KB"}`, Field: "after"},
			{Attributes: `{"after":9007199254740992}`, Field: "after"},
			{Attributes: `{"after":"9007200GB"}`, Field: "after"},
			{Attributes: `{"after":"18446744074GB"}`, Field: "after"}, // 290,448,384 in 64 bits
			{Attributes: `{"after":99999999999999999999}`, Field: "after"},
			{Attributes: `{"after":"KB"}`, Field: "after"},
			{Attributes: `{"after":"10kb"}`, Field: "after"},
			{Attributes: `{"after":"1.5KB"}`, Field: "after"},
			{Attributes: `{"after":"0.5"}`, Field: "after"},
			{Attributes: `{"after":0.0}`, Field: "after"},
			{Attributes: `{"after":1.0}`, Field: "after"},
			{Attributes: `{"after":1e3}`, Field: "after"},
			{Attributes: `{"after":-0.5}`, Field: "after"},
			{Attributes: `{"after":[1]}`, Field: "after"},
			{Attributes: `{"after":1,"how":"fin"}`, Field: "how"},
		},
	},
	{
		Kind:  "reset",
		Short: `{"reset":"head","percent":5}`,
		Long: `{"name":"","kind":"reset","phase":"before","percent":5,` +
			`"attributes":{"at":"head"},"enabled":true}`,
		Phases: map[faults.Phase]string{
			faults.Before: `{"at":"head"}`,
			faults.After:  `{"at":"body","after":100}`,
		},
		Accepted: []string{
			`{}`, `{"at":"start"}`, `{"at":"head","after":0}`, `{"at":"body"}`, `{"at":"body","after":9007199254740991}`,
			`{"at":"body","after":"1MB"}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{"at":"end"}`, Field: "at"},
			{Attributes: `{"at":1}`, Field: "at"},
			{Attributes: `{"at":"body"}`, Phase: faults.Before, Field: "at"},
			{Attributes: `{"after":1}`, Field: "after"},
			{Attributes: `{"at":"head","after":1}`, Phase: faults.After, Field: "after"},
			{Attributes: `{"at":"body","after":-1}`, Field: "after"},
			{Attributes: `{"at":"body","after":9007199254740992}`, Field: "after"},
			{Attributes: `{"at":"body","after":0.5}`, Field: "after"},
			{Attributes: `{"at":"body","after":true}`, Field: "after"},
		},
	},
	{
		Kind:     "empty",
		Short:    `{"empty":{},"first":1}`,
		Long:     `{"name":"","kind":"empty","phase":"before","percent":100,"attributes":{},"first":1,"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{}`, faults.After: `{}`},
		Accepted: []string{`{}`},
	},
	{
		Kind:  "malformed",
		Short: `{"malformed":"chunk"}`,
		Long: `{"name":"","kind":"malformed","phase":"before","percent":100,` +
			`"attributes":{"as":"chunk"},"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{"as":"garbage"}`},
		Accepted: []string{`{"as":"status_line"}`, `{"as":"header"}`, `{"as":"chunk"}`, `{"as":"garbage"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "as"},
			{Attributes: `{"as":"body"}`, Field: "as"},
			{Attributes: `{"as":5}`, Field: "as"},
		},
	},
	{
		Kind:  "blackhole",
		Short: `{"blackhole":"5s"}`,
		Long: `{"name":"","kind":"blackhole","phase":"before","percent":100,` +
			`"attributes":{"for":"5s"},"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{}`, faults.After: `{"for":"1s"}`},
		Accepted: []string{`{}`, `{"for":"0s"}`, `{"for":"24h"}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{"for":"24h1s"}`, Field: "for"},
			{Attributes: `{"for":"-1s"}`, Field: "for"},
			{Attributes: `{"for":true}`, Field: "for"},
		},
	},
	{
		Kind:  "rate_limit",
		Short: `{"rate_limit":10}`,
		Long: `{"name":"","kind":"rate_limit","phase":"before","percent":100,` +
			`"attributes":{"rate":10},"enabled":true}`,
		Phases: map[faults.Phase]string{faults.Before: `{"rate":0,"per":"1m","headers":true}`},
		Accepted: []string{
			`{"rate":0}`, `{"rate":1000000}`, `{"rate":1,"per":"1ms"}`, `{"rate":1,"per":"24h"}`, `{"rate":1000,"per":"1ms","burst":1000000}`,
			`{"rate":1,"per":"24h","burst":366}`, `{"rate":1,"key":"header:X-Tenant","policy":"pace"}`, `{"rate":1,"status":200,"policy":"reject"}`,
			`{"rate":1,"status":599,"retry_after":86400,"headers":true}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "rate"},
			{Attributes: `{"rate":-1}`, Field: "rate"},
			{Attributes: `{"rate":1000001}`, Field: "rate"},
			{Attributes: `{"rate":1001,"per":"1ms"}`, Field: "rate"},
			{Attributes: `{"rate":0.5}`, Field: "rate"},
			{Attributes: `{"rate":0,"policy":"pace"}`, Field: "rate"},
			{Attributes: `{"rate":1,"per":"999us"}`, Field: "per"},
			{Attributes: `{"rate":1,"per":"24h1ns"}`, Field: "per"},
			{Attributes: `{"rate":1,"burst":1000001}`, Field: "burst"},
			{Attributes: `{"rate":0,"burst":1}`, Field: "burst"},
			{Attributes: `{"rate":1,"per":"24h","burst":367}`, Field: "burst"},
			{Attributes: `{"rate":1,"policy":"pace","burst":1}`, Field: "burst"},
			{Attributes: `{"rate":1,"key":"cookie"}`, Field: "key"},
			{Attributes: `{"rate":1,"policy":"queue"}`, Field: "policy"},
			{Attributes: `{"rate":1,"status":199}`, Field: "status"},
			{Attributes: `{"rate":1,"status":600}`, Field: "status"},
			{Attributes: `{"rate":1,"policy":"pace","status":429}`, Field: "status"},
			{Attributes: `{"rate":1,"retry_after":86401}`, Field: "retry_after"},
			{Attributes: `{"rate":1,"retry_after":-1}`, Field: "retry_after"},
			{Attributes: `{"rate":1,"policy":"pace","retry_after":1}`, Field: "retry_after"},
			{Attributes: `{"rate":1,"policy":"pace","headers":true}`, Field: "headers"},
		},
	},
	{
		Kind:  "concurrency",
		Short: `{"concurrency":2}`,
		Long: `{"name":"","kind":"concurrency","phase":"before","percent":100,` +
			`"attributes":{"max":2},"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{"max":0,"status":429}`},
		Accepted: []string{`{"max":0}`, `{"max":1000000,"queue":1000000,"status":599}`, `{"max":1,"queue":0,"status":200}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "max"},
			{Attributes: `{"max":-1}`, Field: "max"},
			{Attributes: `{"max":1000001}`, Field: "max"},
			{Attributes: `{"max":1,"queue":1000001}`, Field: "queue"},
			{Attributes: `{"max":0,"queue":1}`, Field: "queue"},
			{Attributes: `{"max":1,"status":199}`, Field: "status"},
			{Attributes: `{"max":1,"status":600}`, Field: "status"},
		},
	},
	{
		Kind:     "goaway",
		Short:    `{"goaway":{},"every":10}`,
		Long:     `{"name":"","kind":"goaway","phase":"before","percent":100,"attributes":{},"every":10,"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{}`},
		Accepted: []string{`{}`},
	},
	{
		Kind:  "trailers",
		Short: `{"trailers":{"drop":"all","set":{"X-Sum":"0"}}}`,
		Long: `{"name":"","kind":"trailers","phase":"after","percent":100,` +
			`"attributes":{"drop":"all","set":{"X-Sum":"0"}},"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.After: `{"drop":["X-Sum","grpc-status"],"set":{"X-A":"1","X-B":"2"}}`},
		Accepted: []string{`{"drop":"all"}`, `{"drop":["ETag"]}`, `{"set":{"ETag":""}}`, `{"drop":null,"set":{"a":"b"}}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`},
			{Attributes: `{"set":{}}`},
			{Attributes: `{"drop":"X-Sum"}`, Field: "drop"},
			{Attributes: `{"drop":true}`, Field: "drop"},
			{Attributes: `{"drop":[]}`, Field: "drop"},
			{Attributes: `{"drop":["a","a b"]}`, Field: "drop[1]"},
			{Attributes: `{"drop":["Content-Length"]}`, Field: "drop[0]"},
			{Attributes: `{"set":{"a":"b\r\nc: d"}}`, Field: "set.a"},
			{Attributes: `{"set":{"Transfer-Encoding":"chunked"}}`, Field: "set.Transfer-Encoding"},
			{Attributes: `{"set":{"set-cookie":"a"}}`, Field: "set.set-cookie"},
			{Attributes: `{"set":{"Authorization":"a"}}`, Field: "set.Authorization"},
		},
	},
	{
		Kind:  "duplicate",
		Short: `{"duplicate":2,"match":{"methods":["POST"]}}`,
		Long: `{"name":"","kind":"duplicate","phase":"before","match":{"methods":["POST"]},"percent":100,` +
			`"attributes":{"times":2},"enabled":true}`,
		Phases:   map[faults.Phase]string{faults.Before: `{}`},
		Accepted: []string{`{}`, `{"times":1}`, `{"times":100}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{"times":0}`, Field: "times"},
			{Attributes: `{"times":-1}`, Field: "times"},
			{Attributes: `{"times":101}`, Field: "times"},
			{Attributes: `{"times":"2"}`, Field: "times"},
		},
	},
	{
		Kind:  "tls",
		Short: `{"tls":"expired","match":{"sni":"stock.test","source":"127.0.0.1"}}`,
		Long: `{"name":"","kind":"tls","phase":"handshake","match":{"source":"127.0.0.1","sni":"stock.test"},"percent":100,` +
			`"attributes":{"as":"expired"},"enabled":true}`,
		Phases: map[faults.Phase]string{faults.Handshake: `{"as":"stall","for":"1s"}`},
		Accepted: []string{
			`{"as":"expired"}`, `{"as":"wrong_name"}`, `{"as":"self_signed"}`, `{"as":"incomplete_chain"}`, `{"as":"stall"}`,
			`{"as":"stall","for":"24h"}`, `{"as":"alert"}`, `{"as":"alert","alert":"no_application_protocol"}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "as"},
			{Attributes: `{"as":"revoked"}`, Field: "as"},
			{Attributes: `{"as":"stall","for":"24h0m0.000000001s"}`, Field: "for"},
			{Attributes: `{"as":"stall","for":"-1s"}`, Field: "for"},
			{Attributes: `{"as":"alert","for":"1s"}`, Field: "for"},
			{Attributes: `{"as":"expired","alert":"handshake_failure"}`, Field: "alert"},
			{Attributes: `{"as":"alert","alert":"handshake"}`, Field: "alert"},
			{Attributes: `{"as":"alert","alert":"close_notify"}`, Field: "alert"},
		},
	},
	{
		Kind:  "headers",
		Short: `{"headers":{"request":{"set":{"X-A":"1"}}},"shadow":true}`,
		Long: `{"name":"","kind":"headers","phase":"before","percent":100,` +
			`"attributes":{"request":{"set":{"X-A":"1"}}},"enabled":true,"shadow":true}`,
		Phases: map[faults.Phase]string{
			faults.Before: `{"request":{"set":{"X-A":"1","X-B":"2"},"remove":["Cookie"]},"response":{"add":{"X-C":"3"}}}`,
			faults.After:  `{"response":{"remove":["ETag","Last-Modified"]}}`,
		},
		Accepted: []string{`{"request":{"remove":["a"]}}`, `{"response":{"set":{"a":""},"add":{"a":"\t"}}}`},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`},
			{Attributes: `{"request":{"remove":["a"]}}`, Phase: faults.After, Field: "request"},
			{Attributes: `{"request":{}}`, Field: "request"},
			{Attributes: `{"response":{"set":{}}}`, Field: "response"},
			{Attributes: `{"request":{"set":{"a b":"1"}}}`, Field: `request.set["a b"]`},
			{Attributes: `{"request":{"add":{"a":"\u0000"}}}`, Field: "request.add.a"},
			{Attributes: `{"request":{"set":{"a":"1","A":"2"}}}`, Field: "request.set.a"},
			{Attributes: `{"response":{"remove":["x","connection"]}}`, Field: "response.remove[1]"},
		},
	},
}

func TestEveryKindConforms(t *testing.T) {
	described := map[string]bool{}
	for _, c := range cases {
		described[c.Kind] = true
		t.Run(c.Kind, func(t *testing.T) { faultstest.Test(t, c) })
	}
	for _, k := range faults.Kinds() {
		switch {
		case !k.Available():
			t.Run(k.Name, func(t *testing.T) { faultstest.TestUnavailable(t, k.Name) })
		case !described[k.Name]:
			t.Errorf("%s is available, but no case describes it", k.Name)
		}
	}
}
