package faultstest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/squall-proxy/squall/faults"
)

// exchanges is how many a test walks through.
const exchanges = 1000

// testDecisions runs what holds for the decisions of a rule.
func testDecisions(t *testing.T, rule faults.Rule) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, faults.Rule)
	}{
		{"percent 0 touches nothing", testNever},
		{"percent 100 always hits", testAlways},
		{"chance is the seed's", testSeed},
		{"a shadow counts and does nothing", testShadow},
		{"disabled", testDisabled},
		{"actions are plain data", testData},
		{"actions share no memory", testOwnMemory},
		{"a miss allocates nothing", testAllocations},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, rule) })
	}
}

// compile makes a set of one rule, with its counter.
func compile(t *testing.T, seed uint64, rule faults.Rule) (*faults.Set, *faults.Counter) {
	t.Helper()
	counter := faults.NewCounter()
	set, err := faults.Compile(faults.Config{Seed: seed, Entries: []faults.Entry{{Rule: rule, Counter: counter}}})
	if err != nil {
		t.Fatal(err)
	}
	return set, counter
}

// run walks many exchanges through a rule: the actions of each, nil where it was not hit.
func run(t *testing.T, seed uint64, rule faults.Rule) ([][]faults.Action, faults.Status) {
	t.Helper()
	set, counter := compile(t, seed, rule)
	all := make([][]faults.Action, exchanges)
	for i := range all {
		all[i], _ = exchange(set, view())
	}
	return all, counter.Status()
}

func testNever(t *testing.T, rule faults.Rule) {
	rule.Percent = 0
	all, status := run(t, 1, rule)
	for i, actions := range all {
		if actions != nil {
			t.Fatalf("exchange %d: got %+v, want nothing", i, actions)
		}
	}
	if status != (faults.Status{}) {
		t.Errorf("the counters moved: %+v", status)
	}
}

func testAlways(t *testing.T, rule faults.Rule) {
	all, status := run(t, 1, rule)
	for i, actions := range all {
		if len(actions) != 1 {
			t.Fatalf("exchange %d: got %+v, want one action", i, actions)
		}
	}
	status.Early = 0 // what a kind counts besides is its own affair
	if want := (faults.Status{Matched: exchanges, Hit: exchanges}); status != want {
		t.Errorf("the counters are %+v, want %+v", status, want)
	}
}

func testSeed(t *testing.T, rule faults.Rule) {
	rule.Percent = 50
	first, status := run(t, 1, rule)
	if again, _ := run(t, 1, rule); !reflect.DeepEqual(first, again) {
		t.Error("the same seed decides differently")
	}
	if other, _ := run(t, 2, rule); reflect.DeepEqual(first, other) {
		t.Error("another seed decides the same")
	}
	if status.Hit < exchanges*4/10 || status.Hit > exchanges*6/10 {
		t.Errorf("50 %% hit %d of %d", status.Hit, exchanges)
	}
	if status.Hit+status.Skipped.Roll != exchanges {
		t.Errorf("hits and misses do not add up to %d: %+v", exchanges, status)
	}
}

func testShadow(t *testing.T, rule faults.Rule) {
	rule.Shadow = true
	all, status := run(t, 1, rule)
	for i, actions := range all {
		if actions != nil {
			t.Fatalf("exchange %d: got %+v, want nothing", i, actions)
		}
	}
	status.Early = 0 // what a kind counts besides is its own affair
	if want := (faults.Status{Matched: exchanges, Hit: exchanges}); status != want {
		t.Errorf("the counters are %+v, want %+v", status, want)
	}
	set, _ := compile(t, 1, rule)
	_, record := exchange(set, view())
	want := []faults.Decision{{Rule: rule.Name, Kind: rule.Kind, Outcome: faults.Shadow, N: 1}}
	if got := record.Decisions(); !reflect.DeepEqual(got, want) || record.Hit() {
		t.Errorf("the record says hit %t, %+v, want %+v", record.Hit(), got, want)
	}
}

func testDisabled(t *testing.T, rule faults.Rule) {
	rule.Enabled = false
	set, counter := compile(t, 1, rule)
	actions, record := exchange(set, view())
	if actions != nil || counter.Status() != (faults.Status{}) {
		t.Errorf("got %+v and counters %+v, want nothing", actions, counter.Status())
	}
	want := []faults.Decision{{Rule: rule.Name, Kind: rule.Kind, Outcome: faults.Skip, Why: faults.WhyDisabled}}
	if got := record.Decisions(); !reflect.DeepEqual(got, want) {
		t.Errorf("the record says %+v, want %+v", got, want)
	}
}

func testData(t *testing.T, rule faults.Rule) {
	set, _ := compile(t, 1, rule)
	actions, _ := exchange(set, view())
	if len(actions) != 1 {
		t.Fatalf("got %+v, want one action", actions)
	}
	value := reflect.ValueOf(actions[0])
	if value.Kind() != reflect.Struct {
		t.Errorf("the action is a %s, want a struct", value.Kind())
	}
	checkData(t, value.Type().Name(), value.Type())
}

// checkData refuses types whose values cannot be compared, written or read by others.
func checkData(t *testing.T, where string, typ reflect.Type) {
	t.Helper()
	switch typ.Kind() {
	case reflect.Struct:
		for i := range typ.NumField() {
			field := typ.Field(i)
			if !field.IsExported() {
				t.Errorf("%s.%s is not exported", where, field.Name)
			}
			checkData(t, where+"."+field.Name, field.Type)
		}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		checkData(t, where, typ.Elem())
	case reflect.Func, reflect.Chan, reflect.Interface, reflect.UnsafePointer, reflect.Uintptr:
		t.Errorf("%s is a %s, which is no data", where, typ)
	}
}

// testOwnMemory: an executor may keep and change what it was given.
func testOwnMemory(t *testing.T, rule faults.Rule) {
	set, _ := compile(t, 1, rule)
	spoilt, _ := exchange(set, view())
	kept, _ := exchange(set, view())
	written := fmt.Sprint(kept)
	before := reflect.ValueOf(kept[0])
	for i := range before.NumField() {
		spoil(reflect.ValueOf(spoilt[0]).Field(i))
	}
	if again := fmt.Sprint(kept); again != written { // memory that all actions share is the same in a fresh one, too
		t.Errorf("changing one action changed another: %s, want %s", again, written)
	}
	fresh, _ := compile(t, 1, rule)
	exchange(fresh, view())
	if want, _ := exchange(fresh, view()); !reflect.DeepEqual(kept, want) {
		t.Errorf("changing one action changed another: %+v, want %+v", kept, want)
	}
}

// spoil overwrites all that a value refers to.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
			v.Index(i).SetZero()
		}
	}
}

func testAllocations(t *testing.T, rule faults.Rule) {
	rule.Percent = 0.0001
	set, counter := compile(t, 1, rule)
	header := view().Header
	got := testing.AllocsPerRun(exchanges, func() {
		var plan faults.Plan
		v := faults.View{Method: "GET", Path: "/stock/7", SNI: "stock.test", Header: header, Status: 200}
		plan.BeginHandshake(set, &v)
		plan.Next(&v)
		plan.Done()
		plan.Begin(set, &v)
		plan.Next(&v)
		plan.BeginAfter(&v)
		plan.Next(&v)
		plan.Done()
	})
	if status := counter.Status(); status.Hit != 0 || status.Skipped.Roll == 0 {
		t.Fatalf("want nothing but misses, got %+v", status)
	}
	if got != 0 {
		t.Errorf("a miss allocates %v times", got)
	}
}
