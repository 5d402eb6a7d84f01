package control

import (
	"bufio"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how often a process is killed: SQUALL_TORTURE=1 is for a machine that has time.
func kills() int {
	switch {
	case os.Getenv("SQUALL_TORTURE") == "1":
		return 1000
	case testing.Short():
		return 5
	}
	return 50
}

// A process that saves one state after another is killed, at any moment: what it had acknowledged is there, or the next
// one, and never anything between.
func TestKilledAtAnyMomentNothingAcknowledgedIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	seed := uint64(time.Now().UnixNano())
	chance := rand.New(rand.NewPCG(seed, 0))
	acknowledged, killedBusy := uint64(0), 0
	for i := range kills() {
		last, out := killed(t, path, time.Duration(chance.Int64N(int64(50*time.Millisecond))), i%2 == 0)
		if acknowledged = max(acknowledged, last); last > 0 {
			killedBusy++
		}
		store, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, damage, err := store.Load(time.Now())
		if damage != nil || err != nil {
			t.Fatalf("seed %d, kill %d: %v, %v\n%s", seed, i, damage, err, out)
		}
		loaded := uint64(0)
		if s != nil {
			if loaded = s.Revision; !isNumbered(s) {
				t.Fatalf("seed %d, kill %d: revision %d is not what was saved", seed, i, loaded)
			}
		}
		if loaded != acknowledged && loaded != acknowledged+1 {
			t.Fatalf("seed %d, kill %d: revision %d, %d was acknowledged", seed, i, loaded, acknowledged)
		}
		acknowledged = loaded
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d states saved; %d of %d kills hit a process that had saved", acknowledged, killedBusy, kills())
	if killedBusy == 0 {
		t.Error("no process got so far as to save")
	}
}

// killed runs a child for some time, which begins with its start or with its first save, and gives the last number that
// it acknowledged; 0 = none.
func killed(t *testing.T, path string, after time.Duration, busy bool) (last uint64, out string) {
	t.Helper()
	cmd := child(t, "save forever", path)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	first := ""
	if busy {
		if first, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	out = first + string(rest)
	numbers := strings.Fields(out[:strings.LastIndexByte(out, '\n')+1])
	if len(numbers) == 0 {
		return 0, ""
	}
	if last, err = strconv.ParseUint(numbers[len(numbers)-1], 10, 64); err != nil {
		t.Fatalf("the child says %s", out)
	}
	return last, out
}
