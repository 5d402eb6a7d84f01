package control

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// t0 is when the tests of the pure verbs take place.
var t0 = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return t0.Add(d) }

// parse reads a document as admin does.
func parse[T any](t testing.TB, text string) T {
	t.Helper()
	value, err := tryParse[T](text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func tryParse[T any](text string) (T, error) {
	var value T
	root, err := document.ParseJSON([]byte(text))
	if err == nil {
		err = document.Decode(root, &value)
	}
	return value, err
}

func node(t testing.TB, text string) *document.Node {
	t.Helper()
	root, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func rule(t testing.TB, text string) faults.Rule { t.Helper(); return parse[faults.Rule](t, text) }

// abort is a rule that always answers 503.
func abort(name, proxyName string) faults.Rule {
	return faults.Rule{
		Name: name, Proxy: proxyName, Kind: "abort", Phase: faults.Before, Percent: 100, Enabled: true,
		Attributes: &faults.Abort{Status: 503},
	}
}

func withTTL(r faults.Rule, ttl time.Duration) faults.Rule {
	r.TTL = faults.Duration(ttl)
	return r
}

func config(name string) proxy.Config {
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream, c.Enabled = name, "127.0.0.1:0", "http://127.0.0.1:1", false
	return c
}

// stateWith is a state with disabled proxies of these names.
func stateWith(names ...string) *State {
	s := NewState(42)
	for _, name := range names {
		s.PutProxy(config(name))
	}
	s.settle()
	return s
}

// put applies a document to a state that must take it.
func put(t testing.TB, s *State, text string, now time.Time) {
	t.Helper()
	if err := s.Apply(parse[Document](t, text), now); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	check(t, s)
}

// must fails the test upon an error, or a state that is not valid.
func must(t testing.TB, s *State, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
}

func check(t testing.TB, s *State) {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatalf("the state is not valid: %v", err)
	}
	s.settle()
}

// names lists the rules in force as name@proxy=status, timed ones with a tilde before them.
func rulesOf(s *State) string { return listOf(s.Rules) }

func listOf(rules []Rule) string {
	var list []string
	for _, r := range rules {
		text := r.Name + "@" + r.proxyOrAny()
		if r.Hold.Timed() {
			text = "~" + text
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// on gives a pointer, as optional parameters want.
func on(name string) *string { return &name }

// exchange decides one exchange on a proxy of a settled state, and tells what hit.
func exchange(t testing.TB, s *State, proxyName string, now time.Time) []string {
	t.Helper()
	endpoints, err := s.endpoints(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(endpoints, func(e proxy.Endpoint) bool { return e.Config.Name == proxyName })
	if i < 0 {
		t.Fatalf("no proxy %q", proxyName)
	}
	return decide(endpoints[i].Faults, proxyName, "/x", now)
}

func decide(set *faults.Set, proxyName, path string, now time.Time) []string {
	view := faults.View{Proxy: proxyName, Method: "GET", Path: path, Now: now}
	var plan faults.Plan
	plan.Begin(set, &view)
	defer plan.Done()
	hits := []string{}
	for {
		action, decision := plan.Next(&view)
		if action == nil {
			return hits
		}
		hits = append(hits, decision.Rule)
	}
}

// refusal tells the code and the field of an error.
func refusal(err error) (Code, string) {
	var known *Error
	if errors.As(err, &known) {
		return known.Code, known.Field
	}
	var place *document.Error
	if errors.As(err, &place) {
		return Invalid, place.Field
	}
	return "", ""
}

// fakeEngine runs nothing. It keeps what it was asked to run, and fails when told to.
type fakeEngine struct {
	mu   sync.Mutex
	fail error
	last []proxy.Endpoint
}

func (e *fakeEngine) Prepare(endpoints []proxy.Endpoint) (*proxy.Change, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return nil, e.fail
	}
	e.last = endpoints
	return &proxy.Change{}, nil
}

func (e *fakeEngine) failWith(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = err
}

// fakeStore keeps what was saved, and fails when told to.
type fakeStore struct {
	mu    sync.Mutex
	fail  error
	tries int
	saved *State
}

func (f *fakeStore) Save(s *State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.fail != nil {
		return f.fail
	}
	f.saved = s
	return nil
}

func (f *fakeStore) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *fakeStore) last() *State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saved
}

// eventLog keeps events in the order in which they were published.
type eventLog struct {
	mu   sync.Mutex
	list []Event
}

func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

func (l *eventLog) all() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// start runs a controller until the test ends.
func start(t testing.TB, c Config, first *State) *Controller {
	t.Helper()
	if c.Engine == nil {
		c.Engine = &fakeEngine{}
	}
	k, err := New(c, first)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// change makes a change that must be accepted.
func change(t testing.TB, k *Controller, mutate func(*State) error) *State {
	t.Helper()
	s, err := k.Change(t.Context(), Request{By: t.Name()}, mutate)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// changeTo makes the change that a document asks for; it must be accepted.
func changeTo(t testing.TB, k *Controller, text string) *State {
	t.Helper()
	d := parse[Document](t, text)
	return change(t, k, func(s *State) error { return s.Apply(d, time.Now()) })
}
