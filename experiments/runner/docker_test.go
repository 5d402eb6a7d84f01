package runner

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/faults"
)

// fakeDocker stands for compose: service1 and service2 run, and what is asked is written down. It knows the plugin when there is
// a file "plugin", and what it is asked fails that is in the file "fails".
const fakeDocker = `#!/bin/sh
cd "${0%/*}" || exit 1
program=${0##*/}
if [ "$program" = docker ]; then
	[ -e plugin ] || { echo "unknown command: docker compose" >&2; exit 1; }
	shift
fi
[ "$1" = version ] && exit
echo "$program $*" >> log
if [ "$1" = --file ]; then shift 2; fi
if grep -qsx "$*" fails; then echo "cannot $1 $2" >&2; exit 1; fi
case "$*" in
*status=running) printf 'service1\nservice2\n' ;;
*status=paused) [ -e paused ] && echo service1 ;;
pause*) touch paused ;;
unpause*) rm paused ;;
esac
exit 0
`

// docker puts a fake one in front of the PATH, and gives its folder.
func docker(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"docker", "docker-compose"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(fakeDocker), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range files {
		name, text, _ := strings.Cut(name, ":")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

// asked lists what a fake docker was asked to do; looking does not count.
func asked(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(data)), "\n"), func(line string) bool {
		return strings.Contains(line, " ps ") || line == ""
	})
}

// runDocker runs a method with docker steps against a system that bears it, and gives the events that it told.
func runDocker(ctx context.Context, t *testing.T, method string, journaled func() error) (*Result, []Event) {
	t.Helper()
	l := newLab()
	l.handle = func(*faults.Rule) int { return 200 }
	var events []Event
	r := Runner{
		Experiment: experiment(t, "\nmethod: "+method+"\nreport: {json: run.json}"), RunID: "run", Targets: map[string]Target{"": l}, Transport: l,
		Tell: func(e Event) { events = append(events, e) }, Journaled: journaled,
	}
	return r.Run(ctx), events
}

func isKept() error { return nil }

func TestDockerStepsAreUndone(t *testing.T) {
	for name, test := range map[string]struct {
		files  []string
		method string
		asked  []string
	}{
		"stop":       {nil, "[{docker: stop, service: service1, for: 5s}]", []string{"docker-compose stop service1", "docker-compose start service1"}},
		"the plugin": {[]string{"plugin"}, "[{docker: kill, service: service1, for: 5s}]", []string{"docker kill service1", "docker start service1"}},
		"pause":      {nil, "[{docker: pause, service: service1, for: 5s}]", []string{"docker-compose pause service1", "docker-compose unpause service1"}},
		"restart":    {nil, "[{docker: restart, service: service1, for: 5s}]", []string{"docker-compose restart service1"}},
		"a file": {
			nil, "[{docker: stop, service: service1, for: 5s, file: -f x.yml}]",
			[]string{"docker-compose --file -f x.yml stop service1", "docker-compose --file -f x.yml start service1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := docker(t, test.files...)
			synctest.Test(t, func(t *testing.T) {
				r, _ := runDocker(t.Context(), t, test.method, isKept)
				want(t, r, Passed, Completed, 0, "")
				if took := r.Steps[0].Ended.Sub(r.Steps[0].Began); took != 5*time.Second || !strings.HasPrefix(r.Steps[0].Name, "docker ") {
					t.Errorf("%+v took %v", r.Steps[0], took)
				}
			})
			if diff := cmp.Diff(test.asked, asked(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is done stands in the journal before, and that it is undone behind it.
func TestADockerStepIsJournalledBeforeItIsDone(t *testing.T) {
	dir := docker(t)
	var before []string
	synctest.Test(t, func(t *testing.T) {
		_, events := runDocker(t.Context(), t, "[{docker: stop, service: service1, for: 5s}]", func() error {
			before = append(before, strings.Join(asked(t, dir), ", "))
			return nil
		})
		var told []string
		for _, e := range events {
			if e.Docker != nil {
				told = append(told, e.What+" "+e.Docker.Do+" "+e.Docker.Service+" "+e.Docker.Dir)
			}
		}
		here, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"docker stop service1 " + here, "docker-undone stop service1 " + here}, told); diff != "" {
			t.Error(diff)
		}
	})
	if diff := cmp.Diff([]string{"", "docker-compose stop service1, docker-compose start service1"}, before); diff != "" {
		t.Errorf("done when it was journalled: %s", diff)
	}
}

func TestWhatCannotBeJournalledIsNotDone(t *testing.T) {
	dir := docker(t)
	synctest.Test(t, func(t *testing.T) {
		r, _ := runDocker(t.Context(), t, "[{docker: stop, service: service1, for: 5s}]", func() error { return errors.New("the disk is full") })
		want(t, r, Inconclusive, Failed, 5, "the journal: the disk is full")
		r, _ = runDocker(t.Context(), t, "[{docker: stop, service: service1, for: 5s}]", nil)
		want(t, r, Invalid, Failed, 4, "docker: nobody keeps a journal")
	})
	if did := asked(t, dir); len(did) > 0 {
		t.Errorf("it did %q", did)
	}
	err := Check(experiment(t, "\nmethod: [{pause: 1s}, {docker: stop, service: service1, for: 5s}]"))
	if err == nil || !strings.Contains(err.Error(), "report.json") {
		t.Errorf("without a journal: %v", err)
	}
	if err := Check(experiment(t, "\nmethod: [{docker: restart, service: service1, for: 5s}]")); err != nil {
		t.Error(err)
	}
}

func TestADockerStepEndsWithASignal(t *testing.T) {
	dir := docker(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		start := time.Now()
		r, _ := runDocker(ctx, t, "[{docker: stop, service: service1, for: 60s}]", isKept)
		want(t, r, Aborted, Interrupted, 2, "interrupted by a signal")
		if ended := r.Steps[0].Ended.Sub(start); ended != 8*time.Second || r.Steps[0].Error != "" {
			t.Errorf("%+v ended after %v", r.Steps[0], ended)
		}
	})
	if diff := cmp.Diff([]string{"docker-compose stop service1", "docker-compose start service1"}, asked(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestDockerStepsThatCannotBeDone(t *testing.T) {
	const stop = "[{docker: stop, service: service1, for: 5s}]"
	for name, test := range map[string]struct {
		file, method string
		v            Verdict
		code         int
		reason       string
		asked        []string
	}{
		"no such service": {"plugin", "[{docker: stop, service: servic, for: 5s}]", Invalid, 4, `docker: there is no service "servic" that runs, but service1, service2`, nil},
		"it fails": {
			"fails:stop service1", stop, Inconclusive, 5, "docker-compose stop service1: exit status 1: cannot stop service1",
			[]string{"docker-compose stop service1", "docker-compose start service1"},
		},
		"its undoing fails": {
			"fails:start service1", stop, Inconclusive, 5,
			"docker: stop service1 could not be undone, which the next start will try: docker-compose start service1: exit status 1: cannot start service1",
			[]string{"docker-compose stop service1", "docker-compose start service1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := docker(t, test.file)
			synctest.Test(t, func(t *testing.T) {
				r, _ := runDocker(t.Context(), t, test.method, isKept)
				want(t, r, test.v, Failed, test.code, test.reason)
			})
			if diff := cmp.Diff(test.asked, asked(t, dir), cmp.Transformer("", func(s []string) string { return strings.Join(s, ", ") })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutDockerNothingIsTouched(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		r, _ := runDocker(t.Context(), t, "[{docker: stop, service: service1, for: 5s}]", isKept)
		want(t, r, Invalid, Failed, 4, "docker: neither docker compose nor docker-compose can be run: ")
	})
}

// The next start undoes what a run has left, the last first, and notes it: a second one finds nothing.
func TestTheNextStartUndoesWhatDockerDid(t *testing.T) {
	dir := docker(t, "paused")
	journal := filepath.Join(t.TempDir(), "run.json")
	write := func(events ...Event) {
		var text []byte
		for _, e := range events {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			text = append(append(text, line...), '\n')
		}
		if err := os.WriteFile(journal, append(text, `{"what":"dock`...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owed := func(do, service string) *Owed { return &Owed{Do: do, Service: service, File: "c.yml", Dir: dir} }
	did := func(do, service string) Event { return Event{What: "docker", Docker: owed(do, service)} }
	write(Event{What: "run"}, did("stop", "service1"), undone(*owed("stop", "service1")), did("stop", "service1"), did("kill", "service2"), did("pause", "service1"))
	if err := os.WriteFile(filepath.Join(dir, "fails"), []byte("start service1"), 0o600); err != nil {
		t.Fatal(err)
	}
	settled, err := Settle(t.Context(), journal)
	if diff := cmp.Diff([]string{"pause service1", "kill service2"}, settled); diff != "" || err == nil || !strings.Contains(err.Error(), "an earlier run did stop service1, which could not be undone") {
		t.Errorf("%v: %s", err, diff)
	}
	if err := os.Remove(filepath.Join(dir, "fails")); err != nil {
		t.Fatal(err)
	}
	settled, err = Settle(t.Context(), journal)
	if diff := cmp.Diff([]string{"stop service1"}, settled); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	if settled, err = Settle(t.Context(), journal); len(settled) > 0 || err != nil {
		t.Errorf("a second time: %q, %v", settled, err)
	}
	commands := []string{"unpause service1", "start service2", "start service1", "start service1"}
	for i := range commands {
		commands[i] = "docker-compose --file c.yml " + commands[i]
	}
	if diff := cmp.Diff(commands, asked(t, dir)); diff != "" {
		t.Error(diff)
	}
	if settled, err = Settle(t.Context(), journal+".none"); len(settled) > 0 || err != nil {
		t.Errorf("without a journal: %q, %v", settled, err)
	}
	write(Event{What: "run"}, did("pause", "service1")) // killed before it was done, or undone by somebody
	if settled, err = Settle(t.Context(), journal); len(settled) != 1 || err != nil || len(asked(t, dir)) != 4 {
		t.Errorf("what is not paused: %q, %v, %q", settled, err, asked(t, dir))
	}
	journalled, killed, err := OpenJournal(journal)
	if err != nil || killed == "" {
		t.Fatalf("%q, %v: a run that was killed is not marked", killed, err)
	}
	if err := journalled.Close(); err != nil {
		t.Error(err)
	}
}

// A run that has ended, but could not undo what it did, is not taken for one that was killed.
func TestARunThatHasEndedIsSettledAndNotMarked(t *testing.T) {
	dir := docker(t)
	journal := filepath.Join(t.TempDir(), "run.json")
	text := `{"what":"run"}` + "\n" + `{"what":"docker","docker":{"do":"stop","service":"service1","dir":"` + dir + `"}}` + "\n" + `{"what":"end","name":"inconclusive"}` + "\n"
	if err := os.WriteFile(journal, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if did, err := Settle(t.Context(), journal); len(did) != 1 || err != nil {
		t.Fatal(did, err)
	}
	journalled, killed, err := OpenJournal(journal)
	if err != nil || killed != "" {
		t.Fatalf("%q, %v", killed, err)
	}
	if err := journalled.Close(); err != nil {
		t.Error(err)
	}
}
