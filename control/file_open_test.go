package control

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe where a file is expected would keep the start waiting for its other end; a directory or a device cannot be
// replaced by a file.
func TestAStateFileIsARegularFile(t *testing.T) {
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	for _, test := range []struct {
		name, suffix, want string
		make               func(path string) error
	}{
		{"pipe", "", "a named pipe", pipe},
		{"directory", "", "a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"device", "", "a device", func(path string) error { return os.Symlink("/dev/null", path) }},
		{"lock pipe", ".lock", "a named pipe", pipe},
		{"lock directory", ".lock", "is a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			if err := test.make(path + test.suffix); err != nil {
				t.Fatal(err)
			}
			store, err := OpenFile(path)
			if err == nil {
				store.Close()
				t.Fatal("no error")
			}
			if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, test.want) {
				t.Errorf("got %q, want %q in it", text, test.want)
			}
		})
	}
}

// A pipe in the place of a copy is no copy, and nobody waits for it.
func TestACopyThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for n := uint64(1); n <= 3; n++ {
		save(t, path, numbered(n))
	}
	for _, err := range []error{os.WriteFile(path, []byte("x"), 0o600), os.Remove(path + ".1"), syscall.Mkfifo(path+".1", 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, damage, err := open(t, path).Load(t0)
	if err != nil || s == nil || s.Revision != 1 || !errors.Is(damage, errNotRegular) {
		t.Errorf("got %+v, %v, %v", s, damage, err)
	}
}

// A link to a regular file is as good as the file.
func TestAStateFileBehindALink(t *testing.T) {
	dir := t.TempDir()
	save(t, filepath.Join(dir, "real"), numbered(7))
	if err := os.Symlink("real", filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	if s, _, err := open(t, filepath.Join(dir, "state")).Load(t0); err != nil || s.Revision != 7 {
		t.Errorf("got %+v, %v", s, err)
	}
}
