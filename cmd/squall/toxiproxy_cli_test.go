package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/program"
)

// TestToxiproxyCLI holds squall, called as toxiproxy-cli, against what toxiproxy-cli itself printed.
func TestToxiproxyCLI(t *testing.T) {
	recorded, err := os.ReadFile("testdata/toxiproxy-cli.txt")
	if err != nil {
		t.Fatal(err)
	}
	s, err := startStack(stackConfig{
		state: control.NewState(1), policy: control.DefaultPolicy(), logger: zerolog.Nop(), admin: config.Admin{Listen: "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	listen, err := program.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("LISTEN", listen, "UPSTREAM", "127.0.0.1:28009", "HOST", s.adminAddr(), "␛", "\x1b")
	calls := 0
	var call recordedCall
	for line := range strings.Lines(names.Replace(string(recorded))) {
		if call.add(line) {
			call.check(t, s.adminAddr())
			call, calls = recordedCall{}, calls+1
		}
	}
	if calls < 70 {
		t.Errorf("only %d calls were found", calls)
	}
}

// recordedCall is one call of toxiproxy-cli.
type recordedCall struct {
	line      string
	out, errs strings.Builder
	code      int
}

// add reads a line of the record, and reports whether it is the call's last one.
func (c *recordedCall) add(line string) bool {
	switch kind, rest, _ := strings.Cut(line, " "); kind {
	case "|":
		c.out.WriteString(rest)
	case "!":
		c.errs.WriteString(rest)
	case "=":
		_, err := fmt.Sscan(rest, &c.code)
		return err == nil
	case "$", "$\n", "tty$":
		c.line = strings.TrimSpace(line)
	}
	return false
}

// check makes the call.
func (c *recordedCall) check(t *testing.T, host string) {
	t.Helper()
	words := strings.Fields(c.line)
	var out, errs bytes.Buffer
	sys := system{out: &out, err: &errs, terminal: words[0] == "tty$", getenv: func(name string) string {
		return map[string]string{"TOXIPROXY_URL": "http://" + host}[name]
	}}
	code := runAs(t.Context(), "/usr/bin/toxiproxy-cli", words[1:], sys)
	if code != c.code || out.String() != c.out.String() || errs.String() != c.errs.String() {
		t.Errorf("%s\nexit code %d, want %d\n%s\nwant\n%s\nerrors %q, want %q",
			c.line, code, c.code, &out, &c.out, &errs, &c.errs)
	}
}
