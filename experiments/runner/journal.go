package runner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Journal is the file of a run: one [Event] a line, as JSON. A line is on disk before the run goes on, but for those of checks
// and loads, which wait for the next. Whatever kills the runner, what is there can be read.
type Journal struct {
	file *os.File
	err  error // the first
}

// OpenJournal begins a journal, in place of one that has its end. One without is of a run that was killed: it is given an
// end that says interrupted, and kept under its name with ".interrupted" behind it, which is returned.
func OpenJournal(path string) (journal *Journal, killed string, err error) {
	ended, err := endJournal(path)
	if err != nil {
		return nil, "", err
	}
	if !ended {
		killed = path + ".interrupted"
		if err := os.Rename(path, killed); err != nil {
			return nil, "", err
		}
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, "", err
	}
	return &Journal{file: file}, killed, nil
}

// endJournal says whether a journal has its end, or is not there at all, and gives it one that says interrupted otherwise.
func endJournal(path string) (ended bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if last, err := lastEvent(data); err == nil && last.What == "end" || len(data) == 0 {
		return true, nil
	}
	line, err := json.Marshal(Event{At: time.Now(), What: "end", Name: string(Aborted), Why: string(Interrupted)})
	if err != nil {
		return false, err
	}
	if data[len(data)-1] != '\n' { // torn
		line = append([]byte{'\n'}, line...)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return false, err
	}
	_, err = file.Write(append(line, '\n'))
	return false, errors.Join(err, file.Sync(), file.Close())
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
			torn = fmt.Errorf("%s:%d: not an event of a run", path, number)
			continue
		}
		// What stands behind a torn line is the end that the next run has given it.
		if torn != nil && !(e.What == "end" && e.Why == string(Interrupted)) {
			return nil, torn
		}
		events = append(events, e)
	}
	if len(events) == 0 || events[0].What != "run" {
		return nil, fmt.Errorf("%s: not the journal of a run", path)
	}
	return events, nil
}

// lastEvent reads the last line of a journal.
func lastEvent(data []byte) (Event, error) {
	var last []byte
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		last = lines.Bytes()
	}
	var e Event
	return e, json.Unmarshal(last, &e)
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

// Close ends the file, and gives the first error that there was.
func (j *Journal) Close() error { return errors.Join(j.err, j.file.Close()) }
