package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"github.com/squall-proxy/squall/internal/program"
)

// lab is where the contenders run.
type lab struct {
	self     string            // this program
	binary   string            // squall
	programs map[string]string // where the peers are, those that are installed
	procs    int               // GOMAXPROCS of each contender
	scratch  string            // folder
	upstream *process
}

// openLab starts the upstream, and builds squall unless it is given. Close must be called.
func openLab(ctx context.Context, binary string, programs map[string]string, s sizes) (_ *lab, err error) {
	l := &lab{binary: binary, programs: programs, procs: slices.Max(s.procs)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if err := raiseDescriptors(s.idle); err != nil {
		return nil, err
	}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.scratch, err = os.MkdirTemp("", "squall-bench-"); err != nil {
		return nil, err
	}
	if l.binary == "" {
		if l.binary, err = program.Build(ctx, l.scratch); err != nil {
			return nil, err
		}
	}
	addr, err := program.FreeAddr()
	if err != nil {
		return nil, err
	}
	l.upstream, err = l.startRole(ctx, runtime.NumCPU(), addr, upstreamRole)
	return l, err
}

// close ends the upstream and removes what was built.
func (l *lab) close() error {
	if l.upstream != nil {
		l.upstream.Stop()
	}
	return os.RemoveAll(l.scratch)
}

// raiseDescriptors lets this process and those that it starts open as many files as it may. squall keeps two for each
// client, and 64 more.
func raiseDescriptors(clients int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if need := uint64(2*clients + 64); limit.Max < need {
		return fmt.Errorf("-idle: %d clients need %d descriptors, and a process here may have %d (ulimit -Hn)", clients, need, limit.Max)
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // without this call, children get back the limit that we began with
}

// present are the contenders whose program is installed.
func (l *lab) present(all []contender) []contender {
	return slices.DeleteFunc(all, func(c contender) bool { return c.program != "" && l.programs[c.program] == "" })
}

// startRole starts this program once more, in a role, and waits until it accepts.
func (l *lab) startRole(ctx context.Context, procs int, addr string, role ...string) (*process, error) {
	cmd := exec.Command(l.self, slices.Concat([]string{roleArgument, addr}, role)...)
	cmd.Stderr = os.Stderr
	return start(ctx, cmd, addr, procs)
}

func startReverseProxy(ctx context.Context, l *lab) (*process, error) {
	addr, err := program.FreeAddr()
	if err != nil {
		return nil, err
	}
	return l.startRole(ctx, l.procs, addr, reverseProxyRole, l.upstream.Addr)
}

// gomaxprocs is the variable that bounds how many cores a Go program uses at once.
func gomaxprocs(procs int) string { return "GOMAXPROCS=" + strconv.Itoa(procs) }
