package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Each of the demo's ports, when it is taken, is named before anything starts.
func TestDemoRefusesATakenPort(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		runInNamespace(t, "^TestDemoRefusesATakenPort$")
		return
	}
	ports := []int{5055, 5056, 5057, 6055, 6056, 6057, 8474}
	for _, taken := range ports {
		listener, err := net.Listen("tcp", loopback(taken))
		if err != nil {
			t.Fatal(err)
		}
		code, out, errs := runSquall(t, nil, "demo")
		if code != exitUsage || !strings.Contains(errs, "port "+strconv.Itoa(taken)) || !strings.Contains(errs, "--port-offset") {
			t.Errorf("port %d taken: exit code %d, %q", taken, code, errs)
		}
		if out != "" {
			t.Errorf("port %d taken, and yet it printed %q", taken, out)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range ports { // nothing was left behind
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDemoEndsWithinTwoSecondsWhateverIsUnderWay(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		runInNamespace(t, "^TestDemoEndsWithinTwoSecondsWhateverIsUnderWay$")
		return
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out := &lockedBuffer{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"demo", "--port-offset", "1000"}, system{
			in: strings.NewReader(""), out: out, err: &bytes.Buffer{}, getenv: func(string) string { return "" },
		})
	}()
	awaitListening(t, "127.0.0.1:9474")
	const admin = "http://127.0.0.1:9474"
	for _, held := range []struct{ name, rule, addr string }{
		{"slow", `{"proxy":"flaky","delay":"1h"}`, "127.0.0.1:7055"},
		{"silent", `{"proxy":"service1","blackhole":"0s"}`, "127.0.0.1:7056"},
	} {
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": admin}, "faults", "rule", held.name, held.rule)
		if code != exitOK {
			t.Fatal(errs)
		}
		conn, err := net.Dial("tcp", held.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if status, body := get(t, admin+"/admin/wait?hits=1&rule="+held.name); status != 200 {
			t.Fatalf("%s never hit: %s", held.name, body)
		}
	}
	interrupt()
	begun := time.Now()
	select {
	case code := <-ended:
		if code != exitOK {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on for ever")
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v to end", took)
	}
	if !strings.Contains(out.String(), "127.0.0.1:7055") {
		t.Errorf("--port-offset did not move the ports: %s", out)
	}
}
