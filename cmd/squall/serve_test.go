package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is a squall serve in this process.
type served struct {
	t      *testing.T
	admin  string // URL
	log    *lockedBuffer
	hangup chan<- os.Signal
	stop   context.CancelFunc
	ended  chan int
	code   *int // once it ended
}

// startServe runs squall serve with an admin API on a free port, until it is ready.
func startServe(t *testing.T, environment map[string]string, args ...string) *served {
	t.Helper()
	return startAs(t, "squall", environment, append([]string{"serve", "--admin-listen", "127.0.0.1:0"}, args...)...)
}

// startAs runs what serves under the name of a program.
func startAs(t *testing.T, program string, environment map[string]string, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &served{t: t, log: &lockedBuffer{}, stop: stop, ended: make(chan int, 1)}
	hangups := make(chan chan<- os.Signal, 1)
	sys := system{
		in: strings.NewReader(""), out: s.log, err: s.log,
		getenv:   func(name string) string { return environment[name] },
		onHangup: func(c chan<- os.Signal) { hangups <- c },
	}
	go func() { s.ended <- runAs(ctx, program, args, sys) }()
	t.Cleanup(func() { s.end() })
	select {
	case s.hangup = <-hangups:
	case code := <-s.ended:
		t.Fatalf("exit code %d: %s", code, s.log)
	case <-time.After(10 * time.Second):
		t.Fatalf("not ready: %s", s.log)
	}
	s.admin = "http://" + regexp.MustCompile(`"admin":"([^"]+)"`).FindStringSubmatch(s.log.String())[1]
	return s
}

// end stops it and gives its exit code.
func (s *served) end() int {
	s.t.Helper()
	s.stop()
	if s.code == nil {
		select {
		case code := <-s.ended:
			s.code = &code
		case <-time.After(20 * time.Second):
			s.t.Fatalf("it goes on for ever: %s", s.log)
		}
	}
	return *s.code
}

// url is that of a proxy.
func (s *served) url(name string) string {
	s.t.Helper()
	_, body := get(s.t, s.admin+"/admin/proxies/"+name)
	found := regexp.MustCompile(`"url": "([^"]+)"`).FindStringSubmatch(body)
	if found == nil {
		s.t.Fatalf("proxy %s has no URL: %s", name, body)
	}
	return found[1]
}

func (s *served) squall(args ...string) string {
	s.t.Helper()
	code, out, errs := runSquall(s.t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, args...)
	if code != exitOK {
		s.t.Fatalf("squall %q: exit code %d: %s", args, code, errs)
	}
	return out
}

// fineUpstream answers "fine".
func fineUpstream(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("fine"))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestServeReloadsOnHangup(t *testing.T) {
	upstream := fineUpstream(t)
	path := filepath.Join(t.TempDir(), "squall.yaml")
	proxyLine := func(name string) string {
		return fmt.Sprintf("  - {name: %s, listen: \"127.0.0.1:0\", upstream: %q}\n", name, upstream)
	}
	writeFile(t, path, "proxies:\n"+proxyLine("a")+proxyLine("gone")+"rules:\n  - {name: old, proxy: a, abort: 500, match: {path: /old}}\n"+
		"  - {name: kept, proxy: a, abort: 501, first: 1, match: {path: /kept}}\n")
	s := startServe(t, nil, "--config", path)
	a := s.url("a")
	s.squall("faults", "rule", "mine", `{"proxy":"a","abort":502,"match":{"path":"/mine"}}`)
	status := func(want int, url string) {
		t.Helper()
		if got, body := get(t, url); got != want {
			t.Errorf("%s: %d %s, want %d", url, got, body, want)
		}
	}
	status(501, a+"/kept") // its only hit
	connection := keepAlive(t, a)

	reloaded := 0
	reload := func(text, says string) {
		t.Helper()
		writeFile(t, path, text)
		s.hangup <- syscall.SIGHUP
		reloaded++
		eventually(t, "no reload", func() bool {
			log := s.log.String()
			return strings.Count(log, `"message":"reloaded"`)+strings.Count(log, "is not reloaded") >= reloaded
		})
		if !strings.Contains(s.log.String(), says) {
			t.Errorf("the log does not say %q: %s", says, s.log)
		}
	}
	good := "proxies:\n" + proxyLine("a") + proxyLine("b") + "rules:\n  - {name: new, proxy: a, abort: 503, match: {path: /new}}\n" +
		"  - {name: kept, proxy: a, abort: 501, first: 1, match: {path: /kept}}\n"
	reload(good, `"message":"reloaded"`)
	status(200, a+"/old")  // only the earlier file named it
	status(503, a+"/new")  // the file names it
	status(502, a+"/mine") // came by the API
	status(200, a+"/kept") // its counter went on
	status(200, s.url("b"))
	if code, _ := get(t, s.admin+"/admin/proxies/gone"); code != http.StatusNotFound {
		t.Errorf("the proxy that the file no longer names: %d", code)
	}

	reload("proxies:\n"+proxyLine("a")+"rules:\n  - {name: new, proxy: a, abrot: 503}\n", path+`:4:27`)
	status(503, a+"/new")
	if !strings.Contains(s.log.String(), "rules[0].abrot: unknown field, did you mean abort?") {
		t.Errorf("the log does not name the field: %s", s.log)
	}
	connection() // survived all of it
}

// keepAlive opens a connection, makes a request on it, and gives a function that makes another.
func keepAlive(t *testing.T, url string) func() {
	t.Helper()
	addr := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	reader := bufio.NewReader(conn)
	ask := func() {
		t.Helper()
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("on a kept connection: %v", err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("on a kept connection: %s, %v", response.Status, err)
		}
	}
	ask()
	return ask
}

func TestServeRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	writeFile(t, bad, "proxies:\n  - {name: a, listen: nowhere, upstream: \"http://127.0.0.1:1\"}\n")
	empty := filepath.Join(dir, "empty")
	writeFile(t, empty, "\n")
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--config", bad}, bad + ":2:23: proxies[0].listen"},
		{[]string{"--config", filepath.Join(dir, "none.yaml")}, "none.yaml"},
		{[]string{"--config-inline", "prxies: []"}, "did you mean proxies?"},
		{[]string{"--config", bad, "--config-inline", "seed: 1"}, "want one of them"},
		{[]string{"--admin-listen", "0.0.0.0:0"}, "--admin-open"},
		{[]string{"--admin-token-file", empty}, "is empty"},
		{[]string{"--log-level", "loud"}, "--log-level"},
		{[]string{"--log-format", "xml"}, "--log-format"},
		{[]string{"--restore", "some", "--state", filepath.Join(dir, "s.json")}, "--restore"},
		{[]string{"--no-such-flag"}, "no-such-flag"},
		{[]string{"stray"}, "want no arguments"},
	} {
		code, _, errs := runSquall(t, nil, append([]string{"serve"}, test.args...)...)
		if code != exitUsage || !strings.Contains(errs, test.says) {
			t.Errorf("serve %q: exit code %d, %q; want 2 and %q", test.args, code, errs, test.says)
		}
	}
}

func TestServeStateWinsOverTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state.json")
	inline := fmt.Sprintf("seed: 7\nproxies: [{name: a, listen: \"127.0.0.1:0\", upstream: %q}]", fineUpstream(t))
	environment := map[string]string{"SQUALL_CONFIG_INLINE": inline, "SQUALL_STATE": state}

	s := startServe(t, environment)
	s.squall("faults", "set", "failure")
	s.squall("faults", "rule", "brief", `{"proxy":"a","delay":"1ms","ttl":"50ms"}`)
	if _, body := get(t, s.admin+"/admin/faults"); !strings.Contains(body, `"seed": 7`) {
		t.Errorf("the seed of the configuration: %s", body)
	}
	if code, _, errs := runSquall(t, environment, "serve", "--admin-listen", "127.0.0.1:0"); code == exitOK || !strings.Contains(errs, fmt.Sprint(os.Getpid())) {
		t.Errorf("a second process on the same state: exit code %d, %q does not name the owner", code, errs)
	}
	if code := s.end(); code != exitOK {
		t.Fatalf("exit code %d: %s", code, s.log)
	}

	environment["SQUALL_CONFIG_INLINE"] = strings.Replace(inline, "seed: 7", "mode: fallback", 1)
	s = startServe(t, environment)
	if status, _ := get(t, s.url("a")); status != http.StatusServiceUnavailable {
		t.Errorf("mode failure did not survive: %d", status)
	}
	if log := s.log.String(); !strings.Contains(log, `"differences":["mode"]`) {
		t.Errorf("the log does not name the difference: %s", log)
	}
	s.end()

	environment["SQUALL_RESTORE"] = "proxies"
	s = startServe(t, environment)
	if _, body := get(t, s.url("a")); !strings.Contains(body, "degraded mode") {
		t.Errorf("--restore=proxies kept the mode: %s", body)
	}
}

func TestServeTokenFromTheEnvironment(t *testing.T) {
	s := startServe(t, map[string]string{"SQUALL_ADMIN_TOKEN": "secret"})
	if status, _ := get(t, s.admin+"/admin/faults"); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	environment := map[string]string{"SQUALL_ADMIN_URL": s.admin, "SQUALL_ADMIN_TOKEN": "secret"}
	if code, out, errs := runSquall(t, environment, "faults", "get"); code != exitOK || !strings.Contains(out, `"mode": "normal"`) {
		t.Errorf("with the token: exit code %d, %s%s", code, out, errs)
	}
}

func TestCommandsThatAskARunningSquall(t *testing.T) {
	s := startServe(t, nil)
	upstream := fineUpstream(t)
	s.squall("proxies", "add", "stock", "127.0.0.1:0", upstream)
	if out := s.squall("proxies", "list"); !strings.Contains(out, "stock") || !strings.Contains(out, upstream) {
		t.Errorf("proxies list: %s", out)
	}
	file := filepath.Join(t.TempDir(), "faults.yaml")
	writeFile(t, file, "rules:\n  - {name: busy, proxy: stock, abort: 429}\n")
	s.squall("faults", "apply", file)
	if status, _ := get(t, s.url("stock")); status != 429 {
		t.Errorf("faults apply: %d", status)
	}
	s.squall("faults", "set", "failure", "--proxy", "stock", "--ttl", "1h")
	if out := s.squall("faults", "get"); !strings.Contains(out, `"stock": "failure"`) || !strings.Contains(out, `"expires_in"`) {
		t.Errorf("faults get: %s", out)
	}
	s.squall("faults", "clear")
	if status, _ := get(t, s.url("stock")); status != 200 {
		t.Errorf("faults clear: %d", status)
	}
	s.squall("health", s.admin+"/readyz")
	s.squall("proxies", "rm", "stock")
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"faults", "set", "failrue"}, exitFail, "did you mean failure"},
		{[]string{"faults", "rule", "slow", `{"dely":"1s"}`}, exitFail, "did you mean delay"},
		{[]string{"proxies", "rm", "stock"}, exitFail, "stock"},
		{[]string{"health", s.admin + "/nothing"}, exitFail, "404"},
		{[]string{"faults", "set"}, exitUsage, "want MODE"},
		{[]string{"proxies", "add", "x"}, exitUsage, "want NAME LISTEN UPSTREAM"},
		{[]string{"faults", "apply", "/no/such/file"}, exitUsage, "no such file"},
		{[]string{"call", "http://127.0.0.1:1", "--as", "wizard"}, exitUsage, "--as"},
	} {
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, test.args...)
		if code != test.code || !strings.Contains(errs, test.says) {
			t.Errorf("squall %q: exit code %d, %q; want %d and %q", test.args, code, errs, test.code, test.says)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	if _, out, _ := runSquall(t, nil, "version"); !strings.Contains(out, version) {
		t.Errorf("version: %q", out)
	}
	for _, command := range newRoot(system{}).Commands() {
		if code, out, _ := runSquall(t, nil, command.Name(), "--help"); code != exitOK || !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help: exit code %d, %q", command.Name(), code, out)
		}
	}
}

func TestManPagesAndCompletionCoverEveryCommand(t *testing.T) {
	dir := t.TempDir()
	if code, _, errs := runSquall(t, nil, "man", dir); code != exitOK {
		t.Fatal(errs)
	}
	for _, command := range newRoot(system{}).Commands() {
		page, err := os.ReadFile(filepath.Join(dir, "squall-"+command.Name()+".1"))
		if err != nil || !strings.Contains(string(page), command.Short[:10]) {
			t.Errorf("the page of %s: %v", command.Name(), err)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, errs := runSquall(t, nil, "completion", shell); code != exitOK || !strings.Contains(out, "squall") {
			t.Errorf("completion %s: exit code %d: %s", shell, code, errs)
		}
	}
}

func TestAPulledLeverStaysWhateverIsRestored(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	for _, restore := range []string{"all", "proxies", "none"} {
		s := startServe(t, map[string]string{"SQUALL_STATE": state})
		s.squall("halt")
		s.end()
		s = startServe(t, map[string]string{"SQUALL_STATE": state, "SQUALL_RESTORE": restore})
		if _, body := get(t, s.admin+"/admin/halt"); !strings.Contains(body, "true") {
			t.Errorf("--restore=%s: %s", restore, body)
		}
		s.squall("release")
		s.end()
	}
}

func TestAdminOpenWarnsAtEveryStart(t *testing.T) {
	if s := startServe(t, nil, "--admin-open"); !strings.Contains(s.log.String(), "open to whoever reaches it") {
		t.Errorf("no warning: %s", s.log)
	}
	if s := startServe(t, nil); strings.Contains(s.log.String(), "open to whoever") {
		t.Errorf("a warning without a reason: %s", s.log)
	}
}
