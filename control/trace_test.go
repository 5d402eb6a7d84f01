package control

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// strace gives its command line; without strace, or where tracing is not allowed, the test is skipped, or fails where
// REQUIRE_STRACE=1 says that it must be there.
func strace(t *testing.T, args ...string) []string {
	t.Helper()
	give := t.Skipf
	if os.Getenv("REQUIRE_STRACE") == "1" {
		give = t.Fatalf
	}
	path, err := exec.LookPath("strace")
	if err != nil {
		give("no strace here, the order on disk is not shown: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), path, "-e", "trace=none", "true").CombinedOutput(); err != nil {
		give("strace does not work here, the order on disk is not shown: %v: %s", err, out)
	}
	return append([]string{path, "-f", "-qq", "-s", "64"}, args...)
}

// disk are the calls by which a state gets to the disk.
const disk = "openat,write,fsync,renameat,linkat,unlinkat"

// The new state is written beside the old one, synced, and renamed over it; the directory is synced; then the change is
// acknowledged.
func TestTheOrderOnDisk(t *testing.T) {
	dir := t.TempDir()
	path, trace := filepath.Join(dir, "state"), filepath.Join(dir, "trace")
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"first", []string{"open state.new", "write state.new", "fsync state.new", "rename state.new state", "open .", "fsync .", "acknowledge"}},
		{"second", []string{
			"open state.new", "write state.new", "fsync state.new",
			"link state state.keep", "rename state.keep state.1", "rename state.new state", "open .", "fsync .", "acknowledge",
		}},
		{"third", []string{
			"open state.new", "write state.new", "fsync state.new", "link state state.keep",
			"rename state.1 state.2", "rename state.keep state.1", "rename state.new state", "open .", "fsync .", "acknowledge",
		}},
	} {
		out, err := child(t, "save once", path, strace(t, "-y", "-e", "trace="+disk, "-o", trace)...).Output()
		if err != nil || string(out) != "saved\n" {
			t.Fatalf("%s: %v: %s", tt.name, err, out)
		}
		if got := steps(t, trace, dir); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, strings.Join(got, ", "), strings.Join(tt.want, ", "))
		}
	}
}

var (
	tracedOpen    = regexp.MustCompile(`openat\([^"]*"([^"]+)", [^)]*\) = \d`)
	tracedWrite   = regexp.MustCompile(`(write|fsync)\(\d+<([^>]*)>.*\) += \d`)
	tracedRenames = regexp.MustCompile(`(rename|link)at\([^"]*"([^"]+)", [^"]*"([^"]+)".*\) += 0`)
)

// steps reads from a trace what was done to the files of a directory, up to the line that was written in the end. The
// lock and what is only read are left out.
func steps(t *testing.T, trace, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	short := func(path string) string {
		if path == dir {
			return "."
		}
		return strings.TrimPrefix(path, dir+"/")
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.Contains(line, `"saved\n"`):
			return append(list, "acknowledge")
		case !strings.Contains(line, dir) || strings.Contains(line, ".lock"):
		case tracedOpen.MatchString(line) && (strings.Contains(line, "O_CREAT") || strings.Contains(line, `"`+dir+`"`)):
			list = append(list, "open "+short(tracedOpen.FindStringSubmatch(line)[1]))
		case tracedWrite.MatchString(line):
			m := tracedWrite.FindStringSubmatch(line)
			list = append(list, m[1]+" "+short(m[2]))
		case tracedRenames.MatchString(line):
			m := tracedRenames.FindStringSubmatch(line)
			list = append(list, m[1]+" "+short(m[2])+" "+short(m[3]))
		}
	}
	return list
}

// A process is killed at each single call by which it saves: there is the old state or the new one, and when it had
// acknowledged, the new one.
func TestKilledAtEachCall(t *testing.T) {
	points := 0
	for call := range strings.SplitSeq(disk, ",") {
		for when := 1; ; when++ {
			path := filepath.Join(t.TempDir(), "state")
			for n := uint64(1); n <= 5; n++ {
				save(t, path, numbered(n))
			}
			inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, when)
			out, err := child(t, "save once", path, strace(t, "-o", os.DevNull, "-e", "trace="+call, "-e", inject)...).Output()
			s := loadNumbered(t, path, fmt.Sprint(call, " ", when))
			if s.Revision != 6 && (s.Revision != 5 || string(out) == "saved\n") {
				t.Errorf("%s %d: revision %d after %q", call, when, s.Revision, out)
			}
			save(t, path, numbered(7))
			if s := loadNumbered(t, path, "afterwards"); s.Revision != 7 {
				t.Errorf("%s %d: revision %d afterwards", call, when, s.Revision)
			}
			if err == nil { // it got through to its end
				break
			}
			points++
		}
	}
	t.Logf("%d points", points)
	if points < 15 {
		t.Errorf("only %d points", points)
	}
}

// Any call that fails refuses the change, and leaves the state as it was.
func TestEachCallThatFails(t *testing.T) {
	for _, tt := range []struct {
		call, err string
		when      int
		code      Code
	}{
		{"fsync", "EIO", 1, Storage}, // the file
		{"fsync", "EIO", 2, Storage}, // the directory: the rename is taken back
		{"fsync", "ENOSPC", 1, Full},
		{"renameat", "EIO", 1, Storage},
		{"renameat", "EDQUOT", 4, Full},
		{"linkat", "ENOSPC", 1, ""}, // a copy is made instead of the link
	} {
		name := fmt.Sprint(tt.call, " ", tt.when, " ", tt.err)
		path := filepath.Join(t.TempDir(), "state")
		for n := uint64(1); n <= 5; n++ {
			save(t, path, numbered(n))
		}
		inject := fmt.Sprintf("inject=%s:error=%s:when=%d", tt.call, tt.err, tt.when)
		out, _ := child(t, "save once", path, strace(t, "-o", os.DevNull, "-e", "trace="+tt.call, "-e", inject)...).Output()
		want, revision := fmt.Sprintln("failed:", tt.code), uint64(5)
		if tt.code == "" {
			want, revision = "saved\n", 6
		}
		if s := loadNumbered(t, path, name); string(out) != want || s.Revision != revision {
			t.Errorf("%s: %q, revision %d, want %q, %d", name, out, s.Revision, want, revision)
		}
		if left, err := filepath.Glob(path + ".new"); err != nil || left != nil {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
		save(t, path, numbered(7))
		if s := loadNumbered(t, path, name); s.Revision != 7 {
			t.Errorf("%s: revision %d afterwards", name, s.Revision)
		}
	}
}

// The very first state, refused because the directory could not be synced, is not there afterwards.
func TestAFirstSaveThatFailsLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	tracer := strace(t, "-o", os.DevNull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2")
	if out, _ := child(t, "save once", path, tracer...).Output(); string(out) != "failed: storage\n" {
		t.Errorf("got %q", out)
	}
	store, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if s, damage, err := store.Load(time.Now()); s != nil || damage != nil || err != nil {
		t.Errorf("got %+v, %v, %v", s, damage, err)
	}
}

// save saves a state as a process of its own would.
func save(t *testing.T, path string, s *State) {
	t.Helper()
	store, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Save(s); err != nil {
		t.Fatal(err)
	}
}

// loadNumbered loads a state that must be one of the numbered ones, undamaged.
func loadNumbered(t *testing.T, path, what string) *State {
	t.Helper()
	store, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s, damage, err := store.Load(time.Now())
	if s == nil || damage != nil || err != nil || !isNumbered(s) {
		t.Fatalf("%s: got %+v, %v, %v", what, s, damage, err)
	}
	return s
}
