package faults

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTheSameKeysAreHitInAnotherProcess: nothing of a process, as the seed of its maps, is part of a decision.
func TestTheSameKeysAreHitInAnotherProcess(t *testing.T) {
	const variable = "SQUALL_TEST_HITS"
	exchanges := 5_000
	if os.Getenv("SQUALL_TORTURE") != "" {
		exchanges = 100_000
	}
	var lines []string
	for key := range hitInAnyOrder(t, 42, int64(os.Getpid()), exchanges) {
		lines = append(lines, fmt.Sprintln(key.rule, key.key, key.n))
	}
	slices.Sort(lines)
	said := fmt.Sprintf("%d hits %x", len(lines), sha256.Sum256([]byte(strings.Join(lines, ""))))
	if os.Getenv(variable) != "" {
		fmt.Println(variable, said)
		return
	}
	other := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	other.Env = append(os.Environ(), variable+"=1")
	out, err := other.CombinedOutput()
	if err != nil || !strings.Contains(string(out), variable+" "+said+"\n") {
		t.Errorf("here %s, there %v\n%s", said, err, out)
	}
}
