package faults

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestRepliesAreBounded: in memory, as a whole and each, those on their way among them.
func TestRepliesAreBounded(t *testing.T) {
	replies := &Replies{}
	set := mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, staleRule)}}, Replies: replies})
	half := strings.Repeat("x", MaxReply/2)
	path := func(i int) *View { return get("/" + strings.Repeat("a", i)) }
	pass(set, path(0), "")
	for i := 1; i <= 200; i++ {
		pass(set, path(i), half)
		if i%50 == 0 {
			asked := path(0)
			asked.Status = 500
			pass(set, asked, "") // so it stays
		}
		if taken := replies.Taken(); taken > MaxReplies {
			t.Fatalf("%d bytes after %d replies", taken, i)
		}
	}
	if n := replies.recent.Len(); n < 120 || n > 128 {
		t.Errorf("%d replies of half a MiB are kept", n)
	}
	if a, _ := pass(set, path(0), ""); a == nil {
		t.Error("what was asked for is forgotten")
	}
	if a, _ := pass(set, path(1), ""); a != nil {
		t.Error("what was not asked for is kept")
	}
	pass(set, get("/large"), half+"|"+half+"|x")
	if a, _ := pass(set, get("/large"), ""); a != nil {
		t.Error("a reply of more than 1 MiB is given")
	}

	var p Plan
	p.Begin(set, get("/large"))
	p.BeginAfter(get("/large"))
	if k := p.Keeper(get("/large")); k != nil {
		before := replies.Taken()
		k.Add([]byte(half))
		k.Add([]byte(half))
		if k.Wants() || replies.Taken() != before {
			t.Error("what is too long is not given up at once")
		}
	}
	head := get("/head")
	head.ResponseHeader = http.Header{"X-Large": {half + half}}
	pass(set, head, "")
	if a, _ := pass(set, get("/head"), ""); a != nil {
		t.Error("a reply with a header of more than 1 MiB is given")
	}

	var open []*Keeper // that never come to their end
	for range 200 {
		var p Plan
		v := get("/")
		p.Begin(set, v)
		p.BeginAfter(v)
		k := p.Keeper(v)
		k.Add([]byte(half))
		open = append(open, k)
		if taken := replies.Taken(); taken > MaxReplies {
			t.Fatalf("%d bytes with %d replies on their way", taken, len(open))
		}
	}
	if open[0].Wants() == false || open[199].Wants() {
		t.Error("the first want to go on, the last were given up: no")
	}
	for _, k := range open {
		k.End()
		k.End()
	}
	if taken := replies.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken when none is on its way", taken)
	}
}

// TestARuleThatIsGoneIsForgotten, with what was on its way to it, and the others are not.
func TestARuleThatIsGoneIsForgotten(t *testing.T) {
	replies := &Replies{}
	entry := func(rule string) Entry { return Entry{Rule: mustRule(t, rule), Counter: NewCounter()} }
	gone, stays := entry(staleRule), entry(`{"name":"two","degrade":{"stale":"5m"},"match":{"path":"/b"}}`)
	both := mustCompile(t, Config{Entries: []Entry{gone, stays}, Replies: replies})
	pass(both, get("/a"), "one")
	pass(both, get("/b"), "one")
	var p Plan
	v := get("/c")
	p.Begin(both, v)
	p.BeginAfter(v)
	k := p.Keeper(v)
	k.Add([]byte("on its way"))

	one := mustCompile(t, Config{Entries: []Entry{stays}, Replies: replies})
	before := replies.Taken()
	replies.Retain(one)
	k.Finish()
	if taken := replies.Taken(); taken == 0 || taken >= before || replies.recent.Len() != 1 {
		t.Errorf("%d bytes of %d, %d replies", taken, before, replies.recent.Len())
	}
	if a, _ := pass(one, get("/b"), ""); says(a) != "one" {
		t.Errorf("the other rule gives %s", says(a))
	}
	again := mustCompile(t, Config{Entries: []Entry{gone}, Replies: replies}) // as when a list comes back
	if a, _ := pass(again, get("/a"), "two"); a != nil {
		t.Errorf("what was forgotten is given: %s", says(a))
	}
	if a, _ := pass(again, get("/a"), ""); says(a) != "two" {
		t.Errorf("got %s", says(a))
	}
	replies.Retain()
	if taken := replies.Taken(); taken != 0 {
		t.Errorf("%d bytes for no rule", taken)
	}
}

// TestManyAtOnceGetWhatIsTheirs while rules come and go.
func TestManyAtOnceGetWhatIsTheirs(t *testing.T) {
	replies := &Replies{}
	entry := Entry{Rule: mustRule(t, staleRule), Counter: NewCounter()}
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			own := bytes.Repeat([]byte{byte('a' + i)}, 10_000)
			for range 50 {
				set, err := Compile(Config{Entries: []Entry{entry}, Replies: replies})
				if err != nil {
					t.Error(err)
					return
				}
				a, _ := pass(set, with(get("/"), "Authorization", string(own[:1])), string(own))
				if a != nil && says(a) != string(own) {
					t.Errorf("client %d got what is not its own", i)
				}
				if i == 0 {
					replies.Retain(set)
				}
			}
		})
	}
	clients.Wait()
	replies.Retain()
	if taken := replies.Taken(); taken != 0 {
		t.Errorf("%d bytes for no rule", taken)
	}
}

// TestNobodyPaysForWhatIsNotAsked: without such a rule nothing is looked at.
func TestNobodyPaysForWhatIsNotAsked(t *testing.T) {
	set, _ := setOf(t, `{"delay":"1s","percent":0.0001}`)
	v := get("/")
	var p Plan
	p.Begin(set, v)
	p.BeginAfter(v)
	if got := testing.AllocsPerRun(100, func() {
		k := p.Keeper(v)
		k.Add(nil)
		k.Finish()
		k.End()
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
