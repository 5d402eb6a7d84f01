package runner

import (
	"os"
	"path/filepath"
	"strings"
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
	j.Write(Event{At: time.Unix(0, 0).UTC(), What: "step-end", Name: "slow", Hits: &hits})
	const first = `{"at":"1970-01-01T00:00:00Z","what":"step-end","name":"slow","hits":3}` + "\n"
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

// A run that was killed is marked by the next one, torn line or not, and kept.
func TestAJournalWithoutAnEndIsMarked(t *testing.T) {
	for _, text := range []string{`{"what":"phase","name":"during"}` + "\n", `{"what":"run"}` + "\n" + `{"what":"pha`} {
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
		if last, err := lastEvent(data); err != nil || last.What != "end" || last.Name != "aborted" || last.Why != "interrupted" {
			t.Errorf("%+v, %v", last, err)
		}
	}
}
