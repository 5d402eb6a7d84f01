package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is squall serve as a process of its own.
type process struct {
	t          *testing.T
	cmd        *exec.Cmd
	log        *lockedBuffer
	admin, url string // of the admin API, and of the proxy named p
}

// buildSquall compiles the binary, once per test.
func buildSquall(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "squall")
	if output, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return path
}

// startProcess runs squall with one proxy named p before upstream. limits is a shell command that comes first.
func startProcess(t *testing.T, limits, upstream string) *process {
	t.Helper()
	p := &process{t: t, log: &lockedBuffer{}}
	inline := fmt.Sprintf("proxies: [{name: p, listen: \"127.0.0.1:0\", upstream: %q}]", upstream)
	p.cmd = exec.Command("sh", "-c", limits+`; exec "$0" serve --admin-listen 127.0.0.1:0 --config-inline "$1"`, buildSquall(t), inline)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended if all went well
		_ = p.cmd.Wait()
	})
	eventually(t, "not ready", func() bool { return strings.Contains(p.log.String(), `"message":"ready"`) })
	p.admin = "http://" + regexp.MustCompile(`"admin":"([^"]+)"`).FindStringSubmatch(p.log.String())[1]
	_, body := get(t, p.admin+"/admin/proxies/p")
	p.url = regexp.MustCompile(`"url": "([^"]+)"`).FindStringSubmatch(body)[1]
	return p
}

// terminate sends SIGTERM and gives the time until the process had ended well.
func (p *process) terminate() time.Duration {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("after SIGTERM: %v\n%s", err, p.log)
	}
	return time.Since(begun)
}

// The descriptor limit is 128 and 500 clients come: none is dropped, admin answers, and when they leave all is well.
func TestFewDescriptorsManyClients(t *testing.T) {
	p := startProcess(t, "ulimit -n 128", fineUpstream(t))
	addr := strings.TrimPrefix(p.url, "http://")
	var answered atomic.Int64
	var clients sync.WaitGroup
	var conns []net.Conn
	for range 500 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		clients.Add(1)
		go func() { // asks, then holds on to its connection
			defer clients.Done()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				return
			}
			if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && response.StatusCode == http.StatusOK {
				answered.Add(1)
			}
		}()
	}
	eventually(t, "no client was answered", func() bool { return answered.Load() >= 16 })
	for range 20 {
		if status, _ := get(t, p.admin+"/admin/faults"); status != http.StatusOK {
			t.Errorf("admin: %d", status)
		}
	}
	if busy := cpuOver(t, p.cmd.Process.Pid, 500*time.Millisecond); busy > 250*time.Millisecond {
		t.Errorf("%v of CPU in 500ms while clients wait: a busy loop", busy)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	clients.Wait()
	begun := time.Now()
	if status, body := get(t, p.url); status != http.StatusOK || body != "fine" {
		t.Errorf("afterwards: %d %s", status, body)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("back to normal after %v", took)
	}
	p.terminate()
}

// cpuOver measures the CPU time that a process takes within a time.
func cpuOver(t *testing.T, pid int, d time.Duration) time.Duration {
	t.Helper()
	used := func() time.Duration { // fields 14 and 15 of proc(5)'s stat, in hundredths of a second
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		user, errUser := strconv.Atoi(fields[11])
		system, errSystem := strconv.Atoi(fields[12])
		if errUser != nil || errSystem != nil {
			t.Fatalf("%v %v", errUser, errSystem)
		}
		return time.Duration(user+system) * 10 * time.Millisecond
	}
	before := used()
	time.Sleep(d)
	return used() - before
}

// SIGTERM during 30 s delays and under load: what is under way is answered without its delay, and it ends in time.
func TestSIGTERMDrains(t *testing.T) {
	slow := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-slow
		}
		_, _ = io.WriteString(w, "fine")
	}))
	t.Cleanup(upstream.Close)
	p := startProcess(t, "true", upstream.URL)
	runSquall(t, map[string]string{"SQUALL_ADMIN_URL": p.admin}, "faults", "rule", "held", `{"proxy":"p","delay":"30s","match":{"path":"/held"}}`)

	results := make(chan string, 40)
	ask := func(path string) {
		response, err := http.Get(p.url + path)
		if err != nil {
			results <- err.Error()
			return
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			results <- err.Error()
			return
		}
		results <- fmt.Sprint(response.StatusCode, " ", string(body))
	}
	for range 20 {
		go ask("/held")
		go ask("/slow")
	}
	if status, body := get(t, p.admin+"/admin/wait?rule=held&hits=20"); status != http.StatusOK {
		t.Fatalf("the delays did not begin: %s", body)
	}
	time.AfterFunc(500*time.Millisecond, func() { close(slow) })
	if took := p.terminate(); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
	for range 40 {
		if got := <-results; got != "200 fine" {
			t.Errorf("under way at SIGTERM: %s", got)
		}
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err == nil {
		t.Error("it still accepts connections")
	}
}

func TestASecondSignalEndsItAtOnce(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(upstream.Close)
	t.Cleanup(func() { close(release) })
	p := startProcess(t, "true", upstream.URL)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it does not stop", func() bool { return strings.Contains(p.log.String(), `"message":"stopping"`) })
	begun := time.Now()
	eventually(t, "it goes on after a second signal", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // the first of these may come before the default is restored
		return p.cmd.Process.Signal(syscall.Signal(0)) != nil || ended(p.cmd.Process.Pid)
	})
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v, as if it had drained", took)
	}
}

// ended reports whether a child process is gone but for its exit code.
func ended(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(text), ") Z ")
}
