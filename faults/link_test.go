package faults

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// tcpSet compiles rules for a TCP proxy, and gives their counters.
func tcpSet(t *testing.T, rules ...string) (*Set, []*Counter) {
	t.Helper()
	return setOf(t, rules...)
}

func tcpView(nth uint64) *View {
	return &View{Proxy: "redis", Source: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Connection: 100 + nth, Nth: nth, Now: start}
}

// stream plays reads to a link, at a time each, with nothing late, and writes down what went when: "20ms:100" for 100 bytes
// 20 ms after the start, "x" behind what is dropped, "FIN" for the end of the stream, "close" and "reset" for the
// connection's.
func stream(l *Link, reads ...int) string { return streamEvery(l, 0, reads...) }

// streamEvery has the reads come so long after one another.
func streamEvery(l *Link, every time.Duration, reads ...int) string {
	var out []string
	now := start
	for i, size := range reads {
		h := Head{Number: uint64(i + 1), Bytes: size, Arrived: start.Add(time.Duration(i) * every)}
		now = latest(now, h.Arrived)
		for first := true; first || h.Bytes > 0; first = false {
			p := l.Next(h, now)
			for p.At.After(now) && p.At.Sub(start) < time.Hour {
				now = p.At
				p = l.Next(h, now)
			}
			now = latest(now, p.At)
			out = append(out, spelt(p))
			l.Sent(p, now)
			if p.Then != LinkGoesOn || now.Sub(start) > time.Hour {
				return strings.Join(out, " ")
			}
			h.Bytes -= p.Bytes
		}
	}
	return strings.Join(out, " ")
}

func spelt(p Piece) string {
	text := fmt.Sprintf("%v:%d", p.At.Sub(start), p.Bytes)
	if p.Head.Bytes == 0 {
		text = fmt.Sprintf("%v:FIN", p.At.Sub(start))
	}
	if p.Drop {
		text += "x"
	}
	return text + map[LinkEnd]string{LinkGoesOn: "", LinkCloses: ":close", LinkResets: ":reset"}[p.Then]
}

func TestToxicsShapeToTheNanosecond(t *testing.T) {
	for _, test := range []struct {
		rules []string
		every time.Duration
		reads []int
		want  string
	}{
		{nil, 0, []int{5, 0}, "0s:5 0s:FIN"},
		{[]string{`{"name":"a","latency":"300ms"}`}, 20 * time.Millisecond, []int{5, 6, 0}, "300ms:5 320ms:6 340ms:FIN"},
		// D10 of Toxiproxy: stacked latencies add up, and do not collapse.
		{
			[]string{`{"name":"a","latency":"300ms"}`, `{"name":"b","latency":"300ms"}`},
			20 * time.Millisecond,
			[]int{1, 2, 3, 4, 5},
			"600ms:1 620ms:2 640ms:3 660ms:4 680ms:5",
		},
		{[]string{`{"name":"a","bandwidth":1000}`}, 0, []int{60, 0}, "25ms:25 50ms:25 60ms:10 60ms:FIN"},
		{[]string{`{"name":"a","bandwidth":0}`}, 0, []int{60}, "876000h0m0s:60"},
		{
			[]string{`{"name":"a","latency":"1s"}`, `{"name":"b","bandwidth":1000}`},
			0,
			[]int{30, 0},
			"1.025s:25 1.03s:5 1.03s:FIN",
		},
		// What stands behind a toxic does not slow it down: the pieces have left it when they are on their way.
		{
			[]string{`{"name":"b","bandwidth":1000}`, `{"name":"a","latency":"1s"}`},
			0,
			[]int{60, 0},
			"1.025s:25 1.05s:25 1.06s:10 1.06s:FIN",
		},
		{
			[]string{`{"name":"b","bandwidth":{"rate":1000,"scope":"proxy"}}`, `{"name":"a","latency":"1s"}`},
			0,
			[]int{60},
			"1s:25 1.025s:25 1.035s:10",
		},
		{
			[]string{`{"name":"a","latency":"1s"}`, `{"name":"b","bandwidth":{"rate":1000,"scope":"proxy"}}`},
			0,
			[]int{60},
			"1s:25 1.025s:25 1.035s:10",
		},
		{
			[]string{`{"name":"a","slicer":{"average_size":3,"delay":"10ms"}}`, `{"name":"b","latency":"1s"}`},
			0,
			[]int{7, 2},
			"1s:3 1.01s:3 1.02s:1 1.03s:2",
		},
		{
			[]string{`{"name":"a","bandwidth":1000}`, `{"name":"b","bandwidth":500}`},
			0,
			[]int{30},
			"36ms:12 60ms:12 72ms:6",
		},
		{[]string{`{"name":"a","slow_close":"1s"}`}, 0, []int{7, 0}, "0s:7 1s:FIN"},
		{[]string{`{"name":"a","slicer":{"average_size":3,"delay":"10ms"}}`}, 0, []int{7, 2}, "0s:3 10ms:3 20ms:1 30ms:2"},
		{[]string{`{"name":"a","limit_data":9}`}, 0, []int{7, 7}, "0s:7 0s:2:close"},
		{[]string{`{"name":"a","limit_data":7}`}, 0, []int{7, 7}, "0s:7:close"},
		{[]string{`{"name":"a","limit_data":0}`}, 0, []int{7}, "0s:0:close"},
		{[]string{`{"name":"a","limit_data":0}`}, 0, []int{0}, "0s:FIN"},
		{[]string{`{"name":"a","timeout":"1s"}`}, 0, []int{7, 0}, "0s:7x 0s:FINx"},
		{
			[]string{`{"name":"a","stall":{"every":"100ms","for":"30ms"}}`},
			50 * time.Millisecond,
			[]int{1, 2, 3, 4, 5},
			"0s:1 50ms:2 130ms:3 150ms:4 230ms:5",
		},
		{
			[]string{`{"name":"a","stall":{"every":"100ms","for":"30ms"}}`, `{"name":"b","latency":"1s"}`},
			50 * time.Millisecond,
			[]int{1, 2, 3, 4, 5},
			"1s:1 1.05s:2 1.13s:3 1.15s:4 1.23s:5",
		},
		{[]string{`{"name":"a","noop":{}}`, `{"name":"b","latency":"1s","stream":"upstream"}`}, 0, []int{7}, "0s:7"},
		{[]string{`{"name":"a","latency":"1s","percent":0}`, `{"name":"b","latency":"1s","shadow":true}`}, 0, []int{7}, "0s:7"},
		{[]string{`{"name":"a","latency":"1s","match":{"nth":2}}`}, 0, []int{7}, "0s:7"},
		{[]string{`{"name":"a","latency":"1s","match":{"nth":1,"source":"127.0.0.0/8"}}`}, 0, []int{7}, "1s:7"},
	} {
		set, _ := tcpSet(t, test.rules...)
		l := set.Link(tcpView(1), Downstream)
		if got := streamEvery(l, test.every, test.reads...); got != test.want {
			t.Errorf("%s: got %s, want %s", test.rules, got, test.want)
		}
		l.Done()
	}
}

// TestLateWritersKeepTheRate: what could not be written in time is made up for, 25 ms worth at most.
func TestLateWritersKeepTheRate(t *testing.T) {
	set, _ := tcpSet(t, `{"name":"a","bandwidth":1000}`)
	l := set.Link(tcpView(1), Downstream)
	defer l.Done()
	h := Head{Number: 1, Bytes: 1000, Arrived: start}
	now := start
	var got []time.Duration
	for _, late := range []time.Duration{3, 0, 25, 100, 0, 0} {
		p := l.Next(h, now)
		got = append(got, p.At.Sub(start)/time.Millisecond)
		now = latest(now, p.At.Add(late*time.Millisecond))
		l.Sent(p, now)
		h.Bytes -= p.Bytes
	}
	want := []time.Duration{25, 50, 75, 100, 200, 225} // 100 ms late at 100: 175 is what has been made up for
	if !slices.Equal(got, want) {
		t.Errorf("pieces at %v ms, want %v", got, want)
	}
}

func TestDeadlines(t *testing.T) {
	for rules, want := range map[string]string{
		``:                               "never",
		`{"name":"a","timeout":"0s"}`:    "never",
		`{"name":"a","timeout":"2s"}`:    "2s 1",
		`{"name":"a","reset_peer":{}}`:   "0s 2",
		`{"name":"a","limit_time":"3s"}`: "3s 1",
		`{"name":"a","limit_time":"3s"} {"name":"b","timeout":"2s"} {"name":"c","reset_peer":"4s"}`: "2s 1",
		`{"name":"a","timeout":"2s","percent":0}`:                                                   "never",
	} {
		set, _ := tcpSet(t, strings.Fields(rules)...)
		l := set.Link(tcpView(1), Downstream)
		got := "never"
		if at, how, ends := l.Deadline(start); ends {
			got = fmt.Sprintf("%v %d", at.Sub(start), how)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", rules, got, want)
		}
		l.Done()
	}
}

// replace puts rules in force whose counters go on.
func replace(t *testing.T, l *Link, counters []*Counter, after time.Duration, rules ...string) LinkEnd {
	t.Helper()
	c := Config{Seed: 42}
	for i, text := range rules {
		c.Entries = append(c.Entries, Entry{Rule: mustRule(t, text), Counter: counters[i]})
	}
	return l.Update(mustCompile(t, c), start.Add(after))
}

// TestD8TheDrawIsKept: neither a neighbour that comes or goes nor a changed toxicity draws again; the
// percentage is held against the draw that the link has.
func TestD8TheDrawIsKept(t *testing.T) {
	const rule = `{"name":"a","latency":"1s","percent":%d}`
	neighbour := `{"name":"b","noop":{}}`
	set, counters := tcpSet(t, fmt.Sprintf(rule, 50))
	counters = append(counters, NewCounter())
	hits := 0
	for nth := range uint64(200) {
		l := set.Link(tcpView(nth+1), Downstream)
		was := l.rules[0].hit
		for _, percent := range []int{50, 0, 50, 100, 50, 1, 50} {
			replace(t, l, counters, time.Second, fmt.Sprintf(rule, percent), neighbour)
			acts := l.rules[0].hit
			if percent == 50 && acts != was || percent == 0 && acts || percent == 100 && !acts {
				t.Fatalf("link %d, drawn %t, at %d percent: %t", nth, was, percent, acts)
			}
		}
		if was {
			hits++
		}
		l.Done()
	}
	if hits < 70 || hits > 130 {
		t.Errorf("%d of 200 links are hit", hits)
	}
	if s := counters[0].Status(); s.Matched != 200 || s.Active != 0 {
		t.Errorf("the counters are %+v", s)
	}
}

// TestWhatWasPassedCountsOn: a change of limit_data does not begin anew; a rule that is set anew does.
func TestWhatWasPassedCountsOn(t *testing.T) {
	set, counters := tcpSet(t, `{"name":"a","limit_data":100}`)
	l := set.Link(tcpView(1), Downstream)
	defer l.Done()
	stream(l, 60)
	replace(t, l, counters, 0, `{"name":"a","limit_data":80}`)
	if got := stream(l, 60); got != "0s:20:close" {
		t.Errorf("after a change: %s", got)
	}
	replace(t, l, []*Counter{NewCounter()}, 0, `{"name":"a","limit_data":80}`)
	if got := stream(l, 90); got != "0s:80:close" {
		t.Errorf("after another rule of the same name: %s", got)
	}
}

// TestTakingATimeoutAwayCloses those links that it has hit, and no others: D12 of Toxiproxy.
func TestTakingATimeoutAwayCloses(t *testing.T) {
	for rule, want := range map[string]LinkEnd{
		`{"name":"a","timeout":"0s"}`:                           LinkCloses,
		`{"name":"a","timeout":"0s","percent":0}`:               LinkGoesOn,
		`{"name":"a","timeout":"0s","stream":"upstream"}`:       LinkGoesOn,
		`{"name":"a","timeout":"0s","shadow":true}`:             LinkGoesOn,
		`{"name":"a","latency":"1s"}`:                           LinkGoesOn,
		`{"name":"a","timeout":"0s","match":{"nth":2}}`:         LinkGoesOn,
		`{"name":"a","timeout":"0s","except":{"source":"::1"}}`: LinkCloses,
	} {
		set, _ := tcpSet(t, rule)
		l := set.Link(tcpView(1), Downstream)
		if got := l.Update(&Set{}, start); got != want {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
}

// TestLinksOfAScopeShareTheRate, each direction for itself.
func TestLinksOfAScopeShareTheRate(t *testing.T) {
	for scope, want := range map[string]string{"link": "[25ms 25ms]", "proxy": "[0s 25ms]"} {
		set, _ := tcpSet(t, `{"name":"a","bandwidth":{"rate":1000,"scope":"`+scope+`"}}`)
		var got []time.Duration
		for nth := range uint64(2) {
			l := set.Link(tcpView(nth+1), Downstream)
			p := l.Next(Head{Number: 1, Bytes: 1000, Arrived: start}, start)
			if again := l.Next(p.Head, start); again != p {
				t.Errorf("asked again: %v, want %v", again, p)
			}
			got = append(got, p.At.Sub(start))
			l.Done()
		}
		if fmt.Sprint(got) != want {
			t.Errorf("scope %s: %v, want %s", scope, got, want)
		}
	}
}

func TestFirstBytes(t *testing.T) {
	for rule, want := range map[string]bool{
		`{"name":"a","latency":"1s","match":{"first_bytes":"PING"}}`:         true,
		`{"name":"a","latency":"1s","match":{"first_bytes":"0x50494e470d"}}`: true,
		`{"name":"a","latency":"1s","match":{"first_bytes":"GET"}}`:          false,
		`{"name":"a","latency":"1s","except":{"first_bytes":"PING"}}`:        false,
	} {
		set, _ := tcpSet(t, rule)
		if !set.NeedsFirstBytes() {
			t.Errorf("%s: does not ask for them", rule)
		}
		v := tcpView(1)
		v.FirstBytes = "PING\r\n"
		l := set.Link(v, Downstream)
		if got := !l.Free(start); got != want {
			t.Errorf("%s: hits %t", rule, got)
		}
		l.Done()
	}
	if set, _ := tcpSet(t, `{"name":"a","latency":"1s","percent":0,"match":{"first_bytes":"a"}}`, `{"name":"b","noop":{}}`); set.NeedsFirstBytes() {
		t.Error("a rule that cannot act asks for them")
	}
}

// TestWhatIsSwitchedOffCloses, too, and what runs out: at once, so that no data passes behind a hole.
func TestWhatIsSwitchedOffCloses(t *testing.T) {
	for rule, want := range map[string]LinkEnd{`"timeout":"0s"`: LinkCloses, `"reset_peer":"1h"`: LinkResets, `"latency":"0s"`: LinkGoesOn} {
		if strings.Contains(rule, "latency") {
			rule = `"latency":"1ms"`
		}
		for _, off := range []string{`"enabled":false`, `"percent":0`, `"shadow":true`} {
			set, counters := tcpSet(t, `{"name":"a",`+rule+`}`)
			l := set.Link(tcpView(1), Downstream)
			stream(l, 5)
			if got := replace(t, l, counters, time.Second, `{"name":"a",`+rule+`,`+off+`}`); got != want && off != `"shadow":true` {
				t.Errorf("%s, then %s: %v, want %v", rule, off, got, want)
			}
			if d := l.Decisions(); len(d) != 1 || d[0].Outcome == Skip {
				t.Errorf("%s, then %s: decided %+v", rule, off, d)
			}
			l.Done()
		}
		expiring := mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, `{"name":"a",`+rule+`}`), Expires: start.Add(time.Second)}}})
		l := expiring.Link(tcpView(1), Downstream)
		stream(l, 5)
		over := start.Add(time.Second)
		if at, how, ends := l.Deadline(over); ends != (want != LinkGoesOn) || ends && (how != want || at.After(over)) {
			t.Errorf("%s runs out: %v %v %t", rule, at, how, ends)
		}
		if l.Free(over) == (want != LinkGoesOn) {
			t.Errorf("%s runs out: free %t", rule, l.Free(over))
		}
		l.Done()
	}
}

// TestAResetPeerThatLostNothing leaves the connection alone when it goes.
func TestAResetPeerThatLostNothing(t *testing.T) {
	set, _ := tcpSet(t, `{"name":"a","reset_peer":"1h"}`)
	l := set.Link(tcpView(1), Downstream)
	if got := l.Update(&Set{}, start); got != LinkGoesOn {
		t.Errorf("got %v", got)
	}
	if d := l.Decisions(); len(d) != 1 || d[0].Outcome != Hit || d[0].Rule != "a" {
		t.Errorf("decided %+v", d)
	}
}
