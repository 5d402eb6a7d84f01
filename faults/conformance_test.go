package faults_test

import (
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
			faults.After:  `{"latency":"1s"}`,
		},
		Accepted: []string{
			`{"latency":"1ns"}`, `{"latency":"24h"}`, `{"jitter":"24h"}`,
			`{"latency":"1s","jitter":"0s","distribution":"uniform","mode":"add"}`,
		},
		Refused: []faultstest.Refusal{
			{Attributes: `{}`, Field: "latency"},
			{Attributes: `{"latency":"0s"}`, Field: "latency"},
			{Attributes: `{"latency":"-1ns"}`, Field: "latency"},
			{Attributes: `{"latency":"24h0m0.000000001s"}`, Field: "latency"},
			{Attributes: `{"latency":300}`, Field: "latency"},
			{Attributes: `{"latency":"1s","jitter":"25h"}`, Field: "jitter"},
			{Attributes: `{"latency":"1s","jitter":"-1s"}`, Field: "jitter"},
			{Attributes: `{"latency":"1s","distribution":"normal"}`, Field: "distribution"},
			{Attributes: `{"latency":"1s","mode":"floor"}`, Field: "mode"},
			{Attributes: `{"p50":"1s"}`, Field: "p50"},
			{Attributes: `{"p99":"1s"}`, Field: "p99"},
			{Attributes: `{"quantiles":[]}`, Field: "quantiles"},
			{Attributes: `{"latency":"1s","alpha":3}`, Field: "alpha"},
			{Attributes: `{"latency":"1s","max":"1s"}`, Field: "max"},
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
			{Attributes: `{"status":503,"retry_after":1}`, Field: "retry_after"},
			{Attributes: `{"status":200,"grpc_status":0}`, Field: "grpc_status"},
			{Attributes: `{"status":200,"grpc_message":"a"}`, Field: "grpc_message"},
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
