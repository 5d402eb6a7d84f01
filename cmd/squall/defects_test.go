package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Toxiproxy goes on without an API when its port is taken, and without proxies when its configuration cannot be read. squall
// says what is wrong, and ends.
func TestD16WhatCannotServeEnds(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	broken := filepath.Join(t.TempDir(), "squall.yaml")
	if err := os.WriteFile(broken, []byte("proxies: [{name: 5}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		says string
	}{
		{"the admin port is taken", []string{"--admin-listen", ln.Addr().String()}, "address already in use"},
		{"a configuration with a mistake", []string{"--admin-listen", "127.0.0.1:0", "--config", broken}, "proxies[0].name"},
		{"no such configuration", []string{"--admin-listen", "127.0.0.1:0", "--config", broken + "x"}, "no such file"},
		{"a proxy's port is taken", []string{
			"--admin-listen", "127.0.0.1:0", "--config-inline", "proxies: [{name: a, protocol: tcp, listen: '" + ln.Addr().String() + "', upstream: 'x:1'}]",
		}, "proxies[a].listen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := &lockedBuffer{}
			sys := system{in: strings.NewReader(""), out: out, err: out, getenv: func(string) string { return "" }}
			ended := make(chan int, 1)
			go func() { ended <- run(t.Context(), append([]string{"serve"}, test.args...), sys) }()
			select {
			case code := <-ended:
				if code == 0 || !strings.Contains(out.String(), test.says) {
					t.Errorf("exit code %d: %s", code, out)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("it goes on: %s", out)
			}
		})
	}
}
