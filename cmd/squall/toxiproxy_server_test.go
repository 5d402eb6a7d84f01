package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// toxiproxyConfig writes a configuration of Toxiproxy's with one proxy before an upstream.
func toxiproxyConfig(t *testing.T, upstream, toxics string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "toxiproxy.json")
	writeFile(t, path, `[{"name":"redis","listen":"127.0.0.1:0","upstream":"`+upstream+`","enabled":true,"toxics":`+toxics+`}]`)
	return path
}

// fetch asks the admin API of what is served.
func (s *served) fetch(path string) (int, string) {
	s.t.Helper()
	reply, err := http.Get(s.admin + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

// TestToxiproxyServer takes the command lines of toxiproxy-server, and has what they ask for and nothing else.
func TestToxiproxyServer(t *testing.T) {
	path := toxiproxyConfig(t, "127.0.0.1:9", `[{"type":"latency","attributes":{"latency":100}}]`)
	for _, test := range []struct {
		args    string
		metrics int    // the status of GET /metrics
		told    string // in it
	}{
		{"-port 0", 404, ""},
		{"--port=0 --proxy-metrics", 200, ""},
		{"-runtime-metrics -port=0 -proxy-metrics=false", 200, "go_goroutines"},
	} {
		s := startAs(t, "/usr/bin/toxiproxy-server", nil, append(strings.Fields(test.args), "-config", path)...)
		if status, body := s.fetch("/metrics"); status != test.metrics || !strings.Contains(body, test.told) {
			t.Errorf("%s: GET /metrics is %d %s", test.args, status, body)
		}
		if _, body := s.fetch("/version"); !strings.Contains(body, `"version": "2.12.0"`) {
			t.Errorf("%s: version %s", test.args, body)
		}
		_, body := s.fetch("/proxies/redis/toxics")
		if want := `[{"attributes":{"latency":100,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]`; body != want {
			t.Errorf("%s: toxics %s", test.args, body)
		}
		if line, _, _ := strings.Cut(s.log.String(), "\n"); !regexp.MustCompile(
			`^{"level":"info","version":"2.12.0","caller":"[^"]+:\d+","time":"[^"]+","message":"Starting Toxiproxy"}$`).MatchString(line) {
			t.Errorf("%s: the log begins with %s", test.args, line)
		}
		if code := s.end(); code != 0 {
			t.Errorf("%s: exit code %d", test.args, code)
		}
	}
}

// runToxiproxy carries a command line of toxiproxy-server out that ends by itself.
func runToxiproxy(t *testing.T, environment map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code = runAs(ctx, "toxiproxy-server", args, system{
		out: &stdout, err: &stderr, getenv: func(name string) string { return environment[name] },
	})
	if ctx.Err() != nil {
		t.Errorf("%q goes on", args)
	}
	return code, stdout.String(), stderr.String()
}

func TestToxiproxyServerExplainsItself(t *testing.T) {
	for _, test := range []struct {
		args      string
		code      int
		out, errs string // beginnings
	}{
		{"-version", 0, "toxiproxy-server version 2.12.0\n", ""},
		{"-h", 0, "", "Usage of toxiproxy-server:\n  -config string\n    \tJSON file containing proxies to create on startup\n  -host string\n"},
		{"-nope", 2, "", "flag provided but not defined: -nope\nUsage of toxiproxy-server:\n"},
		{"-seed x", 2, "", "invalid value \"x\" for flag -seed: parse error\nUsage of "},
	} {
		code, out, errs := runToxiproxy(t, nil, strings.Fields(test.args)...)
		if code != test.code || !strings.HasPrefix(out, test.out) || !strings.HasPrefix(errs, test.errs) {
			t.Errorf("%s: exit code %d\n%s\n%s", test.args, code, out, errs)
		}
	}
}

// TestD16WhatCannotStartEnds: an API whose port is taken, or a configuration that cannot be read, which Toxiproxy logs, and goes
// on without.
func TestD16WhatCannotStartEnds(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	broken := filepath.Join(t.TempDir(), "broken.json")
	writeFile(t, broken, `[{"name":"a","upstream":"b"},{"upstream":"c"}]`)
	for says, args := range map[string][]string{
		"address already in use":                        {"-host=127.0.0.1", "-port", port},
		"no such file":                                  {"-port=0", "-config", "no.json"},
		"missing required field: name at proxy 2":       {"-port=0", "-config", broken},
		taken.Addr().String() + " is already in use by": {"-port=0", "-config", configAt(t, taken.Addr().String())},
	} {
		if code, out, _ := runToxiproxy(t, nil, args...); code != exitFail || !strings.Contains(out, says) {
			t.Errorf("%q: exit code %d, %s, want %s", args, code, out, says)
		}
	}
}

// configAt writes a configuration of Toxiproxy's with a proxy at an address.
func configAt(t *testing.T, listen string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "toxiproxy.json")
	writeFile(t, path, `[{"name":"redis","listen":"`+listen+`","upstream":"127.0.0.1:9"}]`)
	return path
}

func TestToxiproxyServerLogsFromALevelOn(t *testing.T) {
	for level, want := range map[string]int{"": 3, "info": 3, "error": 1, "panic": 0, "loud": 4} {
		_, out, _ := runToxiproxy(t, map[string]string{"LOG_LEVEL": level}, "-port=0", "-config=no.json")
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%q: %d lines, want %d\n%s", level, got, want, out)
		}
	}
}

// TestD9TheSeedCounts: the same one hits the same connections, which Toxiproxy's does not.
func TestD9TheSeedCounts(t *testing.T) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go greet(upstream, served)
	t.Cleanup(func() {
		_ = upstream.Close()
		<-served
	})
	path := toxiproxyConfig(t, upstream.Addr().String(), `[{"type":"limit_data","attributes":{"bytes":0},"toxicity":0.5}]`)
	draw := func(seed string) string {
		s := startAs(t, "toxiproxy-server", nil, "-port=0", "-config", path, "-seed", seed)
		defer s.end()
		_, body := s.fetch("/proxies/redis")
		listen := regexp.MustCompile(`"listen":"([^"]+)"`).FindStringSubmatch(body)[1]
		var hits strings.Builder
		for range 32 {
			conn, err := net.Dial("tcp", listen)
			if err != nil {
				t.Fatal(err)
			}
			greeting, _ := io.ReadAll(conn)
			_ = conn.Close()
			hits.WriteByte("x."[len(greeting)])
		}
		return hits.String()
	}
	if a, b, c := draw("42"), draw("42"), draw("-43"); a != b || a == c {
		t.Errorf("seed 42 twice, then -43:\n%s\n%s\n%s", a, b, c)
	}
}

// greet sends each client a byte.
func greet(ln net.Listener, ended chan<- struct{}) {
	defer close(ended)
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("."))
		_ = conn.Close()
	}
}

// TestServeTakesToxiproxysFlags, with one dash or two, and without the word serve. What is squall's stays squall's.
func TestServeTakesToxiproxysFlags(t *testing.T) {
	path := toxiproxyConfig(t, "127.0.0.1:9", "null")
	for _, args := range [][]string{
		{"-host=127.0.0.1", "-port", "0", "-config", path, "-seed=42", "-proxy-metrics", "-runtime-metrics"},
		{"--port=0", "-c", path, "--seed", "42"},
		{"serve", "-port", "0", "-config=" + path, "-seed=42"},
	} {
		s := startAs(t, "squall", map[string]string{"SQUALL_PORT": "tcp://10.0.0.1:8474"}, args...)
		if status, _ := s.fetch("/metrics"); status != 200 {
			t.Errorf("%q: GET /metrics is %d", args, status)
		}
		if _, body := s.fetch("/admin/faults"); !strings.Contains(body, `"seed": 42`) {
			t.Errorf("%q: %s", args, body)
		}
		if _, body := s.fetch("/proxies"); !strings.Contains(body, `"redis"`) {
			t.Errorf("%q: %s", args, body)
		}
		s.end()
	}
	for says, args := range map[string]string{
		"squall " + version:                  "-version",
		"Usage:\n  squall [command]":         "-help",
		"Usage:\n  squall serve":             "serve -help",
		"can be reached from other machines": "-host=0.0.0.0 -port=0",
		"want either this or --host":         "-port=0 --admin-listen 127.0.0.1:0",
		"unknown flag: --nope":               "--nope",
	} {
		if _, out, errs := runSquall(t, nil, strings.Fields(args)...); !strings.Contains(out+errs, says) {
			t.Errorf("%s: printed %s%s, want %s", args, out, errs, says)
		}
	}
}
