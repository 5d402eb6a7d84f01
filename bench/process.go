package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/internal/program"
	"github.com/squall-proxy/squall/internal/wait"
)

// process is a program of ours, as the kernel sees it.
type process struct {
	*program.Process
	admin string // address of a squall's admin API
}

// start runs a command and waits until it accepts connections on addr. Stop must be called.
func start(ctx context.Context, cmd *exec.Cmd, addr string, procs int) (*process, error) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, gomaxprocs(procs))
	p, err := program.Start(ctx, cmd, addr)
	if err != nil {
		return nil, err
	}
	return &process{Process: p}, nil
}

// cpu is the time that the process has spent on a core so far, once it has come to rest: what an exchange leaves to be
// done belongs to the exchange.
func (p *process) cpu(ctx context.Context) (time.Duration, error) {
	last := time.Duration(-1)
	for range 50 {
		now, err := cpuOf(p.ID())
		if err != nil || now == last {
			return now, err
		}
		last = now
		if err := wait.For(ctx, 2*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return last, nil
}

// cpuOf adds up the time that the threads of a process have spent on a core. A thread that has ended is not counted; Go
// keeps its threads.
func cpuOf(pid int) (time.Duration, error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	if len(paths) == 0 {
		return 0, fmt.Errorf("process %d has gone, or this is no Linux with scheduler statistics", pid)
	}
	var sum time.Duration
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return 0, err
		}
		onCore, _, _ := strings.Cut(string(data), " ") // in nanoseconds (Documentation/scheduler/sched-stats)
		ns, err := strconv.ParseInt(onCore, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is what a process takes, in MiB.
type memory struct{ resident, peak float64 }

// memory reads what the process takes now, and the most that it ever took.
func (p *process) memory() (memory, error) {
	path := fmt.Sprintf("/proc/%d/status", p.ID())
	data, err := os.ReadFile(path)
	if err != nil {
		return memory{}, err
	}
	var m memory
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		into := map[string]*float64{"VmRSS": &m.resident, "VmHWM": &m.peak}[name]
		if into == nil {
			continue
		}
		kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
		if err != nil {
			return memory{}, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		*into = float64(kib) / 1024
	}
	return m, nil
}

// writtenBy is how many bytes a process has written so far, to sockets too.
func writtenBy(pid int) (int64, error) {
	path := fmt.Sprintf("/proc/%d/io", pid)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "wchar: ")
	digits, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: wchar: %w", path, err)
	}
	return n, nil
}
