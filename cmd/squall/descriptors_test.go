package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/squall-proxy/squall/proxy"
)

// TestD5DescriptorsRunOut: D5 of Toxiproxy. While none is left clients wait, and the API says so; as soon as there are some
// again they are served, whatever executor their proxy has.
func TestD5DescriptorsRunOut(t *testing.T) {
	upstream := fineUpstream(t)
	p := startProcess(t, "ulimit -n 512", upstream)
	names := []string{"p", "std", "wire"}
	kept := &http.Client{Timeout: 10 * time.Second} // has its connection already when there are no descriptors left
	defer kept.CloseIdleConnections()
	send := func(method, path, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, p.admin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := kept.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	for name, document := range map[string]string{
		"std":  fmt.Sprintf(`{"listen":"127.0.0.1:0","upstream":%q,"engine":"nethttp"}`, upstream),
		"wire": fmt.Sprintf(`{"listen":"127.0.0.1:0","upstream":%q,"protocol":"tcp"}`, strings.TrimPrefix(upstream, "http://")),
	} {
		if status, body := send("PUT", "/admin/proxies/"+name, document); status != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, status, body)
		}
	}
	type present struct {
		Bound          string
		AcceptFailures *proxy.AcceptFailures `json:"accept_failures"`
	}
	described := func(name string) (c present) {
		t.Helper()
		_, body := send("GET", "/admin/proxies/"+name, "")
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		return c
	}
	addr := map[string]string{}
	for _, name := range names {
		if addr[name] = described(name).Bound; described(name).AcceptFailures != nil {
			t.Errorf("%s: failures before", name)
		}
	}
	restore := p.limitDescriptors()
	replies := make(chan string, len(names))
	for _, name := range names {
		conn, err := net.Dial("tcp", addr[name])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go ask(conn, replies)
	}
	for _, name := range names {
		eventually(t, name+": no failure is told", func() bool {
			f := described(name).AcceptFailures
			return f != nil && f.Count > 2 && strings.Contains(f.Last, "too many open files") && time.Since(f.At) < time.Minute
		})
	}
	if status, body := send("GET", "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "wire cannot accept clients") {
		t.Errorf("readyz: %d %s", status, body)
	}
	if said := strings.Count(p.log.String(), "clients wait to be accepted"); said != len(names) {
		t.Errorf("%d lines in the log: %s", said, p.log)
	}
	restore()
	for range names {
		if reply := <-replies; !strings.HasPrefix(reply, "HTTP/1.1 200 OK") {
			t.Errorf("afterwards: %q", reply)
		}
	}
	eventually(t, "it does not become ready again", func() bool {
		status, _ := send("GET", "/readyz", "")
		return status == http.StatusOK
	})
	if described("wire").AcceptFailures == nil {
		t.Error("what happened is forgotten")
	}
}

// limitDescriptors leaves the process those that it has, until restore is called.
func (p *process) limitDescriptors() (restore func()) {
	p.t.Helper()
	read := func() ([]os.DirEntry, error) { return os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)) }
	open, err := read()
	for still := 0; err == nil && still < 5; still++ { // what it is about to close must not be free afterwards
		time.Sleep(100 * time.Millisecond)
		before := open
		if open, err = read(); len(open) != len(before) {
			still = 0
		}
	}
	var was unix.Rlimit
	if err == nil {
		err = unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &was)
	}
	few := was
	few.Cur = 0
	for free := false; !free; few.Cur++ { // up to the first that is free
		number := fmt.Sprint(few.Cur + 1)
		free = !slices.ContainsFunc(open, func(e os.DirEntry) bool { return e.Name() == number })
	}
	if err == nil {
		err = unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &few, nil)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return func() {
		if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &was, nil); err != nil {
			p.t.Fatal(err)
		}
	}
}

// ask sends a request and tells the begin of what answers it.
func ask(conn net.Conn, replies chan<- string) {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	reply := make([]byte, 1000)
	n, _ := conn.Read(reply)
	replies <- string(reply[:n])
}
