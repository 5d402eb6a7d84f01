package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Settle undoes what docker steps of an earlier run have left, by that run's journal, and notes there that it did. It comes
// before [OpenJournal], and gives what it undid, such as "stop service1". An error says what is still broken; the journal
// keeps that.
func Settle(ctx context.Context, path string) (did []string, err error) {
	file, data, err := takeJournal(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for _, o := range slices.Backward(owed(data)) {
		c, err := findCompose(ctx, o.Dir)
		if err == nil {
			err = o.undo(ctx, c)
		}
		if err == nil {
			err = appendEvent(path, undone(o))
		}
		if err != nil {
			return did, fmt.Errorf("%s: an earlier run did %s %s, which could not be undone: %w", path, o.Do, o.Service, err)
		}
		did = append(did, o.Do+" "+o.Service)
	}
	return did, nil
}

// owed lists what a journal says that docker did and nobody undid, in its order.
func owed(journal []byte) []Owed {
	var left []Owed
	for e := range eventsOf(journal) {
		if e.Docker == nil {
			continue
		}
		if e.What == "docker" {
			left = append(left, *e.Docker)
		} else if i := slices.Index(left, *e.Docker); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return left
}
