package faultstest

import (
	"reflect"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// walk lets a stream flow over a link under a set: three reads and the end of the stream, each piece sent in time. It gives
// what went when, and the connection's deadline; nil where nothing shapes the link.
func walk(set *faults.Set, stream faults.Stream) []any {
	v := view()
	l := set.Link(v, stream)
	defer l.Done()
	if l.Free(v.Now) {
		return nil
	}
	at, how, ends := l.Deadline(v.Now)
	seen := []any{at, how, ends}
	now := v.Now
	for number, size := range []int{1000, 4096, 1, 0} {
		head := faults.Head{Number: uint64(number + 1), Bytes: size, Arrived: v.Now.Add(time.Duration(number) * time.Millisecond)}
		for first := true; first || head.Bytes > 0; first = false {
			p := l.Next(head, now)
			seen = append(seen, p.Bytes, p.At, p.Drop, p.Then)
			if p.Then != faults.LinkGoesOn || p.At.Sub(v.Now) > time.Hour {
				return seen
			}
			if p.At.After(now) {
				now = p.At
			}
			l.Sent(p, now)
			head.Bytes -= p.Bytes
		}
	}
	return seen
}

// flow walks many links through a rule: what became of each, nil where it was not hit.
func flow(t *testing.T, seed uint64, rule faults.Rule) ([][]any, faults.Status) {
	t.Helper()
	set, counter := compile(t, seed, rule)
	all := make([][]any, exchanges)
	for i := range all {
		all[i] = walk(set, rule.Stream)
	}
	return all, counter.Status()
}

// testToxic runs what holds for a kind that acts on a stream.
func testToxic(t *testing.T, rule faults.Rule) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, faults.Rule)
	}{
		{"percent 0 touches nothing", testToxicNever},
		{"percent 100 always hits", testToxicAlways},
		{"chance is the seed's", testToxicSeed},
		{"a shadow counts and does nothing", testToxicShadow},
		{"the other stream is left alone", testToxicStream},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, rule) })
	}
}

func testToxicNever(t *testing.T, rule faults.Rule) {
	percent, disabled := rule, rule
	percent.Percent, disabled.Enabled = 0, false
	for _, rule := range []faults.Rule{percent, disabled} {
		all, status := flow(t, 1, rule)
		for i, seen := range all {
			if seen != nil {
				t.Fatalf("link %d: got %v, want nothing", i, seen)
			}
		}
		if status != (faults.Status{}) {
			t.Errorf("the counters moved: %+v", status)
		}
	}
}

func testToxicAlways(t *testing.T, rule faults.Rule) {
	all, status := flow(t, 1, rule)
	for i, seen := range all {
		if seen == nil {
			t.Fatalf("link %d was not hit", i)
		}
	}
	if want := (faults.Status{Matched: exchanges, Hit: exchanges}); status != want {
		t.Errorf("the counters are %+v, want %+v", status, want)
	}
}

func testToxicSeed(t *testing.T, rule faults.Rule) {
	rule.Percent = 50
	first, status := flow(t, 1, rule)
	if again, _ := flow(t, 1, rule); !reflect.DeepEqual(first, again) {
		t.Error("the same seed decides differently")
	}
	if other, _ := flow(t, 2, rule); reflect.DeepEqual(first, other) {
		t.Error("another seed decides the same")
	}
	if status.Hit < exchanges*4/10 || status.Hit > exchanges*6/10 || status.Hit+status.Skipped.Roll != exchanges {
		t.Errorf("50 %% of %d: %+v", exchanges, status)
	}
}

func testToxicShadow(t *testing.T, rule faults.Rule) {
	rule.Shadow = true
	all, status := flow(t, 1, rule)
	for i, seen := range all {
		if seen != nil {
			t.Fatalf("link %d: got %v, want nothing", i, seen)
		}
	}
	if want := (faults.Status{Matched: exchanges, Hit: exchanges}); status != want {
		t.Errorf("the counters are %+v, want %+v", status, want)
	}
	set, _ := compile(t, 1, rule)
	l := set.Link(view(), rule.Stream)
	defer l.Done()
	want := []faults.Decision{{Rule: rule.Name, Kind: rule.Kind, Outcome: faults.Shadow, N: 1}}
	if got := l.Decisions(); !reflect.DeepEqual(got, want) {
		t.Errorf("the record says %+v, want %+v", got, want)
	}
}

func testToxicStream(t *testing.T, rule faults.Rule) {
	set, counter := compile(t, 1, rule)
	other := faults.Upstream
	if rule.Stream == other {
		other = faults.Downstream
	}
	if seen := walk(set, other); seen != nil || counter.Status() != (faults.Status{}) {
		t.Errorf("got %v and counters %+v, want nothing", seen, counter.Status())
	}
}
