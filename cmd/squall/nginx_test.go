package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startNginx runs a real nginx with one of the project's configurations, in which names are replaced: "squall:6056" by
// the address of a proxy. It gives nginx's URL and the path of its access log, and ends with the test.
func startNginx(t *testing.T, configuration string, names map[string]string) (url, accessLog string) {
	t.Helper()
	binary, err := findNginx()
	if err != nil {
		t.Fatalf("%v: run scripts/setup", err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "nginx", configuration))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	addr := freeAddr(t)
	accessLog = filepath.Join(dir, "access.log")
	conf := string(text)
	for name, replacement := range names {
		conf = replaceOne(t, conf, name, replacement)
	}
	conf = replaceOne(t, conf, "listen 80;", "listen "+addr+";")
	if strings.Contains(conf, "access_log") {
		conf = replaceOne(t, conf, "/dev/stdout", accessLog)
	} else { // the lab's own: without a word it would write to the machine's log
		conf = replaceOne(t, conf, "http {", "http { access_log "+accessLog+";")
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-p", dir, "-e", "stderr", "-c", file, "-g", "daemon off; pid "+filepath.Join(dir, "nginx.pid")+";")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("nginx: %v\n%s", err, &output)
		}
	})
	awaitListening(t, addr)
	return "http://" + addr, accessLog
}

func replaceOne(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("the nginx configuration has no %q", old)
	}
	return strings.ReplaceAll(text, old, replacement)
}

func findNginx() (string, error) {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/nginx")
}

// freeAddr gives an address whose port was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}()
	return listener.Addr().String()
}

// awaitListening returns when somebody accepts connections at addr.
func awaitListening(t *testing.T, addr string) {
	t.Helper()
	eventually(t, fmt.Sprintf("nobody listens on %s", addr), func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// eventually polls until holds does, for 10 s at most.
func eventually(t *testing.T, otherwise string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal(otherwise)
		}
	}
}

// get asks for a URL on a connection of its own and gives status and body.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	var buffer bytes.Buffer
	if _, err := buffer.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, buffer.String()
}
