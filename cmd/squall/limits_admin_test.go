package main

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The descriptor limit is 256, and 300 connections to the admin API each send the beginning of a change and no more:
// an operator's new connections are answered all the while, and so are the proxy's.
func TestUnfinishedRequestsDoNotLockTheOperatorOut(t *testing.T) {
	p := startProcess(t, "ulimit -n 256", fineUpstream(t))
	addr := strings.TrimPrefix(p.admin, "http://")
	var lying []net.Conn
	for range 300 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		lying = append(lying, conn)
	}
	transport := &http.Transport{DisableKeepAlives: true} // as curl: a new connection for each
	client := &http.Client{Transport: transport, Timeout: 2 * time.Second}
	for i := range 20 {
		for name, url := range map[string]string{"admin": p.admin + "/admin/faults", "the proxy": p.url} {
			response, err := client.Get(url)
			if err != nil {
				t.Fatalf("%s, call %d: %v", name, i, err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s, call %d: %d", name, i, response.StatusCode)
			}
		}
	}
	if strings.Contains(p.log.String(), "too many open files") {
		t.Errorf("descriptors ran out: %s", p.log)
	}
	_ = lying[0].SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := lying[0].Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the oldest did not give way: %v", err)
	}
	p.terminate()
}

// A pipe in the place of the state file is refused; nobody waits for its other end.
func TestAStateFileThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := runSquall(t, nil, "serve", "--admin-listen", "127.0.0.1:0", "--state", path)
	if code != exitFail || !strings.Contains(errs, path+": want a regular file, this is a named pipe") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
