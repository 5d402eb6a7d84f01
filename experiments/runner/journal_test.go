package runner

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAJournalIsThereLineByLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	j, killed, err := OpenJournal(path)
	if err != nil || killed != "" {
		t.Fatal(killed, err)
	}
	hits := uint64(3)
	j.Write(Event{At: time.Unix(0, 0).UTC(), What: "run"})
	j.Write(Event{At: time.Unix(0, 0).UTC(), What: "step-end", Name: "slow", Hits: &hits})
	const first = `{"at":"1970-01-01T00:00:00Z","what":"run"}` + "\n" + `{"at":"1970-01-01T00:00:00Z","what":"step-end","name":"slow","hits":3}` + "\n"
	if data, err := os.ReadFile(path); err != nil || string(data) != first {
		t.Errorf("%s, %v, want %s", data, err, first)
	}
	j.Write(Event{What: "end", Name: "passed"})
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	j, killed, err = OpenJournal(path)
	if err != nil || killed != "" {
		t.Fatalf("a run that has ended is taken for %q, %v", killed, err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	j.Write(Event{What: "end"})
	if err := j.Close(); err == nil {
		t.Error("an event was lost, and nobody says so")
	}
	if _, _, err := OpenJournal(filepath.Join(path, "x")); err == nil {
		t.Error("a journal below a file")
	}
}

// What is no journal, and what another run is writing, stays as it is.
func TestAJournalTakesNothingFromOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	if err := os.WriteFile(path, []byte("precious\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenJournal(path); err == nil || !strings.Contains(err.Error(), "not the journal of a run") {
		t.Errorf("over a file: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "precious\n" {
		t.Errorf("the file is %q, %v", data, err)
	}
	path += "l"
	living, _, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	living.Write(Event{What: "run", Name: "x"})
	if _, _, err := OpenJournal(path); err == nil || !strings.Contains(err.Error(), "another run is writing it") {
		t.Errorf("of a run that goes on: %v", err)
	}
	if did, err := Settle(t.Context(), path); err == nil {
		t.Errorf("of a run that goes on %q was undone", did)
	}
	if err := living.Close(); err != nil {
		t.Error(err)
	}
	next, killed, err := OpenJournal(path)
	if err != nil || killed == "" {
		t.Fatalf("of a run that was killed: %q, %v", killed, err)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// Of two runs that begin at once, with what a killed one has left, one has the journal.
func TestOneOfTwoRunsHasTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	for range 100 {
		if err := os.WriteFile(path, []byte(`{"what":"run"}`+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var begin sync.WaitGroup
		begin.Add(1)
		journals := make(chan *Journal, 2)
		for range 2 {
			go func() {
				begin.Wait()
				j, _, err := OpenJournal(path)
				if err != nil && !strings.Contains(err.Error(), "another run is writing it") {
					t.Error(err)
				}
				journals <- j
			}()
		}
		begin.Done()
		first, second := <-journals, <-journals
		if (first == nil) == (second == nil) {
			t.Fatalf("%v and %v", first, second)
		}
		if first == nil {
			first = second
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAJournalIsReadAsFarAsItWasWritten(t *testing.T) {
	const run, phase, marked = `{"what":"run","name":"x"}` + "\n", `{"what":"phase","name":"during"}` + "\n", "\n" + `{"what":"end","why":"interrupted"}` + "\n"
	path := filepath.Join(t.TempDir(), "run.json")
	for text, want := range map[string]int{
		run + phase: 2, run + phase + `{"what":"pha`: 2, run + `{"what":"pha` + marked: 2, run + phase + marked[1:]: 3,
		"": -1, phase: -1, "{}\n": -1, run + "text\n" + phase: -1, run + "text\ntext": -1,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		events, err := ReadJournal(path)
		if (err != nil) != (want < 0) || err == nil && len(events) != want {
			t.Errorf("%q: %d events, %v, want %d", text, len(events), err, want)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v does not name the file", text, err)
		}
	}
}

// A run that was killed is marked by the next one, torn line or not, and kept.
func TestAJournalWithoutAnEndIsMarked(t *testing.T) {
	for _, text := range []string{`{"what":"run"}` + "\n" + `{"what":"phase","name":"during"}` + "\n", `{"what":"run"}` + "\n" + `{"what":"pha`} {
		path := filepath.Join(t.TempDir(), "run.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		j, killed, err := OpenJournal(path)
		if err != nil || killed != path+".interrupted" {
			t.Fatal(killed, err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(killed)
		if err != nil || !strings.HasPrefix(string(data), text) {
			t.Errorf("%s, %v", data, err)
		}
		var last Event
		for last = range eventsOf(data) {
		}
		if last.What != "end" || last.Name != "aborted" || last.Why != "interrupted" {
			t.Errorf("%+v", last)
		}
	}
}
