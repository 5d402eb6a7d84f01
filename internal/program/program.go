// Package program builds squall and runs it, and others, as processes of their own, for what looks at them from outside.
package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

const (
	startLimit = 20 * time.Second // until a process accepts connections
	stopLimit  = 12 * time.Second // from the request to end until it is killed; squall drains for 10 s
)

// Build makes the squall that a release would have, in a folder, and gives its path.
func Build(ctx context.Context, folder string) (string, error) {
	binary := filepath.Join(folder, "squall")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "github.com/squall-proxy/squall/cmd/squall")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building squall: %w\n%s", err, output)
	}
	return binary, nil
}

// Serve is the command that runs a squall under a squall.yaml, with its admin API at admin. What the environment says to
// squall does not count.
func Serve(binary, config, admin string, flags ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"serve", "--admin-listen", admin, "--config-inline", config}, flags...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "SQUALL_") // they are flags, too
	})
	return cmd
}

// FreeAddr names an address of loopback that was free a moment ago.
func FreeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// Process is a program of ours that listens on Addr.
type Process struct {
	Addr  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	err   error         // how, once ended is closed
}

// Start runs a command and waits until it accepts connections on addr. Stop must be called.
func Start(ctx context.Context, cmd *exec.Cmd, addr string) (*Process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, Addr: addr, ended: make(chan struct{})}
	go p.await()
	if err := p.accepts(ctx); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// ID is the process's number.
func (p *Process) ID() int { return p.cmd.Process.Pid }

func (p *Process) await() {
	p.err = p.cmd.Wait()
	close(p.ended)
}

// accepts blocks until the process accepts connections.
func (p *Process) accepts(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("does not accept connections"))
	defer cancel()
	for {
		conn, err := net.Dial("tcp", p.Addr)
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

// Stop asks the process to end, kills it if it does not, and waits until it is gone.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	kill := time.AfterFunc(stopLimit, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	<-p.ended
}
