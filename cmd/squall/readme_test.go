package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/readme"
)

// insideVariable tells the test binary that it runs in a network namespace of its own, where the README's ports are
// free.
const insideVariable = "SQUALL_README_INSIDE"

// TestReadme runs the README's commands one after the other and holds what they print against what the README says,
// in a network namespace of its own.
func TestReadme(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		runInNamespace(t, "^TestReadme$")
		return
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if output, err := exec.Command("go", "build", "-o", filepath.Join(bin, "squall"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	r := &walker{t: t, root: root, work: t.TempDir()}
	t.Cleanup(r.stop)
	for _, block := range readme.Blocks(string(text)) {
		r.run(block)
	}
	if r.commands < 20 {
		t.Fatalf("only %d commands were found in the README", r.commands)
	}
}

// runInNamespace runs one test of this binary again, alone on a loopback interface of its own.
func runInNamespace(t *testing.T, test string) {
	t.Helper()
	script := `ip link set lo up && exec "$0" -test.run "$1" -test.v`
	cmd := exec.Command("unshare", "--map-root-user", "--net", "sh", "-c", script, os.Args[0], test)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Logf("%s", output)
}

// walker runs blocks.
type walker struct {
	t          *testing.T
	root, work string
	background []*exec.Cmd
	commands   int
}

func (r *walker) run(b readme.Block) {
	r.t.Helper()
	switch {
	case b.Language == "console":
		for _, step := range b.Steps() {
			if step.Command == "" {
				r.t.Fatalf("README: %q is no command", step.Want[0])
			}
			r.command(step.Command, step.Want)
		}
	case b.Language == "yaml" && b.Lines[0] == "# squall.yaml":
		text := strings.Join(b.Lines, "\n")
		if err := os.WriteFile(filepath.Join(r.work, "squall.yaml"), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	case b.Language == "sh":
		r.sh(b.Lines)
	}
}

func (r *walker) command(command string, want []string) {
	r.t.Helper()
	r.commands++
	if strings.HasSuffix(command, " demo") {
		r.start(r.root, command, want)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir = r.root
	output, err := cmd.Output()
	if err != nil {
		r.t.Errorf("$ %s\n%v\n%s", command, err, output)
	}
	if !readme.Matches(string(output), want) {
		r.t.Errorf("$ %s\nprinted\n%s\nthe README says\n%s", command, output, strings.Join(want, "\n"))
	}
}

// sh runs the blocks whose output is not shown: a squall that serves, and what another test runs.
func (r *walker) sh(lines []string) {
	r.t.Helper()
	for _, line := range lines {
		switch {
		case line == "make test": // this very run
		case strings.HasPrefix(line, "go mod "): // squalltest has a test that makes such a module
		case strings.HasPrefix(line, "squall exec "):
			r.exec(line)
		case strings.HasPrefix(line, "squall serve "):
			r.stop() // the demo has the same admin port
			r.commands++
			r.start(r.work, line, []string{"...", `...ready...`})
		default:
			r.t.Errorf("README: nothing runs %q", line)
		}
	}
}

// exec runs a squall exec line with another command in place of the user's own.
func (r *walker) exec(line string) {
	r.t.Helper()
	r.commands++
	before, _, _ := strings.Cut(line, " -- ")
	cmd := exec.Command("bash", "-c", before+` -- sh -c 'for i in $(seq 30); do curl -s $SQUALL_STOCK_URL; done; test -n "$SQUALL_STOCK_ADDR$SQUALL_ADMIN_URL"'`)
	cmd.Dir = r.work
	if output, err := cmd.CombinedOutput(); err != nil {
		r.t.Errorf("$ %s\n%v\n%s", line, err, output)
	}
}

// start runs a command in the background until it has printed what is wanted.
func (r *walker) start(dir, command string, want []string) {
	r.t.Helper()
	cmd := exec.Command("bash", "-c", "exec "+command)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run and what it runs
	output := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.background = append(r.background, cmd)
	limit := time.Now().Add(2 * time.Minute) // go run compiles first
	for !readme.Matches(output.String(), want) {
		if time.Now().After(limit) {
			r.t.Fatalf("$ %s\nprinted\n%s\nthe README says\n%s", command, output, strings.Join(want, "\n"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends what runs in the background, as Ctrl-C does.
func (r *walker) stop() {
	for _, cmd := range r.background {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			r.t.Error(err)
		}
		begun := time.Now()
		err := cmd.Wait()
		if took := time.Since(begun); took > 2*time.Second+500*time.Millisecond {
			r.t.Errorf("%s took %v to end", cmd.Args[2], took)
		}
		if err != nil && !strings.Contains(cmd.Args[2], "go run") { // go run tells of the signal
			r.t.Errorf("%s: %v", cmd.Args[2], err)
		}
	}
	r.background = nil
}

// lockedBuffer collects the output of a process while it runs.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
