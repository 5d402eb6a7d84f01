package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/client/breaker"
)

// tripping has nothing on but a breaker that opens after 3 failures in a row, for exactly a second the first time.
func tripping() Config {
	return Config{Breaker: breaker.Config{Consecutive: 3}, random: func() float64 { return 1 }}
}

// changes has cfg's breakers tell into the returned list.
func changes(cfg *Config) *[]string {
	told := &[]string{}
	cfg.Observe = func(e Event) {
		if e.Kind == EventBreaker {
			*told = append(*told, e.Change.From.String()+" -> "+e.Change.To.String())
		}
	}
	return told
}

func TestB4OpenSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(503))
		cfg := tripping()
		held := 0
		cfg.Observe = func(e Event) {
			if e.Kind == EventHeldBack {
				held++
			}
		}
		c := through(t, up, cfg)
		for range 3 {
			get(t, c)
		}
		pass(t, 250*time.Millisecond)
		for range 50 {
			g := get(t, c)
			var open *breaker.OpenError
			if !errors.Is(g.err, ErrHeldBack) || !errors.As(g.err, &open) || open.Remaining != 750*time.Millisecond || g.took != 0 {
				t.Fatalf("got %d %v after %v", g.status, g.err, g.took)
			}
		}
		up.attempts(t, 3)
		if held != 50 {
			t.Errorf("%d events, want 50", held)
		}
	})
}

func TestB4AnOpenBreakerAnswersWithinFiveMilliseconds(t *testing.T) {
	c := through(t, upstream(status(503)), tripping())
	for range 3 {
		get(t, c)
	}
	took := make([]time.Duration, 201)
	for i := range took {
		took[i] = get(t, c).took
	}
	slices.Sort(took)
	if half := took[100]; half >= 5*time.Millisecond { // not the longest: the machine may be busy
		t.Errorf("half of the answers took more than %v", half)
	}
	t.Logf("half of 201 answers took less than %v, the longest %v", took[100], took[200])
	if s := c.Breakers().Status(); len(s) != 1 || s[0].State != breaker.Open {
		t.Fatalf("breakers: %+v", s)
	}
}

func TestB5SeveralCallersAtTheFirstMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := status(200)
		slow.after = 100 * time.Millisecond
		up := upstream(status(503), status(503), status(503), slow)
		cfg := tripping()
		cfg.Breaker.Permits, cfg.Breaker.Needed = 3, 3
		c := through(t, up, cfg)
		for range 3 {
			get(t, c)
		}
		pass(t, time.Second-1)
		get(t, c)
		up.attempts(t, 3)
		pass(t, 1)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { get(t, c) })
		}
		all.Wait()
		up.attempts(t, 6)
		get(t, c).is(t, 200, Fresh, goodBody)
	})
}

func TestB8ACallerThatLeavesIsNeutral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(503), status(503), silence)
		cfg := tripping()
		told := changes(&cfg)
		c := through(t, up, cfg)
		get(t, c)
		get(t, c)
		leave := func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(time.Millisecond, cancel)
			send(t, c, request(t, "GET", "").WithContext(ctx))
		}
		leave()
		if len(*told) != 0 {
			t.Errorf("told %q", *told)
		}
		up.answers[2] = status(503)
		get(t, c)
		pass(t, time.Second)
		up.answers[2] = silence
		leave() // a probe
		leave()
		up.answers[2] = status(200)
		get(t, c)
		if want := []string{"closed -> open", "open -> half-open", "half-open -> closed"}; !slices.Equal(*told, want) {
			t.Errorf("told %q, want %q", *told, want)
		}
	})
}

func TestB8ACallersDeadlineIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := tripping()
		told := changes(&cfg)
		c := through(t, upstream(silence), cfg)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			send(t, c, request(t, "GET", "").WithContext(ctx))
			cancel()
		}
		if len(*told) != 1 {
			t.Errorf("told %q", *told)
		}
	})
}

func TestB10HungProbes(t *testing.T) {
	hung := func(req *http.Request) (*http.Response, error) { // a Transport that does not listen
		<-time.After(time.Minute)
		return nil, errors.New("too late")
	}
	panics := func(*http.Request) (*http.Response, error) { panic("a broken Transport") }
	for name, probe := range map[string]roundTrip{"hung": hung, "silent": upstream(silence).RoundTrip, "panics": panics} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(status(503))
				var next atomic.Pointer[roundTrip]
				well := roundTrip(up.RoundTrip)
				next.Store(&well)
				cfg := tripping()
				cfg.AttemptTimeout = 5 * time.Second
				c := through(t, roundTrip(func(req *http.Request) (*http.Response, error) { return (*next.Load())(req) }), cfg)
				for range 3 {
					get(t, c)
				}
				pass(t, time.Second)
				next.Store(&probe)
				var probing sync.WaitGroup
				probing.Go(func() {
					defer func() { _ = recover() }()
					get(t, c)
				})
				defer probing.Wait()
				pass(t, time.Second)
				next.Store(&well)
				up.answers[0] = status(200)
				begun := time.Now()
				for get(t, c).status != 200 {
					pass(t, 10*time.Millisecond)
				}
				// The attempt's timeout, and the second open time.
				if took := time.Since(begun); took > 7*time.Second {
					t.Errorf("probed again after %v", took)
				}
			})
		})
	}
}

func TestB10APanicIsAFailedProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, broken := upstream(status(503)), false
		cfg := tripping()
		told := changes(&cfg)
		c := through(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			if broken {
				panic("a broken Transport")
			}
			return up.RoundTrip(req)
		}), cfg)
		for range 3 {
			get(t, c)
		}
		pass(t, time.Second)
		broken = true
		func() {
			defer func() { _ = recover() }()
			get(t, c)
		}()
		if want := []string{"closed -> open", "open -> half-open", "half-open -> open"}; !slices.Equal(*told, want) {
			t.Errorf("told %q, want %q", *told, want)
		}
	})
}

func TestRetriesDoNotWaitForAnOpenBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(503))
		cfg := tripping()
		cfg.Retry = Retry{Max: 10, Base: 100 * time.Millisecond}
		c := through(t, up, cfg)
		g := get(t, c)
		g.is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
		if g.took != 200*time.Millisecond {
			t.Errorf("took %v, want the two pauses before it opened", g.took)
		}
		if g := get(t, c); !errors.Is(g.err, ErrHeldBack) || g.took != 0 {
			t.Errorf("got %v after %v", g.err, g.took)
		}
		up.attempts(t, 3)
	})
}

func TestOpenMeansLastGoodData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200), status(503))
		cfg := tripping()
		cfg.BodyLimit, cfg.Fallback.MaxStale = 1<<20, time.Minute
		c := through(t, up, cfg)
		for i := range 20 {
			if g := get(t, c); g.body != goodBody || (g.from == Cached) != (i > 0) {
				t.Fatalf("call %d: %d %v %v", i+1, g.status, g.from, g.err)
			}
		}
		up.attempts(t, 4)
	})
}

func TestForcedBreakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200))
		c := through(t, up, tripping())
		get(t, c)
		b := c.Breakers().Get(c.Breakers().Status()[0].Key)
		b.Force(true)
		if g := get(t, c); !errors.Is(g.err, ErrHeldBack) {
			t.Errorf("got %v", g.err)
		}
		b.Release()
		get(t, c).is(t, 200, Fresh, goodBody)
		up.attempts(t, 2)
	})
}
