package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// runnerVariable tells the test binary that it is a runner: of which file.
const runnerVariable = "SQUALL_TEST_RUNNER"

// The leases of the trials, and for how long a fault may be there when its runner is gone: that, and one beat.
const (
	trialLease = time.Second
	trialMost  = trialLease + trialLease/3
)

// TestNoFaultOutlivesItsRunner: a runner is killed, stopped, or cut off from its squall, at a random moment of its run.
func TestNoFaultOutlivesItsRunner(t *testing.T) {
	if file := os.Getenv(runnerVariable); file != "" {
		os.Exit(run(t.Context(), []string{"experiment", "run", file}, system{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}))
	}
	trials, together := 20, 20
	if os.Getenv("SQUALL_TORTURE") != "" {
		trials = 100
	}
	var names []string
	for i := range trials {
		names = append(names, fmt.Sprintf("stock%d", i))
	}
	environment := shop(t, names...)
	var worst overrun
	var struck sync.Map
	for first := 0; first < trials; first += together {
		var side sync.WaitGroup
		for i, name := range names[first : first+together] {
			trial := newTrial(t, environment, name, blows[i%len(blows)])
			side.Go(func() {
				if trial.run(&worst) {
					struck.Store(name, true)
				}
			})
		}
		side.Wait()
	}
	var acted int
	struck.Range(func(any, any) bool { acted++; return true })
	t.Logf("in %d of %d trials a fault acted when its runner was hit; the longest was there for %v more", acted, trials, worst.most)
	if acted == 0 {
		t.Error("no fault acted when its runner was hit: nothing was shown")
	}
}

// blow is something that happens to a runner.
type blow struct {
	name string
	hit  func(p *os.Process, r *relay) error
}

var blows = [...]blow{
	{"kill -9", func(p *os.Process, _ *relay) error { return p.Kill() }},
	{"SIGSTOP", func(p *os.Process, _ *relay) error { return p.Signal(syscall.SIGSTOP) }},
	{"admin goes silent", func(_ *os.Process, r *relay) error { return r.cut(false) }},
	{"admin hangs up", func(_ *os.Process, r *relay) error { return r.cut(true) }},
}

// trial is one runner, one proxy that it disturbs, and what becomes of them.
type trial struct {
	t           *testing.T
	environment map[string]string
	proxy, url  string
	file        string
	blow        blow
	relay       *relay
	cmd         *exec.Cmd
	output      bytes.Buffer
}

// newTrial starts a runner whose run takes about three seconds.
func newTrial(t *testing.T, environment map[string]string, proxy string, b blow) *trial {
	t.Helper()
	folder := t.TempDir()
	c := &trial{
		t: t, environment: environment, proxy: proxy, url: environment[strings.ToUpper("SQUALL_"+proxy+"_URL")],
		file: filepath.Join(folder, "experiment.yaml"), blow: b,
		relay: newRelay(t, strings.TrimPrefix(environment["SQUALL_ADMIN_URL"], "http://")),
	}
	text := fmt.Sprintf(`version: v1
title: a runner that dies
configuration: {span: {type: env, key: SPAN, default: 1200ms}}
steady_state: {every: 100ms, checks: [{name: up, process: {path: "true"}, tolerance: 0, mode: edge}]}
method:
  - {fault: %[1]s, for: "${span}", rule: {proxy: %[1]s, abort: 503}}
  - {mode: failure, proxy: %[1]s, for: "${span}"}
safety: {lease: 1s}
report: {json: %[2]s.json}
`, proxy, filepath.Join(folder, "run"))
	if err := os.WriteFile(c.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(os.Args[0], "-test.run", "^TestNoFaultOutlivesItsRunner$")
	c.cmd.Env = append(os.Environ(), runnerVariable+"="+c.file, "SQUALL_ADMIN_URL=http://"+c.relay.addr())
	c.cmd.Stdout, c.cmd.Stderr = &c.output, &c.output
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// run hits the runner at a random moment of its run. It says whether a fault acted then.
func (c *trial) run(worst *overrun) bool {
	defer func() {
		_ = c.cmd.Process.Kill() // it may be gone
		_ = c.cmd.Wait()
		if c.t.Failed() {
			c.t.Logf("%s, %s: %s", c.proxy, c.blow.name, &c.output)
		}
	}()
	select {
	case <-c.relay.called:
	case <-time.After(30 * time.Second):
		c.t.Errorf("%s: the runner never asked its squall", c.proxy)
		return false
	}
	time.Sleep(rand.N(3200 * time.Millisecond))
	acted := c.broken()
	if err := c.blow.hit(c.cmd.Process, c.relay); err != nil {
		c.t.Errorf("%s, %s: %v", c.proxy, c.blow.name, err)
	}
	hit, last := time.Now(), time.Duration(0)
	for time.Since(hit) < trialMost+trialLease/2 {
		if began := time.Since(hit); c.broken() {
			last = began
		}
		time.Sleep(20 * time.Millisecond)
	}
	worst.add(last)
	if last > trialMost {
		c.t.Errorf("%s, %s: the fault was there after %v, want %v at most", c.proxy, c.blow.name, last, trialMost)
	}
	c.afterwards(acted)
	return acted
}

// broken says whether the proxy's clients meet a fault.
func (c *trial) broken() bool {
	reply, err := http.Get(c.url)
	if err != nil {
		c.t.Errorf("%s: %v", c.proxy, err)
		return false
	}
	_ = reply.Body.Close()
	return reply.StatusCode == http.StatusServiceUnavailable
}

// afterwards goes on with a runner that was stopped, waits for one that was cut off, and starts the next one of one that was
// killed. None of them leaves anything.
func (c *trial) afterwards(acted bool) {
	switch c.blow.name {
	case "kill -9":
		c.next()
	case "SIGSTOP":
		if !acted {
			break // it would go on for as long as the rest of its run takes
		}
		if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			c.t.Error(err)
		}
		fallthrough
	default:
		_ = c.cmd.Wait() // whatever it says: the blow may have hit it between two steps
	}
	if c.broken() {
		c.t.Errorf("%s, %s: a fault is left", c.proxy, c.blow.name)
	}
	c.isClean()
}

// next starts a run again that was killed.
func (c *trial) next() {
	_ = c.cmd.Wait()
	if c.cmd.ProcessState.Exited() {
		return // the blow came too late
	}
	c.environment = map[string]string{"SQUALL_ADMIN_URL": c.environment["SQUALL_ADMIN_URL"], "SPAN": "50ms"}
	_, _, errs := runSquall(c.t, c.environment, "experiment", "run", c.file)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(c.file), "run.json.interrupted"))
	if !strings.Contains(errs, "was killed") || err != nil || !strings.Contains(string(data), `"what":"end","name":"aborted","why":"interrupted"`) {
		c.t.Errorf("%s: a run that was killed is not marked: %s, %v, %s", c.proxy, errs, err, data)
	}
}

// isClean wants the squall to have no rule and no mode of the run.
func (c *trial) isClean() {
	if _, state, _ := runSquall(c.t, c.environment, "faults", "get"); strings.Contains(state, `"`+c.proxy+`"`) {
		c.t.Errorf("%s, %s: the squall has still %s", c.proxy, c.blow.name, state)
	}
}

// relay is a way to the admin API that can be cut.
type relay struct {
	listener net.Listener
	to       string
	called   chan struct{} // closed when somebody came
	work     sync.WaitGroup

	mu    sync.Mutex // held while bytes go on, so that none does behind a cut
	isCut bool
	conns []net.Conn
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, to: to, called: make(chan struct{})}
	r.work.Go(r.accept)
	t.Cleanup(func() {
		_ = r.cut(true)
		r.work.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// cut ends the relay: it hangs up and refuses whoever comes, or holds all connections and says nothing.
func (r *relay) cut(hangUp bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isCut = true
	if !hangUp {
		return nil
	}
	for _, c := range r.conns {
		_ = c.Close()
	}
	return r.listener.Close()
}

func (r *relay) accept() {
	first := sync.OnceFunc(func() { close(r.called) })
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		first()
		r.join(conn)
	}
}

// join leads a connection on, unless the relay is cut.
func (r *relay) join(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, conn)
	if r.isCut {
		return
	}
	on, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = conn.Close()
		return
	}
	r.conns = append(r.conns, on)
	r.work.Go(func() { r.copy(on, conn) })
	r.work.Go(func() { r.copy(conn, on) })
}

// copy passes bytes on until one side ends or the relay is cut.
func (r *relay) copy(to, from net.Conn) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if !r.pass(to, buffer[:n]) {
			return // the cut, or who ends the relay, closes both
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func (r *relay) pass(to net.Conn, data []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isCut {
		return false
	}
	_, err := to.Write(data)
	return err == nil
}
