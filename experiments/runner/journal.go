package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"syscall"
	"time"
)

// Journal is the file of a run: one [Event] a line, as JSON. A line is on disk before the run goes on, but for those of checks
// and loads, which wait for the next. Whatever kills the runner, what is there can be read.
type Journal struct {
	file *os.File
	err  error // the first
}

// CheckJournal refuses a path at which no journal can be begun: a file is there that is none, or another run is writing it.
func CheckJournal(path string) error {
	file, _, err := takeJournal(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// takeJournal opens a journal and reads what is in it. Until it is closed nobody else can take it.
func takeJournal(path string, flags int) (file *os.File, data []byte, err error) {
	if file, err = os.OpenFile(path, os.O_RDWR|flags, 0o644); err != nil {
		return nil, nil, err
	}
	if data, err = claim(file); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, data, nil
}

// claim locks a journal and reads it. What is no file, such as a pipe, is nobody's, and has nothing in it.
func claim(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: another run is writing it", file.Name())
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	for e := range eventsOf(data) {
		if e.What == "run" {
			return data, nil
		}
		break
	}
	return nil, fmt.Errorf("%s: a file is there that is not the journal of a run", file.Name())
}

// OpenJournal begins a journal, in place of one that has its end. One without is of a run that was killed: it is kept beside it,
// under its name with ".interrupted" behind it, which is returned, and is given an end there that says interrupted. Until the
// journal is closed no other run can have it.
func OpenJournal(path string) (journal *Journal, killed string, err error) {
	file, data, err := takeJournal(path, os.O_CREATE)
	if err != nil {
		return nil, "", err
	}
	if len(data) == 0 {
		return &Journal{file: file}, "", nil
	}
	if !hasEnd(data) {
		killed = path + ".interrupted"
		err = keepKilled(killed, data)
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, "", errors.Join(err, file.Close())
	}
	return &Journal{file: file}, killed, nil
}

// hasEnd says whether a run has told of its end.
func hasEnd(journal []byte) bool {
	for e := range eventsOf(journal) {
		if e.What == "end" {
			return true
		}
	}
	return false
}

// keepKilled keeps what a run that was killed has told, with an end.
func keepKilled(path string, journal []byte) error {
	if err := os.WriteFile(path, journal, 0o644); err != nil {
		return err
	}
	return appendEvent(path, Event{What: "end", Name: string(Aborted), Why: string(Interrupted)})
}

// appendEvent adds an event of now to a journal that nobody writes, the last line of which may be torn.
func appendEvent(path string, e Event) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	e.At = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		line = append([]byte{'\n'}, line...)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Sync(), file.Close())
}

// ReadJournal reads a journal, also one of a run that was killed: its torn last line is left out.
func ReadJournal(path string) ([]Event, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var events []Event
	var torn error // the last line that cannot be read
	number := 0
	for line := range bytes.Lines(data) {
		number++
		var e Event
		if err := json.Unmarshal(line, &e); err != nil || e.What == "" {
			if torn != nil {
				return nil, torn
			}
			torn = fmt.Errorf("%s:%d: not an event of a run: want the journal that report.json names", path, number)
			continue
		}
		// Behind a torn line stands what the next run has given it: what was undone, and an end.
		if torn != nil && e.What != "docker-undone" && e.Why != string(Interrupted) {
			return nil, torn
		}
		events = append(events, e)
	}
	if len(events) == 0 || events[0].What != "run" {
		return nil, fmt.Errorf("%s: not the journal of a run: want the file that report.json names", path)
	}
	return events, nil
}

// eventsOf are the events of a journal. Lines that cannot be read are left out: they were torn before anything came of them.
func eventsOf(data []byte) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for line := range bytes.Lines(data) {
			var e Event
			if json.Unmarshal(line, &e) == nil && !yield(e) {
				return
			}
		}
	}
}

// Write adds an event. What goes wrong is Close's to tell.
func (j *Journal) Write(e Event) {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err == nil && e.What != "check" && e.What != "load" {
		err = j.file.Sync()
	}
	if j.err == nil {
		j.err = err
	}
}

// Err is the first error that there was.
func (j *Journal) Err() error { return j.err }

// Close ends the file, and gives the first error that there was.
func (j *Journal) Close() error { return errors.Join(j.err, j.file.Close()) }
