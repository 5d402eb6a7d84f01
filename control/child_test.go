package control

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Names of the environment variables that make the test binary a child.
const (
	childJob  = "SQUALL_TEST_CHILD"
	childFile = "SQUALL_TEST_CHILD_FILE"
)

// runChild is the main function of a child: it owns a state file and does a job with it. Every line that it writes is an
// acknowledgement.
func runChild(job, path string) int {
	runtime.LockOSThread() // strace counts the calls of each thread apart
	store, err := OpenFile(path)
	if err != nil {
		fmt.Println("refused:", err)
		return 1
	}
	s, damage, err := store.Load(time.Now())
	if err != nil || damage != nil {
		fmt.Println("damaged:", damage, err)
		return 1
	}
	if s == nil {
		s = numbered(0)
	}
	switch job {
	case "own":
		fmt.Println("owner")
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent has had enough
	case "save forever":
		for n := s.Revision + 1; ; n++ {
			if err := store.Save(numbered(n)); err != nil {
				fmt.Println("failed:", err)
				return 1
			}
			fmt.Println(n)
		}
	case "save once":
		if err := store.Save(numbered(s.Revision + 1)); err != nil {
			fmt.Println("failed:", codeOf(err))
			return 1
		}
		fmt.Println("saved")
	}
	return 0
}

// numbered is the nth of a sequence of states that differ in size.
func numbered(n uint64) *State {
	s := stateWith("a")
	s.Revision = n
	for i := range n % 50 {
		r := abort(fmt.Sprint("rule-", i), "a")
		r.Percent = float64(n % 100)
		s.Rules = append(s.Rules, Rule{Rule: r})
	}
	return s
}

// isNumbered reports whether a state that was loaded is the one that was saved under its number.
func isNumbered(s *State) bool { return equalJSON(saveState(s), saveState(numbered(s.Revision))) }

// child prepares to run the test binary as a child, under a tracer if one is given.
func child(t *testing.T, job, path string, tracer ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(tracer, self)
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), childJob+"="+job, childFile+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestASecondProcessIsRefusedAndToldTheFirst(t *testing.T) {
	path := t.TempDir() + "/state"
	cmd := child(t, "own", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "owner\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	_, err = OpenFile(path)
	if owner := fmt.Sprintf("in use by process %d", cmd.Process.Pid); err == nil || !strings.Contains(err.Error(), owner) {
		t.Errorf("got %v, want %s", err, owner)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	store, err := OpenFile(path)
	if err != nil {
		t.Fatalf("given up, and still refused: %v", err)
	}
	defer store.Close()
	refused, err := child(t, "own", path).Output()
	var exit *exec.ExitError
	if want := fmt.Sprintf("in use by process %d", os.Getpid()); !errors.As(err, &exit) || !strings.Contains(string(refused), want) {
		t.Errorf("got %v, %s, want %s", err, refused, want)
	}
}
