package experiments

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// check refuses what is wrong with an experiment as a whole: names that nothing has, or two things have. Parts of it may have been
// refused before.
func (e *Experiment) check() error {
	var title error
	if e.Title == "" {
		title = document.Errorf("title", "missing: want a line that says what the experiment shows")
	}
	return document.Join(title,
		e.checkTargets(), e.checkChecks(), e.checkWhatIsDone(), e.checkExpectations(), e.checkRecovery(), e.checkSafety(), e.checkRollbacks())
}

// known refuses a name that is none of those that there are.
func known(field, what, name string, names []string) error {
	if slices.Contains(names, name) {
		return nil
	}
	refusal := document.Errorf(field, "there is no %s %q, but %s", what, name, strings.Join(names, ", "))
	if len(names) == 0 {
		refusal = document.Errorf(field, "there is no %s %q", what, name)
	}
	refusal.DidYouMean = document.Nearest(name, names)
	return refusal
}

func (e *Experiment) checkTargets() error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(e.Targets)) {
		wrong = append(wrong, document.At(checkURL(name, e.Targets[name]), "targets"))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Load)) {
		if load := e.Load[name]; load.External {
			wrong = append(wrong, document.At(document.At(e.checkTarget(load.Target), name), "load"))
		}
	}
	return document.Join(wrong...)
}

// checkTarget wants a target to be named where there are several, and to be one of them.
func (e *Experiment) checkTarget(name string) error {
	names := slices.Sorted(maps.Keys(e.Targets))
	switch {
	case name != "":
		return known("target", "target", name, names)
	case len(names) > 1:
		return document.Errorf("target", "missing: want one of %s", strings.Join(names, ", "))
	}
	return nil
}

func (e *Experiment) checkChecks() error {
	s := &e.SteadyState
	if len(s.Checks) == 0 {
		return document.Errorf("steady_state.checks", "missing: want one check at least, or nothing says what healthy means")
	}
	wrong := []error{checkSpan("steady_state.every", s.Every, faults.Duration(10*time.Millisecond), faults.Duration(time.Hour))}
	seen := map[string]bool{}
	for i := range s.Checks {
		c, at := &s.Checks[i], "steady_state.checks"+index(i)
		if c.Mode == "" {
			c.Mode = s.Mode
		}
		if seen[c.Name] {
			wrong = append(wrong, document.Errorf(at+".name", "a second check of the name %q", c.Name))
		}
		seen[c.Name] = true
		if c.Load != "" {
			wrong = append(wrong, known(at+".load", "load", c.Load, slices.Sorted(maps.Keys(e.Load))))
		}
	}
	return document.Join(wrong...)
}

// checkWhatIsDone wants a method or a search.
func (e *Experiment) checkWhatIsDone() error {
	switch {
	case e.Search != nil && e.Method != nil:
		return document.Errorf("search", "instead of a method, not beside it")
	case e.Search != nil:
		if len(e.checkNames(When.Watches)) == 0 {
			return document.Errorf("search", "it needs a check of the mode continuous or during: nothing else says which trial is good")
		}
		return document.At(e.checkTarget(e.Search.Target), "search")
	case len(e.Method) == 0 && e.source.Get("search") != nil:
		return nil // it was refused as it was read
	case len(e.Method) == 0:
		return document.Errorf("method", "missing: want one step at least")
	}
	return e.checkSteps("method", e.Method, map[string]bool{})
}

// checkSteps wants every step's target, and names that no other fault has.
func (e *Experiment) checkSteps(at string, steps []Step, seen map[string]bool) error {
	var wrong []error
	for i, s := range steps {
		place := at + index(i)
		name, target, reaches := "", "", true
		switch do := s.Do.(type) {
		case *Fault:
			name, target = do.Name, do.Target
		case *Toxic:
			name, target = do.name(), do.Target
		case *Mode:
			target = do.Target
		case *Parallel:
			wrong = append(wrong, e.checkSteps(place+".parallel", do.Steps, seen))
			reaches = false
		default:
			reaches = false
		}
		if name != "" && seen[name] {
			wrong = append(wrong, document.Errorf(place, "a second fault of the name %q", name))
		}
		seen[name] = true
		if reaches {
			wrong = append(wrong, under(e.checkTarget(target), place))
		}
	}
	return document.Join(wrong...)
}

// under puts a path before the fields of errors.
func under(err error, path string) error {
	return document.Each(err, func(e *document.Error) { e.Field = path + "." + e.Field })
}

// Faults lists the names of the faults and toxics of the method.
func (e *Experiment) Faults() []string {
	var names []string
	for _, s := range Flat(e.Method) {
		switch do := s.Do.(type) {
		case *Fault:
			names = append(names, do.Name)
		case *Toxic:
			names = append(names, do.name())
		}
	}
	return names
}

// Flat lists steps with those that stand in a parallel in its place.
func Flat(steps []Step) []Step {
	var flat []Step
	for _, s := range steps {
		if parallel, ok := s.Do.(*Parallel); ok {
			flat = append(flat, parallel.Steps...)
		} else {
			flat = append(flat, s)
		}
	}
	return flat
}

func (e *Experiment) checkExpectations() error {
	if e.Search != nil && len(e.Expect) > 0 {
		return document.Errorf("expect", "not beside a search, which judges by the checks")
	}
	var wrong []error
	for i := range e.Expect {
		x, at := &e.Expect[i], "expect"+index(i)
		field, proxy, target := x.Place()
		switch {
		case x.Hits != nil:
			wrong = append(wrong, known(at+".hits.fault", "fault", x.Hits.Fault, e.Faults()))
		case field == "": // it was refused as it was read
		case proxy == "":
			wrong = append(wrong, document.Errorf(at+"."+field+".proxy", "missing: want the proxy whose clients are judged"))
		default:
			wrong = append(wrong, under(e.checkTarget(target), at+"."+field))
		}
	}
	return document.Join(wrong...)
}

// checkNames lists the checks that are made at some time.
func (e *Experiment) checkNames(when func(When) bool) []string {
	var names []string
	for _, c := range e.SteadyState.Checks {
		if when(c.Mode) {
			names = append(names, c.Name)
		}
	}
	return names
}

func (e *Experiment) checkRecovery() error {
	wrong := []error{checkSpan("recovery.within", e.Recovery.Within, e.SteadyState.Every, faults.MaxDuration)}
	all := e.checkNames(func(When) bool { return true })
	for i, name := range e.Recovery.Checks {
		wrong = append(wrong, known("recovery.checks"+index(i), "check", name, all))
	}
	if e.Recovery.Checks == nil {
		e.Recovery.Checks = e.checkNames(When.Watches)
	}
	return document.Join(wrong...)
}

func (e *Experiment) checkSafety() error {
	s := &e.Safety
	wrong := []error{
		checkSpan("safety.lease", s.Lease, faults.Duration(time.Second), faults.Duration(time.Minute)),
		checkSpan("safety.max_duration", s.MaxDuration, faults.Duration(time.Second), faults.MaxDuration),
	}
	if takes := e.Takes(); takes > s.MaxDuration {
		what := "the method takes"
		if e.Search != nil {
			what = "the search takes up to"
		}
		wrong = append(wrong, document.Errorf("safety.max_duration", "%s %v, and %v are allowed", what, takes, s.MaxDuration))
	}
	if e.Search != nil && len(s.AbortOn) > 0 {
		wrong = append(wrong, document.Errorf("safety.abort_on", "not beside a search: a check that fails ends its trial at once, and the search goes on"))
		return document.Join(wrong...)
	}
	watched, all := e.checkNames(When.Watches), e.checkNames(func(When) bool { return true })
	for i, name := range s.AbortOn {
		at := "safety.abort_on" + index(i)
		if slices.Contains(all, name) && !slices.Contains(watched, name) {
			wrong = append(wrong, document.Errorf(at,
				"the check %q is not made while faults act, so it cannot stop anything: give it the mode continuous or during", name))
			continue
		}
		wrong = append(wrong, known(at, "check that is made while faults act", name, watched))
	}
	return document.Join(wrong...)
}

// Takes is how long the method takes by what its steps say, or a search with all trials that it may need and the shortest
// recovery behind each.
func (e *Experiment) Takes() faults.Duration {
	if s := e.Search; s != nil {
		return faults.Duration(s.maxTrials()) * (s.For + shortestRecovery*e.SteadyState.Every)
	}
	var sum faults.Duration
	for _, s := range e.Method {
		sum += s.takes()
	}
	return sum
}

// shortestRecovery is how many passes in a row are a recovery.
const shortestRecovery = 3

// takes is how long a step lasts by what it says; requests and programs say nothing.
func (s Step) takes() faults.Duration {
	switch do := s.Do.(type) {
	case *Fault:
		return do.For
	case *Mode:
		return do.For
	case *Toxic:
		return do.For
	case *Docker:
		return do.For
	case *Pause:
		return do.For
	case *Parallel:
		var longest faults.Duration
		for _, inner := range do.Steps {
			longest = max(longest, inner.takes())
		}
		return longest
	}
	return 0
}

func (e *Experiment) checkRollbacks() error {
	var wrong []error
	for i, s := range e.Rollbacks {
		switch s.Do.(type) {
		case *Call, *Command, *Pause:
		default:
			wrong = append(wrong, document.Errorf("rollbacks"+index(i), "want http, process or pause: faults and what docker did are undone without being told"))
		}
	}
	return document.Join(wrong...)
}
