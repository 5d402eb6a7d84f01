package live

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every duration lies in its bucket, whose middle is no further from it than promised.
func TestBuckets(t *testing.T) {
	last := -1
	for d := time.Duration(0); d < 20*time.Hour; d += d/100 + 100 {
		i := bucketOf(d)
		if i < last || i > last+1 {
			t.Fatalf("%v is in bucket %d, behind bucket %d", d, i, last)
		}
		last = i
		if off := math.Abs(float64(middleOf(i) - d)); off > float64(d)/32+1024 {
			t.Fatalf("%v is taken for %v", d, middleOf(i))
		}
	}
	if i := bucketOf(1000 * time.Hour); i != buckets-1 {
		t.Errorf("what is too long is in bucket %d", i)
	}
}

// Of 1 to 100 ms the quantiles are 50, 95 and 99 ms, as near as buckets are.
func TestQuantiles(t *testing.T) {
	var h histogram
	var last counted
	for i := 1; i <= 100; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	c, sum := h.since(&last)
	for part, want := range map[float64]time.Duration{0.5: 50 * time.Millisecond, 0.95: 95 * time.Millisecond, 0.99: 99 * time.Millisecond} {
		if got := c.quantile(part, sum); bucketOf(got) != bucketOf(want) {
			t.Errorf("quantile %v is %v, want about %v", part, got, want)
		}
	}
	if c, sum := h.since(&last); sum != 0 || c.quantile(0.5, sum) != 0 {
		t.Error("what was read is counted again")
	}
}

func TestClasses(t *testing.T) {
	for want, e := range map[class]proxy.Exchange{
		untouched:     {Outcome: proxy.OK, Status: 404},
		touched:       {Outcome: proxy.Injected, Status: 200, Faulted: true},
		injectedError: {Outcome: proxy.Injected, Faulted: true},
		realError:     {Outcome: proxy.OK, Status: 503, Delayed: true},
		clientLeft:    {Outcome: proxy.ClientLeft, Faulted: true},
	} {
		if got := classOf(&e); got != want {
			t.Errorf("%+v is of class %d, want %d", e, got, want)
		}
	}
	if got := classOf(&proxy.Exchange{Outcome: proxy.RealError, Status: 502}); got != realError {
		t.Errorf("a real error is of class %d", got)
	}
}

// A second's figures are its own, the total goes on, and what is older than a quarter of an hour is forgotten.
func TestSeries(t *testing.T) {
	var s Series
	start := time.Unix(1_000_000, 0)
	a := []Open{{"a", 2}}
	s.Observe(&proxy.Exchange{Proxy: "a", Outcome: proxy.OK, Status: 200, Duration: 10 * time.Millisecond})
	s.Observe(&proxy.Exchange{Proxy: "a", Outcome: proxy.Injected, Status: 503, Faulted: true})
	first := s.Tick(start, a)[0]
	if first.Counts != (Counts{OK: 1, InjectedErrors: 1}) || first.Open != 2 || math.Abs(float64(first.P99)-10) > 0.4 {
		t.Errorf("the first second: %+v", first)
	}
	if second := s.Tick(start.Add(time.Second), a)[0]; second != (Point{At: 1_000_001, Open: 2}) {
		t.Errorf("the second one: %+v", second)
	}
	if h := s.History("a", start.Add(-time.Second)); h.Total.Sum() != 2 || len(h.Points) != 2 {
		t.Errorf("history: %+v", h)
	}
	for i := 2; i <= 2000; i++ {
		s.Tick(start.Add(time.Duration(i)*time.Second), a)
	}
	h := s.History("a", time.Time{})
	if len(h.Points) != 900 || h.Points[0].At != 1_000_000+1101 {
		t.Errorf("%d points are kept, from %d on", len(h.Points), h.Points[0].At)
	}
	s.Tick(start, nil)
	if h := s.History("a", time.Time{}); h.Total.Sum() != 0 {
		t.Error("a proxy that is gone is remembered")
	}
}

func TestTicksAndExchangesMeet(t *testing.T) {
	var s Series
	go func() {
		for range 1000 {
			s.Observe(&proxy.Exchange{Proxy: "a"})
		}
	}()
	sum := uint64(0)
	for deadline := time.Now().Add(10 * time.Second); sum < 1000 && time.Now().Before(deadline); {
		sum += s.Tick(time.Now(), []Open{{Proxy: "a"}})[0].Sum()
	}
	if sum != 1000 {
		t.Errorf("%d of 1000 are in a second", sum)
	}
}

// read gives the data of what a reader is given at once.
func read(t *testing.T, r *Reader) (Batch, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b, err := r.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var data []string
	for _, e := range b.Events {
		data = append(data, string(e.Data))
	}
	return b, data
}

func mustRead(t *testing.T, f *Feed, lastID string) *Reader {
	t.Helper()
	r, err := f.Read(lastID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// A reader that comes back misses nothing of what is kept, and is told of what is not.
func TestFeedResumes(t *testing.T) {
	f := NewFeed()
	f.Add("k", []byte("before"))
	r := mustRead(t, f, "")
	f.Add("k", []byte("1"))
	b, data := read(t, r)
	if diff := cmp.Diff([]string{"1"}, data); diff != "" || b.Gap != nil {
		t.Error(diff, b.Gap)
	}
	f.Add("k", []byte("2"))
	f.Add("k", []byte("3"))
	if b, data = read(t, mustRead(t, f, b.Last)); b.Gap != nil || len(data) != 2 || data[0] != "2" {
		t.Errorf("gap %v, then %q", b.Gap, data)
	}
	for range maxEvents {
		f.Add("k", []byte("4"))
	}
	if b, data = read(t, r); b.Gap == nil || b.Gap.Missed != 2 || len(data) != batchSize || data[0] != "4" {
		t.Errorf("gap %v, then %d events", b.Gap, len(data))
	}
	f.Add("k", make([]byte, maxBytes))
	if b, data = read(t, r); b.Gap == nil || len(data) != 1 {
		t.Errorf("gap %v, then %d events", b.Gap, len(data))
	}
	for _, foreign := range []string{"other-1", "x", f.name + "-99999999"} {
		if b, _ = read(t, mustRead(t, f, foreign)); b.Gap == nil || b.Gap.Missed != 0 {
			t.Errorf("%q: gap %v", foreign, b.Gap)
		}
	}
}

func TestFeedHasSoManyReaders(t *testing.T) {
	f := NewFeed()
	for range MaxReaders - 1 {
		mustRead(t, f, "")
	}
	last := mustRead(t, f, "")
	if _, err := f.Read(""); err != ErrFull {
		t.Errorf("one more: %v", err)
	}
	last.Close()
	mustRead(t, f, "")
}

func TestSamplerSaysWhatItLeavesOut(t *testing.T) {
	s := NewSampler()
	s.Observe(&proxy.Exchange{})
	if taken := s.Take(); len(taken) != 0 {
		t.Error("nobody watches, and yet it takes")
	}
	s.Refill(true)
	for range 1000 {
		s.Observe(&proxy.Exchange{})
		s.Observe(&proxy.Exchange{Faulted: true})
	}
	if taken := s.Take(); len(taken) != 2*PerSecond {
		t.Errorf("%d taken, want %d", len(taken), 2*PerSecond)
	}
	if seen := s.Refill(false); seen != 2000 {
		t.Errorf("seen %d of 2000", seen)
	}
}

func added(f *Feed) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.added
}

// Figures come at each full second while somebody watches, and half a minute longer.
func TestWatchTellsEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally := &proxy.Tally{Proxy: "a"}
		w := &Watch{
			Feed: NewFeed(), Series: &Series{}, Sampler: NewSampler(), View: func(e proxy.Exchange) any { return e.Path },
			State:       func() *control.State { return control.NewState(1) },
			Tallies:     func() []*proxy.Tally { return []*proxy.Tally{tally} },
			Connections: func() []proxy.Connection { return nil },
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.Run(ctx) }()
		defer func() { stop(); <-ended }()

		time.Sleep(5*time.Second + time.Second/2) // between two seconds
		synctest.Wait()
		if added(w.Feed) != 0 {
			t.Errorf("%d events while nobody watches", added(w.Feed))
		}
		r := mustRead(t, w.Feed, "")
		time.Sleep(time.Second)
		synctest.Wait()
		w.Observe(&proxy.Exchange{Proxy: "a", Path: "/x"})
		synctest.Wait()
		if b, data := read(t, r); len(b.Events) != 2 || b.Events[0].Kind != KindFigures || data[1] != `"/x"` {
			t.Errorf("%q", data)
		}
		r.Close()
		begun := added(w.Feed)
		time.Sleep(lingering)
		synctest.Wait()
		if got := added(w.Feed) - begun; got != 30 {
			t.Errorf("%d events in half a minute", got)
		}
		before := added(w.Feed)
		time.Sleep(time.Minute)
		synctest.Wait()
		if added(w.Feed) != before {
			t.Error("figures for nobody")
		}
	})
}

// A hit that had no effect is taken back between two seconds: then a rule has hit nothing, and not nearly 2^64 times.
func TestHitsThatAreTakenBack(t *testing.T) {
	state := control.NewState(1)
	if _, err := state.AddRule(faults.Rule{Name: "x", Kind: "abort", Percent: 100, Enabled: true, Attributes: &faults.Abort{Status: 503}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	rule := state.Rules[0]
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule.Rule, Counter: rule.Counter}}})
	if err != nil {
		t.Fatal(err)
	}
	decide := func() *faults.Plan {
		plan, view := &faults.Plan{}, &faults.View{Path: "/"}
		plan.Begin(set, view)
		plan.Next(view)
		return plan
	}
	w := &Watch{}
	w.rules(state)
	first := decide()
	if diff := cmp.Diff([]RuleFigures{{Rule: "x", Kind: "abort", Matched: 1, Hit: 1}}, w.rules(state)); diff != "" {
		t.Error(diff)
	}
	first.Withdraw()
	decide().Withdraw()
	if diff := cmp.Diff([]RuleFigures{{Rule: "x", Kind: "abort", Matched: 1}}, w.rules(state)); diff != "" {
		t.Error(diff)
	}
}
