package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// toldOfCommand is how many bytes of the end of what a command writes to its standard error are shown when it fails.
const toldOfCommand = 500

// pipesAfter is how long what a command has started, and left behind, may keep its standard error open.
const pipesAfter = 200 * time.Millisecond

// commandFailure says how a command has failed: its exit status, and the end of what it wrote to its standard error.
func commandFailure(err error, stderr *tail) error {
	if text := stderr.text(); text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// shell makes the command, with what it starts itself in a group that ends with it.
func (d *driving) shell(ctx context.Context, stderr io.Writer, variables ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", d.command)
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stderr = stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipesAfter
	return cmd
}

// failures counts the commands that failed, and knows the last. All methods may be called concurrently.
type failures struct {
	mu    sync.Mutex
	count int
	last  error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	f.count, f.last = f.count+1, err
	f.mu.Unlock()
}

// explain adds the last failure to what could not be done because of it, it may be.
func (f *failures) explain(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 {
		return err
	}
	return fmt.Errorf("%w; %s", err, f.text())
}

// tell says how many of the commands failed; nothing, if none did.
func (f *failures) tell(out io.Writer, made int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count > 0 {
		fmt.Fprintf(out, "squall: of %d commands %s\n", made, f.text())
	}
}

func (f *failures) text() string {
	return fmt.Sprintf("%d failed, the last with %v", f.count, f.last)
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

// Write takes all of p.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)-toldOfCommand):]...)
	return len(p), nil
}

// text is what was kept, in one line.
func (t *tail) text() string {
	return strings.ToValidUTF8(strings.Join(strings.Fields(string(t.kept)), " "), "")
}

// failedByItself reports whether a command failed, and not because it was ended, or left something behind.
func failedByItself(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !errors.Is(err, exec.ErrWaitDelay)
}
