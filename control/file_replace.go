package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// replace puts new content in the place of the state file's, so that at every moment, and after a crash at any moment,
// the file has either the old or the new one. When it returns nil the new one is on the disk; when it does not, the file
// is as it was.
func (f *FileStore) replace(content []byte) error {
	temporary := f.path + ".new"
	err := writeSynced(temporary, content)
	if err == nil {
		err = f.keepCopies()
	}
	if err == nil {
		err = os.Rename(temporary, f.path)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	if err := syncDir(f.path); err != nil {
		// Nobody knows which content a crash would leave. The old one must be back before the change is refused.
		return errors.Join(err, f.undo())
	}
	return nil
}

// keepCopies moves the copies up by one and makes the present file the first, by a second link: the file itself stays
// in place. A file that is damaged becomes FILE.damaged instead.
func (f *FileStore) keepCopies() error {
	spare := f.path + ".keep"
	if err := link(f.path, spare); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if f.damaged {
		return os.Rename(spare, f.path+".damaged")
	}
	for i := copies; i > 1; i-- {
		if err := os.Rename(f.copyName(i-1), f.copyName(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(spare, f.copyName(1))
}

// undo puts the first copy back in the place of a state file whose directory could not be synced.
func (f *FileStore) undo() error {
	spare := f.path + ".keep"
	err := link(f.copyName(1), spare)
	switch {
	case errors.Is(err, fs.ErrNotExist) || f.damaged: // there was none before
		err = os.Remove(f.path)
	case err == nil:
		err = os.Rename(spare, f.path)
	}
	if err != nil {
		return fmt.Errorf("the state refused may come back after a restart: %w", err)
	}
	return nil
}

func (f *FileStore) copyName(i int) string { return f.path + "." + strconv.Itoa(i) }

// link gives a file a second name, or, where the file system knows no links, makes a copy.
func link(from, to string) error {
	if err := removeIfThere(to); err != nil {
		return err
	}
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeSynced(to, content)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeSynced writes a new file that is on the disk when it returns. What has its name already is removed, never written
// into: it may be a link to somewhere else, or readable by others.
func writeSynced(path string, data []byte) error {
	if err := removeIfThere(path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncDir syncs the directory that a file is in.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
