package control

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
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
	t.Run("a directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, _, err := open(t, path).Load(t0); err == nil {
			t.Error("loaded a directory")
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

// drawState makes a state by random documents: modes, lists and rules, timed and not, owned and not, one over the other.
func drawState(t *rapid.T) *State {
	s := stateWith("a", "b", "x.y")
	s.Revision = rapid.Uint64().Draw(t, "revision")
	s.Seed = rapid.Uint64().Draw(t, "seed")
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	rules := func() string {
		var list []string
		for range rapid.IntRange(0, 3).Draw(t, "rules") {
			list = append(list, pick("rule",
				`{"abort":503}`, `{"proxy":"a","delay":{"latency":"1s","jitter":"5ms"},"percent":0.0001}`,
				`{"abort":{"status":500,"body":{"a":[1,2.50,1e3,"\u2028<>&"]},"headers":{"X-A":"b"}},"ttl":"24h","owner":"o"}`,
				`{"proxy":"x.y","degrade":{"body":null},"enabled":false,"shadow":true,"ttl":"1ns"}`,
				`{"match":{"path":["/a/*",{"regex":"^/b"}],"headers":{"X":{"absent":true}},"query":{"q":"1"}},"except":{"methods":["GET"]},"delay":"1m"}`,
				`{"degrade":{"merge":{"a":null}},"key":"header:X-Id","skip":1,"first":2,"every":3,"max_total":18446744073709551615,"max_active":1}`,
				`{"headers":{"request":{"set":{"A":"b"}}},"percent":99.9999}`, `{"blackhole":{},"phase":"after","percent":0}`,
			))
		}
		return strings.Join(list, ",")
	}
	for range rapid.IntRange(0, 6).Draw(t, "changes") {
		ttl := pick("ttl", `"0s"`, `"1ms"`, `"17m3s"`, `"24h"`)
		owner := pick("owner", `"me"`, `"someone else"`)
		text := pick("change",
			`{"mode":"failure","owner":`+owner+`,"ttl":`+ttl+`}`, `{"mode":"normal","owner":`+owner+`}`,
			`{"modes":{"a":"fallback","x.y":{"mode":"failure","ttl":"5s"}},"owner":`+owner+`,"ttl":`+ttl+`}`, `{"modes":{"a":null},"ttl":`+ttl+`}`,
			`{"rules":[`+rules()+`],"owner":`+owner+`,"ttl":`+ttl+`}`, `{"rules":[`+rules()+`]}`,
			`{"profiles":{"p":{"failure_rate":0.123456},"q":{"body":"text\n","rules":[{"name":"n","abort":500}]}}}`, "rule",
		)
		if text != "rule" {
			d, err := tryParse[Document](text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if err := s.Apply(d, t0); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			continue
		}
		r := abort("", pick("proxy", "", "a", "b"))
		r.TTL = ttlHold(0, t0).TTL
		if ttl != `"0s"` {
			r = withTTL(r, time.Hour)
		}
		proxyName := r.Proxy
		if proxyName == "" {
			proxyName = AnyProxy
		}
		if _, err := s.PutRule(Address{Name: pick("name", "abort-1", "delay-1", "n"), Proxy: &proxyName}, r, "", t0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryStateIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	store := open(t, path)
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		if err := store.Save(s); err != nil {
			t.Fatal(err)
		}
		loaded, damage, err := store.Load(t0)
		if err != nil || damage != nil {
			t.Fatal(damage, err)
		}
		was, is := fmt.Sprintf("%+v", asText(t, s)), fmt.Sprintf("%+v", asText(t, loaded))
		if was != is {
			t.Fatalf("saved\n%s\nloaded\n%s", was, is)
		}
		// It goes on alike, too.
		for _, at := range []time.Duration{time.Millisecond, 5 * time.Second, time.Hour, 24 * time.Hour} {
			s.expire(after(at))
			loaded.expire(after(at))
			if was, is := asText(t, s), asText(t, loaded); was != is {
				t.Fatalf("after %v: saved\n%s\nloaded\n%s", at, was, is)
			}
		}
	})
}

func asText(t *rapid.T, s *State) string {
	text, err := encodeState(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTimeGoesOnWhileSquallIsDown(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"mode":"failure","ttl":"30s"}`, t0)
	put(t, s, `{"rules":[{"name":"x","abort":503,"ttl":"10s"},{"name":"y","abort":503}]}`, t0)
	for _, tt := range []struct {
		name string
		now  time.Time // of the start, by the wall clock
		mode time.Duration
		want string
	}{
		{"at once", t0, 30 * time.Second, "~x@* y@*"},
		{"later", after(9 * time.Second), 21 * time.Second, "~x@* y@*"},
		{"after an end", after(10 * time.Second), 20 * time.Second, "y@*"},
		{"after all", after(time.Hour), 0, "y@*"},
		{"the clock was set back", after(-100 * time.Hour), 30 * time.Second, "~x@* y@*"},
	} {
		saved, err := encodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := decodeState(saved, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		loaded.expire(tt.now)
		check(t, loaded)
		left := loaded.Mode.Hold.Until.Sub(tt.now)
		if tt.mode == 0 && loaded.Mode.Hold.Timed() || tt.mode != 0 && left != tt.mode || rulesOf(loaded) != tt.want {
			t.Errorf("%s: %v left of mode %s, rules %s", tt.name, left, loaded.Mode.Name, rulesOf(loaded))
		}
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

func FuzzState(f *testing.F) {
	for n := range uint64(3) {
		content, err := renderState(numbered(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		_, body, _ := bytes.Cut(content, []byte("\n"))
		f.Add(body)
	}
	s := stateWith("a")
	put(f, s, `{"mode":"failure","modes":{"a":"fallback"},"rules":[{"abort":503,"ttl":"5s"}],"ttl":"1h","lease":{"id":"l","for":"5s"}}`, t0)
	put(f, s, `{"profiles":{"p":{"failure_rate":0.5,"body":[1],"rules":[{"delay":"1s"}]}},"mode":"p","ttl":"1m"}`, t0)
	body, err := encodeState(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Fuzz(func(t *testing.T, content []byte) {
		_, _ = parseState(content, t0)
		s, err := decodeState(content, t0) // as if the checksum were right
		if err != nil {
			return
		}
		s.expire(t0)
		s.settle()
		if _, err := s.endpoints(nil); err != nil {
			t.Fatalf("a state that was accepted cannot run: %v", err)
		}
		written, err := encodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeState(written, t0)
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, written)
		}
		if rewritten, err := encodeState(again); err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("written\n%s\nread and written\n%s", written, rewritten)
		}
		for next := s.nextEnd(); !next.IsZero(); next = s.nextEnd() {
			if s.expire(next); s.nextEnd().Equal(next) {
				t.Fatalf("what ends at %v does not end", next)
			}
		}
	})
}
