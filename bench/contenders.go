package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// contender is something to measure.
type contender struct {
	name    string
	start   func(context.Context, *lab) (*process, error) // nil = no proxy: the load goes to the upstream itself
	against string                                        // the contender that it is compared with; "" = none
	target  float64                                       // for that ratio, at most; 0 = none
	memory  bool                                          // whether its memory is measured, too
	maxMiB  float64                                       // target for that; 0 = none
}

// contenders lists who takes part, in the order of the tables.
func contenders() []contender {
	return []contender{
		{name: "direct"},
		{name: "ReverseProxy", start: startReverseProxy, memory: true},
		{name: "ReverseProxy A/A", start: startReverseProxy, against: "ReverseProxy"},
		{name: "squall", start: startSquall(0, "warn"), against: "ReverseProxy", target: 1.15, memory: true, maxMiB: 100},
		{name: "squall A/A", start: startSquall(0, "warn"), against: "squall"},
		{name: "squall, 100 rules", start: startSquall(100, "warn"), against: "squall", target: 1.20},
		{name: "squall, logging", start: startSquall(0, "info"), against: "squall"},
	}
}

// lab is where the contenders run.
type lab struct {
	self     string // this program
	binary   string // squall
	procs    int    // GOMAXPROCS of each contender
	scratch  string // folder; "" = none
	upstream *process
}

// openLab starts the upstream, and builds squall unless it is given. Close must be called.
func openLab(ctx context.Context, binary string, procs int) (_ *lab, err error) {
	l := &lab{binary: binary, procs: procs}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.binary == "" {
		if err := l.build(ctx); err != nil {
			return nil, err
		}
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	l.upstream, err = l.startRole(ctx, addr, upstreamRole)
	return l, err
}

// close ends the upstream and removes what was built.
func (l *lab) close() error {
	if l.upstream != nil {
		l.upstream.stop()
	}
	if l.scratch == "" {
		return nil
	}
	return os.RemoveAll(l.scratch)
}

// build makes the squall that a release would have.
func (l *lab) build(ctx context.Context) (err error) {
	if l.scratch, err = os.MkdirTemp("", "squall-bench-"); err != nil {
		return err
	}
	l.binary = filepath.Join(l.scratch, "squall")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", l.binary, "github.com/squall-proxy/squall/cmd/squall")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building squall: %w\n%s", err, output)
	}
	return nil
}

// startRole starts this program once more, in a role, and waits until it accepts.
func (l *lab) startRole(ctx context.Context, addr string, role ...string) (*process, error) {
	cmd := exec.Command(l.self, slices.Concat([]string{roleArgument, addr}, role)...)
	cmd.Stderr = os.Stderr
	return start(ctx, cmd, addr, l.procs)
}

func startReverseProxy(ctx context.Context, l *lab) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return l.startRole(ctx, addr, reverseProxyRole, l.upstream.addr)
}

// startSquall starts squall with a number of rules, none of which matches. At level info it logs a JSON line for each
// exchange, to where nobody reads it; at warn it says on our standard error what goes wrong.
func startSquall(rules int, level string) func(context.Context, *lab) (*process, error) {
	return func(ctx context.Context, l *lab) (*process, error) {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		admin, err := freeAddr()
		if err != nil {
			return nil, err
		}
		config, err := squallConfig(addr, l.upstream.addr, rules)
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(l.binary, "serve", "--admin-listen", admin, "--config-inline", config, "--log-level", level)
		if level != "info" {
			cmd.Stderr = os.Stderr
		}
		cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
			return strings.HasPrefix(variable, "SQUALL_") // they are flags, too
		})
		return start(ctx, cmd, addr, l.procs)
	}
}

// freeAddr names an address of loopback that was free a moment ago.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// gomaxprocs is the variable that bounds how many cores a Go program uses at once.
func gomaxprocs(procs int) string { return "GOMAXPROCS=" + strconv.Itoa(procs) }
