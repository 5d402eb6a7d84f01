package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runSquall carries out a command line in this process.
func runSquall(t *testing.T, environment map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, system{
		in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: func(name string) string { return environment[name] },
	})
	return code, stdout.String(), stderr.String()
}

// execConfig writes a configuration with one proxy and rules, and gives its path.
func execConfig(t *testing.T, rules string) string {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("fine"))
	}))
	t.Cleanup(upstream.Close)
	path := filepath.Join(t.TempDir(), "squall.yaml")
	text := "proxies: [{name: my-stock, listen: \":1\", upstream: \"" + upstream.URL + "\"}]\nrules: " + rules + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExecEndsAsItsCommandDoes(t *testing.T) {
	path := execConfig(t, "[]")
	for _, test := range []struct {
		command []string
		code    int
	}{
		{[]string{"true"}, 0},
		{[]string{"sh", "-c", "exit 7"}, 7},
		{[]string{"sh", "-c", "kill -9 $$"}, 128 + 9},
		{[]string{"no-such-command-anywhere"}, exitNotFound},
		{[]string{"/etc"}, exitCannotRun},
		{[]string{"sh", "-c", "echo --unhit -f"}, 0}, // the command's flags are its own
	} {
		if code, _, errs := runSquall(t, nil, append([]string{"exec", "-f", path, "--"}, test.command...)...); code != test.code {
			t.Errorf("%q: exit code %d, want %d\n%s", test.command, code, test.code, errs)
		}
	}
}

func TestExecTellsTheCommandWhereTheProxiesAre(t *testing.T) {
	path := execConfig(t, "[]")
	code, out, errs := runSquall(t, nil, "exec", "-f", path, "--", "sh", "-c",
		`curl -sf $SQUALL_MY_STOCK_URL; echo; curl -sf http://$SQUALL_MY_STOCK_ADDR; echo; curl -sf $SQUALL_ADMIN_URL/version`)
	if code != 0 || !strings.HasPrefix(out, "fine\nfine\n") || !strings.Contains(out, version) {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
}

// The command can call a proxy that speaks TLS, and the authority's file is gone afterwards.
func TestExecWithTLS(t *testing.T) {
	path := execConfig(t, "[]\n")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, strings.Replace(string(text), "name: my-stock", "name: my-stock, tls: true", 1))
	code, out, errs := runSquall(t, nil, "exec", "-f", path, "--", "sh", "-c",
		`curl -sf --cacert $SQUALL_CA_FILE $SQUALL_MY_STOCK_URL; echo; echo $SQUALL_MY_STOCK_URL; echo $SQUALL_CA_FILE`)
	lines := strings.Split(out, "\n")
	if code != 0 || len(lines) < 3 || lines[0] != "fine" || !strings.HasPrefix(lines[1], "https://127.0.0.1:") {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	if _, err := os.Stat(lines[2]); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", lines[2], err)
	}
}

func TestExecFailsWhenARuleNeverFired(t *testing.T) {
	path := execConfig(t, `[{name: seldom, proxy: my-stock, abort: 503}, {name: off, abort: 500, enabled: false}]`)
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--", "true"}, exitUnhit, "never fired: seldom\n"},
		{[]string{"--unhit", "warn", "--", "true"}, 0, "never fired: seldom\n"},
		{[]string{"--unhit", "ignore", "--", "true"}, 0, ""},
		{[]string{"--unhit", "sometimes", "--", "true"}, exitUsage, "--unhit"},
		{[]string{"--", "false"}, 1, ""}, // the command's own failure wins
		{[]string{"--", "sh", "-c", "curl -s $SQUALL_MY_STOCK_URL"}, 0, ""},
	} {
		code, _, errs := runSquall(t, nil, append([]string{"exec", "-f", path}, test.args...)...)
		if code != test.code || !strings.Contains(errs, test.says) {
			t.Errorf("%q: exit code %d, want %d; said %q, want %q", test.args, code, test.code, errs, test.says)
		}
	}
}

// A proxy of TCP has an address and a URL of scheme tcp, and its rules count connections.
func TestExecWithTCP(t *testing.T) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = upstream.Close() })
	path := filepath.Join(t.TempDir(), "squall.yaml")
	for _, test := range []struct {
		rules, script, prints, says string
		code                        int
	}{
		{`[{name: gone, proxy: my-redis, connect: refuse}]`, `echo $SQUALL_MY_REDIS_ADDR; curl -s telnet://$SQUALL_MY_REDIS_ADDR || true`, "127.0.0.1:", "", 0},
		{`[{name: idle, proxy: my-redis, latency: 1s}]`, `echo $SQUALL_MY_REDIS_URL`, "tcp://127.0.0.1:", "never fired: idle\n", exitUnhit},
	} {
		writeFile(t, path, "proxies: [{name: my-redis, protocol: tcp, listen: \":1\", upstream: \""+upstream.Addr().String()+"\"}]\nrules: "+test.rules+"\n")
		code, out, errs := runSquall(t, nil, "exec", "-f", path, "--", "sh", "-c", test.script)
		if code != test.code || !strings.HasPrefix(out, test.prints) || !strings.Contains(errs, test.says) {
			t.Errorf("%s: exit code %d, want %d\n%s\n%s", test.rules, code, test.code, out, errs)
		}
	}
}
