package control

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileThatIsDamaged(t *testing.T) {
	good, err := renderState(numbered(7))
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(good, []byte(`"squall_state":1`), []byte(`"squall_state":2`), 1)
	damages := map[string][]byte{
		"empty": {}, "half a header": good[:10], "only a header": good[:bytes.IndexByte(good, '\n')+1],
		"half": good[:len(good)/2], "without the last byte": good[:len(good)-1], "longer": append(bytes.Clone(good), 'x'),
		"a bit flipped": flipped(good, len(good)/2), "a digit changed": bytes.Replace(good, []byte(`"revision": 7`), []byte(`"revision": 8`), 1),
		"foreign": []byte("proxies: []\n"), "another program's": []byte("{\"format\":1}\n{}\n"), "zeros": make([]byte, 4096),
	}
	for name, content := range damages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			for n := uint64(1); n <= 5; n++ {
				save(t, path, numbered(n))
			}
			write(t, path, content)
			store := open(t, path)
			s, damage, err := store.Load(t0)
			if err != nil || damage == nil || s.Revision != 4 || !strings.Contains(damage.Error(), path+".1") {
				t.Fatalf("got %+v, %v, %v", s, damage, err)
			}
			// What is damaged is put aside, and pushes no good copy out.
			for n := uint64(8); n <= 9; n++ {
				if err := store.Save(numbered(n)); err != nil {
					t.Fatal(err)
				}
			}
			for i, want := range []uint64{8, 4, 3} {
				if s, _, err := readState(store.copyName(i+1), t0); err != nil || s.Revision != want {
					t.Errorf("copy %d: %+v, %v, want revision %d", i+1, s, err, want)
				}
			}
			if kept, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(kept, content) {
				t.Errorf("what was damaged is lost: %v", err)
			}
		})
		t.Run(name+", copies too", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			write(t, path, content)
			write(t, path+".2", content)
			if s, damage, err := open(t, path).Load(t0); s != nil || damage != nil || err == nil || !strings.Contains(err.Error(), path+".2") {
				t.Errorf("got %+v, %v, %v", s, damage, err)
			}
		})
	}
	t.Run("gone, copies are there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		write(t, path+".2", good)
		if s, damage, err := open(t, path).Load(t0); err != nil || damage == nil || s.Revision != 7 {
			t.Errorf("got %+v, %v, %v", s, damage, err)
		}
	})
	t.Run("of a newer squall", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		write(t, path, newer)
		write(t, path+".1", good)
		if s, damage, err := open(t, path).Load(t0); s != nil || damage != nil || !errors.Is(err, ErrNewer) {
			t.Errorf("got %+v, %v, %v", s, damage, err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		write(t, path, good)
		if err := os.Truncate(path, maxStateFile+2); err != nil {
			t.Fatal(err)
		}
		if s, _, err := open(t, path).Load(t0); s != nil || err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

func flipped(content []byte, at int) []byte {
	content = bytes.Clone(content)
	content[at] ^= 1
	return content
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
