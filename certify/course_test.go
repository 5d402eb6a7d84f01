package certify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/verdict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// armed is what a course does to faults, and when.
type armed struct {
	mu    sync.Mutex
	begin time.Time
	log   []string
	lost  bool // leases run out whatever is renewed
	stuck bool // nothing can be taken away
}

func (a *armed) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log = append(a.log, time.Since(a.begin).String()+" "+fmt.Sprintf(format, args...))
}

func (a *armed) Arm(_ context.Context, rule map[string]any) error {
	a.note("arm %v on %v", rule["name"], rule["proxy"])
	return nil
}

func (a *armed) Renew(_ context.Context, lease string) error {
	a.note("renew %s", lease)
	if a.lost {
		return errors.New("there is no such lease")
	}
	return nil
}

func (a *armed) End(ctx context.Context, lease string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.note("end %s", lease)
	if a.stuck {
		return errors.New("no answer")
	}
	return nil
}

// Every rule of every step is one that squall takes.
func TestStepsAreRules(t *testing.T) {
	for _, plan := range []Plan{{Caller: true}, {Scale: MinScale, Caller: true}, {Scale: MaxScale, Caller: true}} {
		for _, step := range plan.Steps() {
			if step.For <= 0 || step.Recovery <= 0 || step.Share <= 0 || step.Share > 1 || len(step.Rules) == 0 {
				t.Errorf("scale %v: %+v", plan.Scale, step)
			}
			for _, attributes := range step.Rules {
				attributes["name"] = "x"
				text, err := json.Marshal(attributes)
				if err != nil {
					t.Fatal(err)
				}
				node, err := document.ParseJSON(text)
				if err != nil {
					t.Fatal(err)
				}
				var rule faults.Rule
				if err := rule.DecodeDocument(node); err != nil {
					t.Errorf("%s, %s: %v", step.Fault, text, err)
					continue
				}
				if _, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule, Counter: faults.NewCounter()}}}); err != nil {
					t.Errorf("%s, %s: %v", step.Fault, text, err)
				}
			}
		}
	}
	if _, err := verdict.Judge(verdict.Input{Thresholds: Plan{Scale: 0.5}.Thresholds()}); err != nil {
		t.Error(err)
	}
	if got := (Plan{Scale: 0.5}).Thresholds(); len(got) != len(scaledThresholds) || got["D16.time"] != 15 {
		t.Errorf("thresholds at a scale of 0.5: %v", got)
	}
	if got := (Plan{}).Thresholds(); len(got) != 0 {
		t.Errorf("thresholds of a course of the usual length: %v", got)
	}
}

// A course takes exactly the time that it says, renews the lease of each fault while it lasts, and takes it away.
func TestCourse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := &armed{begin: time.Now()}
		var told []string
		c := Course{Faults: faults, Proxy: "p", Name: "c", Progress: func(what string, takes time.Duration) { told = append(told, what) }}
		phases, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		steps := c.Plan.Steps()
		if took := time.Since(faults.begin); took != c.Plan.Duration() || len(phases) != 1+2*len(steps) || len(told) != len(phases) {
			t.Errorf("it took %v, said %v; %d phases, told %d", took, c.Plan.Duration(), len(phases), len(told))
		}
		for i, p := range phases[1:] {
			if !p.Begin.Equal(phases[i].End) {
				t.Errorf("phase %d begins at %v, the one before it ended at %v", i+1, p.Begin, phases[i].End)
			}
		}
		if fault := phases[1]; fault.Stage != verdict.Fault || fault.Fault != steps[0].Fault || fault.Share != 0.05 || fault.End.Sub(fault.Begin) != 10*time.Second {
			t.Errorf("the first fault is %+v", fault)
		}
		want := []string{
			"11s arm c-1-1 on p", "14.333333333s renew c-1", "17.666666666s renew c-1", "20.999999999s renew c-1", "21s end c-1", "23s arm c-2-1 on p",
		}
		if diff := cmp.Diff(want, faults.log[:len(want)]); diff != "" {
			t.Error(diff)
		}
		if _, err := verdict.Judge(verdict.Input{Phases: phases}); err != nil {
			t.Errorf("the phases are none for a verdict: %v", err)
		}
	})
}

// However a course ends, its fault is taken away.
func TestCourseCutShort(t *testing.T) {
	for _, test := range []struct {
		name  string
		lost  bool
		stuck bool
		ready error
		cut   time.Duration
		want  string
		last  string // of what was done
	}{
		{name: "cancelled in a fault", cut: 15 * time.Second, want: "enough", last: "15s end c-1"},
		{name: "cancelled in the baseline", cut: 5 * time.Second, want: "enough"},
		{name: "not ready", ready: errors.New("nobody calls"), want: "nobody calls"},
		{name: "a lost lease", lost: true, want: "the fault was lost", last: "14.333333333s end c-1"},
		{name: "stuck", stuck: true, want: "it goes on for up to 10s", last: "21s end c-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.cut > 0 {
					defer time.AfterFunc(test.cut, func() { cancel(errors.New("enough")) }).Stop()
				}
				faults := &armed{begin: time.Now(), lost: test.lost, stuck: test.stuck}
				c := Course{Faults: faults, Proxy: "p", Name: "c", Ready: func(context.Context) error { return test.ready }}
				_, err := c.Run(ctx)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the error is %v", err)
				}
				if log := faults.log; test.last == "" && len(log) > 0 || test.last != "" && (len(log) == 0 || log[len(log)-1] != test.last) {
					t.Errorf("it did %v", log)
				}
			})
		})
	}
}

// A load keeps its rate whatever calls take, up to its bound, and leaves none behind.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer cancel()
		var mu sync.Mutex
		var at []time.Duration
		begin := time.Now()
		load := Load{Rate: 10, MaxActive: 7, Call: func(ctx context.Context, n int) {
			mu.Lock()
			at = append(at, time.Since(begin))
			mu.Unlock()
			<-ctx.Done()
		}}
		made, missed := load.Run(ctx)
		if made != 7 || missed != 3 || len(at) != 7 || at[6] != 600*time.Millisecond {
			t.Errorf("made %d at %v, missed %d", made, at, missed)
		}
	})
}
