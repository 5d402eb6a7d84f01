package control

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// open gives the store of a file until the test ends.
func open(t testing.TB, path string) *FileStore {
	t.Helper()
	store, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestAStateFileThatIsNotThere(t *testing.T) {
	if s, damage, err := open(t, t.TempDir()+"/state").Load(t0); s != nil || damage != nil || err != nil {
		t.Errorf("got %+v, %v, %v", s, damage, err)
	}
	if _, err := OpenFile(t.TempDir() + "/nowhere/state"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestThreeCopiesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	store := open(t, path)
	for n := uint64(1); n <= 6; n++ {
		if err := store.Save(numbered(n)); err != nil {
			t.Fatal(err)
		}
		if err := store.Save(numbered(n)); err != nil { // the same again is not written again
			t.Fatal(err)
		}
	}
	for i, want := range []uint64{6, 5, 4, 3} {
		name := path
		if i > 0 {
			name = store.copyName(i)
		}
		s, _, err := readState(name, t0)
		if err != nil || s.Revision != want {
			t.Fatalf("%s: got %+v, %v, want revision %d", name, s, err, want)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	var left []string
	files, err := filepath.Glob(path + "*")
	for _, file := range files {
		left = append(left, strings.TrimPrefix(file, path))
	}
	if got := strings.Join(left, " "); err != nil || got != " .1 .2 .3 .lock" {
		t.Errorf("files: %s, %v", got, err)
	}
}

// A process that starts and changes nothing must not push good copies out.
func TestWhatWasLoadedIsNotSavedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for n := uint64(1); n <= 4; n++ {
		save(t, path, numbered(n))
	}
	for range 5 {
		store, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := store.Load(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		k, err := New(Config{Engine: &fakeEngine{}, Store: store}, s)
		if err != nil {
			t.Fatal(err)
		}
		k.Close()
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if s, _, err := readState(path+".3", t0); err != nil || s.Revision != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
}

// The temporary file may be there already: left by a crash, readable by others, or a link that somebody put there.
func TestATemporaryFileThatIsThereAlready(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "state"), filepath.Join(dir, "other")
	write(t, other, []byte("mine"))
	if err := os.Symlink(other, path+".new"); err != nil {
		t.Fatal(err)
	}
	store := open(t, path)
	for n := uint64(1); n <= 2; n++ {
		if err := store.Save(numbered(n)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("saved as %v, %v", info.Mode(), err)
		}
		write(t, path+".new", []byte("half a sta"))
		write(t, path+".keep", []byte("half a sta"))
	}
	if content, err := os.ReadFile(other); err != nil || string(content) != "mine" {
		t.Errorf("another file was written: %s, %v", content, err)
	}
}

func TestADiskThatIsFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no tmpfs can be mounted here, a full disk is not shown: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "state")
	store := open(t, path)
	k := start(t, Config{Store: store}, stateWith("a"))
	changeTo(t, k, `{"mode":"failure"}`)
	before := k.State()
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	if err := errors.Join(ballast.Close()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err = k.Change(t.Context(), Request{}, func(s *State) error { s.Clear(); return nil })
		if codeOf(err) != Full || !errors.Is(err, syscall.ENOSPC) || k.State() != before {
			t.Errorf("got %v", err)
		}
	}
	if s, _, err := readState(path, time.Now()); err != nil || s.Revision != before.Revision {
		t.Errorf("the file has %+v, %v", s, err)
	}
	if err := os.Remove(ballast.Name()); err != nil {
		t.Fatal(err)
	}
	changeTo(t, k, `{"mode":"fallback"}`)
	if s, _, err := readState(path, time.Now()); err != nil || s.Mode.Name != ModeFallback {
		t.Errorf("the file has %+v, %v", s, err)
	}
}

// A store that is told to keep what cannot be read again must say so, not lose it.
func TestWhatCouldNotBeReadAgainIsRefused(t *testing.T) {
	body := &document.Node{Kind: document.String, Text: "x"}
	for range document.MaxDepth - 4 {
		body = &document.Node{Kind: document.List, Items: []*document.Node{body}}
	}
	r := abort("x", "")
	r.Attributes = &faults.Abort{Status: 503, Body: body}
	if _, err := tryParse[faults.Rule](asJSON(t, r)); err != nil {
		t.Fatalf("the rule itself must be fine: %v", err)
	}
	store, err := OpenFile(t.TempDir() + "/state")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	k := start(t, Config{Store: store}, stateWith("a"))
	_, err = k.Change(t.Context(), Request{}, func(s *State) error { _, err := s.AddRule(r, time.Now()); return err })
	if codeOf(err) != Invalid || len(k.State().Rules) > 0 {
		t.Errorf("got %v", err)
	}
}

// A lock file that is a link could make squall write into any file of its user's.
func TestALockFileThatIsALinkIsRefused(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "state.json")
	if err := os.Symlink(victim, path+".lock"); err != nil {
		t.Fatal(err)
	}
	if f, err := OpenFile(path); err == nil {
		t.Error("it was followed")
		_ = f.Close()
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("the file that it points to says %q, %v", text, err)
	}
}
