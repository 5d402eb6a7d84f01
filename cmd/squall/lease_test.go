package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

// holderVariable tells the test binary that it is the one who holds a lease: the URL of the admin API and the lease.
const holderVariable = "SQUALL_LEASE_HOLDER"

// The lease of the tests, and how often it is renewed.
const (
	leaseFor  = 300 * time.Millisecond
	leaseBeat = leaseFor / 3
)

// exitLost is how a holder ends that came too late.
const exitLost = 3

// TestNoFaultOutlivesItsLease: whoever sets a fault on a lease and renews it is killed, or stopped, at a random moment.
// The fault strikes as long as the lease holds, and no request that begins later meets it.
func TestNoFaultOutlivesItsLease(t *testing.T) {
	if url, lease, holder := strings.Cut(os.Getenv(holderVariable), " "); holder {
		holdLease(t.Context(), url, lease)
	}
	runs := 20
	if os.Getenv("SQUALL_TORTURE") != "" {
		runs = 100
	}
	l := newLab(t, 1)
	var worst overrun
	t.Cleanup(func() {
		t.Logf("the last faulted answer came %v after the end of its lease, at worst of %d times", worst.most, runs)
	})
	for i := range runs {
		signal := []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP}[i%2]
		t.Run(fmt.Sprint(i, " ", signal), func(t *testing.T) {
			t.Parallel()
			h := startHolder(t, l.admin, fmt.Sprintf("run-%d", i))
			p := startProbe(t, l.proxies["service1"], h.lease)
			eventually(t, "it is never renewed", func() bool { return h.door.renewed() >= 2 || h.door.isLost() })
			if h.door.renewed() < 0 {
				t.Fatal("there never was a lease")
			}
			<-time.After(rand.N(leaseFor))
			h.signal(signal)
			eventually(t, "the lease never ends", func() bool { return p.beganAfter(h.door.end().Add(3 * leaseBeat)) })
			if signal == syscall.SIGSTOP {
				h.signal(syscall.SIGCONT)
				if code := h.wait(); code != exitLost {
					t.Errorf("when it went on, the holder ended with %d, want %d: its lease was lost", code, exitLost)
				}
			}
			p.stop()
			worst.add(p.check(h.door))
		})
	}
}

// overrun is the largest of several times.
type overrun struct {
	mu    sync.Mutex
	found bool
	most  time.Duration
}

func (o *overrun) add(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.found || d > o.most {
		o.found, o.most = true, d
	}
}

// holdLease sets a fault on a lease and renews that until it is too late. It does not return.
func holdLease(ctx context.Context, url, lease string) {
	client, err := admin.NewClient(url, "")
	if err == nil {
		rule := fmt.Sprintf(`{"proxy":"service1","abort":503,"match":{"path":"/%s"},"lease":{"id":%q,"for":%q}}`, lease, lease, leaseFor)
		_, _, err = client.PutRule(ctx, control.Request{}, control.Address{Name: lease}, rule, "")
	}
	for beat := time.Tick(leaseBeat); err == nil; <-beat {
		_, err = client.RenewLease(ctx, lease)
	}
	var refusal *admin.Error
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		os.Exit(exitLost)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(exitFail)
}

// holder is another process that holds a lease.
type holder struct {
	t     *testing.T
	cmd   *exec.Cmd
	lease string
	door  *door
}

func startHolder(t *testing.T, adminURL, lease string) *holder {
	t.Helper()
	client, err := admin.NewClient(adminURL, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	h := &holder{t: t, lease: lease, door: &door{admin: client}}
	server := httptest.NewServer(h.door)
	t.Cleanup(server.Close)
	h.cmd = exec.Command(os.Args[0], "-test.run", "^TestNoFaultOutlivesItsLease$")
	h.cmd.Env = append(os.Environ(), holderVariable+"="+server.URL+" "+lease)
	h.cmd.Stderr = os.Stderr
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.cmd.Process.Kill() // it may have ended already
		_ = h.cmd.Wait()
	})
	return h
}

func (h *holder) signal(s syscall.Signal) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(s); err != nil && !h.door.isLost() {
		h.t.Fatal(err)
	}
}

// wait gives the exit code of a holder that ends by itself.
func (h *holder) wait() int {
	_ = h.cmd.Wait() // tells the code, too
	return h.cmd.ProcessState.ExitCode()
}

// door stands before the admin API and writes down when the lease was made and renewed.
type door struct {
	admin *admin.Client

	mu    sync.Mutex
	beats []beat
	lost  bool // somebody came too late
}

// beat is a renewal that succeeded, or the making of the lease: it counts from a moment between the two.
type beat struct{ began, ended time.Time }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed before it had asked
	}
	made := beat{began: time.Now()}
	answer, err := d.admin.Do(context.WithoutCancel(r.Context()), r.Method, r.URL.Path, body)
	made.ended = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.lost = true
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	d.beats = append(d.beats, made)
	_, _ = w.Write(answer) // it may be dead by now
}

func (d *door) renewed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.beats) - 1
}

func (d *door) isLost() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// holds is the time in which the lease was there for sure.
func (d *door) holds() (from, to time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.beats[0].ended, d.beats[len(d.beats)-1].began.Add(leaseFor)
}

// end is when the lease has run out for sure, unless it is renewed.
func (d *door) end() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.beats[len(d.beats)-1].ended.Add(leaseFor)
}

// probe asks a proxy again and again.
type probe struct {
	t    *testing.T
	stop func()

	mu      sync.Mutex
	answers []probed
}

// probed is one answer to a probe.
type probed struct {
	beat
	faulted bool
}

func startProbe(t *testing.T, url, lease string) *probe {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	p := &probe{t: t, stop: sync.OnceFunc(func() {
		cancel()
		<-done
	})}
	go p.run(ctx, url+"/"+lease, done)
	t.Cleanup(p.stop)
	return p
}

func (p *probe) run(ctx context.Context, url string, done chan<- struct{}) {
	defer close(done)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for pause := time.Tick(time.Millisecond); ctx.Err() == nil; <-pause {
		began := time.Now()
		response, err := client.Get(url)
		if err != nil {
			p.t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		answer := probed{beat{began, time.Now()}, response.Header.Get("X-Squall-Fault") != ""}
		p.mu.Lock()
		p.answers = append(p.answers, answer)
		p.mu.Unlock()
	}
}

// beganAfter reports whether a probe began, and was answered, after a moment.
func (p *probe) beganAfter(moment time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.answers) > 0 && p.answers[len(p.answers)-1].began.After(moment)
}

// check holds the answers against the lease, and gives the time from its end to the last faulted answer.
func (p *probe) check(d *door) time.Duration {
	p.t.Helper()
	from, to := d.holds()
	end, last, struck := d.end(), time.Time{}, 0
	for _, a := range p.answers {
		switch {
		case a.faulted && a.began.After(end):
			p.t.Errorf("a request that began %v after the end of the lease was faulted", a.began.Sub(end))
		case !a.faulted && a.began.After(from) && a.ended.Before(to):
			p.t.Errorf("a request was not faulted, %v before the end of the lease", to.Sub(a.began))
		}
		if a.faulted {
			struck++
			last = a.ended
		}
	}
	if struck == 0 {
		p.t.Fatal("the fault never struck")
	}
	return last.Sub(end)
}
