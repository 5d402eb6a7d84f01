package tcp_test

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// TestExactTimes of toxics, alone and stacked, at the client of an upstream that sends. Times are equal, not close.
func TestExactTimes(t *testing.T) {
	for _, test := range []struct {
		rules []string
		steps []step
		want  string
	}{
		{nil, every(20*ms, "a", "b"), "0s:a 20ms:b 40ms:FIN"},
		{[]string{`{"latency":"300ms"}`}, every(20*ms, "a", "b"), "300ms:a 320ms:b 340ms:FIN"},
		{[]string{`{"latency":"24h"}`}, every(20*ms, "a"), "24h0m0s:a 24h0m0.02s:FIN"},
		{[]string{`{"latency":"1ns"}`}, every(20*ms, "a"), "1ns:a 20.000001ms:FIN"},
		{[]string{`{"latency":"1s","stream":"upstream"}`}, every(20*ms, "a"), "0s:a 20ms:FIN"},
		{[]string{`{"latency":"300ms"}`, `{"name":"2","latency":"300ms"}`}, every(20*ms, "a", "b"), "600ms:a 620ms:b 640ms:FIN"},
		{[]string{`{"bandwidth":100}`}, every(0, "abcdef"), "20ms:ab 40ms:cd 60ms:ef 60ms:FIN"},
		{[]string{`{"bandwidth":100}`}, every(time.Second, "ab", "c"), "20ms:ab 1.01s:c 2s:FIN"},
		{[]string{`{"latency":"1s"}`, `{"bandwidth":100}`}, every(0, "abcdef"), "1.02s:ab 1.04s:cd 1.06s:ef 1.06s:FIN"},
		{[]string{`{"bandwidth":100}`, `{"latency":"1s"}`}, every(0, "abcdef"), "1.02s:ab 1.04s:cd 1.06s:ef 1.06s:FIN"},
		{[]string{`{"bandwidth":{"rate":100,"scope":"proxy"}}`}, every(0, "abcdef"), "0s:ab 15ms:cd 35ms:ef 35ms:FIN"},
		{[]string{`{"slicer":{"average_size":2,"delay":"10ms"}}`}, every(0, "abcde"), "0s:ab 10ms:cd 20ms:e 30ms:FIN"},
		{
			[]string{`{"slicer":{"average_size":2,"delay":"10ms"}}`, `{"latency":"1s"}`},
			every(0, "abcde"),
			"1s:ab 1.01s:cd 1.02s:e 1.03s:FIN",
		},
		{[]string{`{"slow_close":"1s"}`}, every(20*ms, "a"), "0s:a 1.02s:FIN"},
		{[]string{`{"slow_close":"1s"}`, `{"latency":"2s"}`}, every(20*ms, "a"), "2s:a 3.02s:FIN"},
		{[]string{`{"slow_close":"1s"}`, `{"name":"2","slow_close":"2s"}`}, every(20*ms, "a"), "0s:a 3.02s:FIN"},
		{[]string{`{"limit_data":3}`}, every(20*ms, "ab", "cd"), "0s:ab 20ms:c 20ms:FIN"},
		{[]string{`{"limit_data":0}`}, every(20*ms, "ab"), "0s:FIN"},
		{[]string{`{"latency":"1s"}`, `{"limit_data":3}`}, every(20*ms, "ab", "cd"), "1s:ab 1.02s:c 1.02s:FIN"},
		{[]string{`{"limit_time":"50ms"}`}, every(20*ms, "a", "b", "c"), "0s:a 20ms:b 40ms:c 50ms:FIN"},
		{[]string{`{"timeout":"1s"}`}, every(2 * time.Second), "0s:FIN"},
		{[]string{`{"timeout":"1s"}`}, []step{{at: 2 * time.Second, rules: []string{}}}, "1s:FIN"},
		{[]string{`{"reset_peer":"1s"}`}, every(20*ms, "a"), "1s:RST"},
		{[]string{`{"reset_peer":"0s"}`}, nil, "0s:RST"},
		{
			[]string{`{"stall":{"every":"100ms","for":"30ms"}}`},
			every(50*ms, "a", "b", "c", "d", "e"),
			"0s:a 50ms:b 130ms:c 150ms:d 230ms:e 250ms:FIN",
		},
		{[]string{`{"noop":{}}`}, every(20*ms, "a"), "0s:a 20ms:FIN"},
		{[]string{`{"latency":"1s","percent":0}`, `{"name":"2","latency":"1s","shadow":true}`}, every(20*ms, "a"), "0s:a 20ms:FIN"},
	} {
		if got := downstream(t, test.steps, test.rules...); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.rules, got, test.want)
		}
	}
}

// TestChangesInMidFlow hold at once, for what waits, too; nothing is lost, and nothing overtakes.
func TestChangesInMidFlow(t *testing.T) {
	const latency, raised = `{"name":"a","latency":"1s"}`, `{"name":"a","latency":"3s"}`
	for _, test := range []struct {
		name  string
		rules []string
		steps []step
		want  string
	}{
		{"a latency comes", nil, changed(every(100*ms, "a", "b", "c"), 150*ms, latency), "0s:a 100ms:b 1.2s:c 1.3s:FIN"},
		{"a latency goes", []string{latency}, changed(every(400*ms, "a", "b", "c"), 500*ms), "500ms:ab 800ms:c 1.2s:FIN"},
		{"a latency is raised", []string{latency}, changed(every(600*ms, "a", "b", "c"), 700*ms, raised), "3s:a 3.6s:b 4.2s:c 4.8s:FIN"},
		{"a latency is lowered", []string{raised}, changed(every(600*ms, "a", "b", "c"), 1300*ms, latency), "1.3s:a 1.6s:b 2.2s:c 2.8s:FIN"},
		{"another one comes", []string{latency}, changed(every(0, "a"), 500*ms, latency, `{"name":"b","latency":"2s"}`), "3s:a 3s:FIN"},
		{"a latency is switched off", []string{latency}, changed(every(0, "a"), 500*ms, `{"name":"a","latency":"1s","enabled":false}`), "500ms:a 500ms:FIN"},
		{"its percentage is lowered", []string{latency}, changed(every(0, "a"), 500*ms, `{"name":"a","latency":"1s","percent":0}`), "500ms:a 500ms:FIN"},
		{"its stream is another", []string{latency}, changed(every(0, "a"), 500*ms, `{"name":"a","latency":"1s","stream":"upstream"}`), "500ms:a 500ms:FIN"},
		{"a rate is raised", []string{`{"bandwidth":100}`}, changed(every(0, "abcdefgh"), 50*ms, `{"bandwidth":200}`), "20ms:ab 40ms:cd 60ms:efgh 60ms:FIN"},
		{"a rate is lowered", []string{`{"bandwidth":100}`}, changed(every(0, "abcdef"), 50*ms, `{"bandwidth":10}`), "20ms:ab 40ms:cd 140ms:e 240ms:f 240ms:FIN"},
		{"a stop is lifted", []string{`{"bandwidth":0}`}, changed(every(100*ms, "a", "b"), time.Second), "1s:ab 1s:FIN"},
		{"a slicer goes", []string{`{"slicer":{"average_size":1,"delay":"100ms"}}`}, changed(every(0, "abcdef"), 150*ms), "0s:a 100ms:b 150ms:cdef 150ms:FIN"},
		{"a slow close goes", []string{`{"slow_close":"1s"}`}, changed(every(100*ms, "a"), 500*ms), "0s:a 500ms:FIN"},
		{"a slow close comes", nil, changed(every(100*ms, "a"), 50*ms, `{"slow_close":"1s"}`), "0s:a 1.1s:FIN"},
		{"a limit is raised", []string{`{"limit_data":3}`}, changed(every(100*ms, "ab", "cd", "ef"), 50*ms, `{"limit_data":5}`), "0s:ab 100ms:cd 200ms:e 200ms:FIN"},
		{"a limit has been passed", []string{`{"limit_data":9}`}, changed(every(100*ms, "ab", "cd", "ef"), 50*ms, `{"limit_data":1}`), "0s:ab 100ms:FIN"},
		{"a time limit is moved", []string{`{"limit_time":"1s"}`}, []step{{at: 500 * ms, rules: []string{`{"limit_time":"2s"}`}}}, "2s:FIN"},
		{"a time limit is over", []string{`{"limit_time":"1s"}`}, []step{{at: 500 * ms, rules: []string{`{"limit_time":"400ms"}`}}}, "500ms:FIN"},
		{"a timeout goes", []string{`{"timeout":"0s"}`}, []step{{at: 0, send: "lost"}, {at: time.Second, rules: nil}}, "1s:FIN"},
		{"a timeout is moved", []string{`{"timeout":"1s"}`}, []step{{at: 500 * ms, rules: []string{`{"timeout":"3s"}`}}}, "3s:FIN"},
		{"a reset goes", []string{`{"reset_peer":"1h"}`}, []step{{at: 0, send: "lost"}, {at: time.Second, rules: nil}}, "1s:RST"},
		{"a reset comes", nil, changed(every(100*ms, "a", "b"), 50*ms, `{"reset_peer":"20ms"}`)[:2], "0s:a 70ms:RST"},
		{"a stall comes", nil, changed(every(100*ms, "a", "b"), 50*ms, `{"stall":{"every":"40ms","for":"20ms"}}`), "0s:a 110ms:b 200ms:FIN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := downstream(t, test.steps, test.rules...); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestBothDirections are shaped each for itself, and end each for itself: what the upstream answers behind the end of the
// question arrives.
func TestBothDirections(t *testing.T) {
	rules := []string{`{"name":"up","latency":"1s","stream":"upstream"}`, `{"name":"down","latency":"300ms"}`}
	inBubble(t, func(b *bubble) {
		go b.play(b.client, every(100*ms, "a", "b"))
		if got, want := b.arrivals(b.upstream), "1s:a 1.1s:b 1.2s:FIN"; got != want {
			t.Errorf("at the upstream: got %s, want %s", got, want)
		}
		go b.play(b.upstream, []step{{at: 2 * time.Second, send: "c"}, {at: 3 * time.Second, end: true}})
		if got, want := b.arrivals(b.client), "2.3s:c 3.3s:FIN"; got != want {
			t.Errorf("at the client: got %s, want %s", got, want)
		}
	}, rules...)
}

// TestConnectIsDelayed before the upstream is dialled, and what the client has sent meanwhile is kept.
func TestConnectIsDelayed(t *testing.T) {
	inBubble(t, func(b *bubble) {
		if at := time.Since(b.begun); at != 2*time.Second {
			t.Errorf("the upstream is dialled after %v", at)
		}
		go b.play(b.client, []step{{at: 0, send: "a"}, {at: 3 * time.Second, end: true}})
		if got, want := b.arrivals(b.upstream), "2.1s:a 3.1s:FIN"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}, `{"connect":{"as":"delay","latency":"2s"}}`, `{"latency":"100ms","stream":"upstream"}`)
}
