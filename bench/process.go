package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

const (
	startLimit = 20 * time.Second // until a process accepts connections
	stopLimit  = 12 * time.Second // from the request to end until it is killed; squall drains for 10 s
)

// process is a program of ours that listens on addr.
type process struct {
	cmd   *exec.Cmd
	addr  string
	ended chan struct{} // closed when the process is gone
	err   error         // how, once ended is closed
}

// start runs a command and waits until it accepts connections on addr. Stop must be called.
func start(ctx context.Context, cmd *exec.Cmd, addr string, procs int) (*process, error) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, gomaxprocs(procs))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, addr: addr, ended: make(chan struct{})}
	go p.await()
	if err := p.accepts(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

func (p *process) await() {
	p.err = p.cmd.Wait()
	close(p.ended)
}

// accepts blocks until the process accepts connections.
func (p *process) accepts(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("does not accept connections"))
	defer cancel()
	for {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("ended before it accepted connections: %w", p.err)
		default:
		}
		if err := wait.For(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// stop asks the process to end, kills it if it does not, and waits until it is gone.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	kill := time.AfterFunc(stopLimit, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	<-p.ended
}

// cpu is the time that the process has spent on a core so far, once it has come to rest: what an exchange leaves to be
// done belongs to the exchange.
func (p *process) cpu(ctx context.Context) (time.Duration, error) {
	last := time.Duration(-1)
	for range 50 {
		now, err := cpuOf(p.cmd.Process.Pid)
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
	path := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
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

// written is how many bytes the process has written so far, to sockets too.
func (p *process) written() (int64, error) {
	path := fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid)
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
