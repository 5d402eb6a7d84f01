package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestFaultsPatchAndRemove(t *testing.T) {
	s := startServe(t, nil)
	upstream := fineUpstream(t)
	for _, name := range []string{"a", "b"} {
		s.squall("proxies", "add", name, "127.0.0.1:0", upstream)
		s.squall("faults", "rule", name+"-only", fmt.Sprintf(`{"proxy":%q,"abort":503}`, name))
	}
	s.squall("faults", "apply", writeTemporary(t, `{"rules":[{"name":"x y","proxy":"a","abort":503},{"name":"x y","proxy":"b","abort":503},{"name":"z","abort":503}]}`))
	if out := s.squall("faults", "patch", "z", `{"percent":0}`); !strings.Contains(out, `"percent": 0`) {
		t.Errorf("patch: %s", out)
	}
	for _, args := range [][]string{{"patch", "x y", `{"percent":0}`}, {"rm", "x y"}} {
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, append([]string{"faults"}, args...)...)
		if code != exitFail || !strings.Contains(errs, "x y?proxy=a, x y?proxy=b") {
			t.Errorf("%q of an ambiguous name: exit code %d, %s", args, code, errs)
		}
	}
	s.squall("faults", "patch", "x y", `{"attributes":{"status":500}}`, "--proxy", "a")
	s.squall("faults", "rm", "x y", "--proxy", "b")
	for name, want := range map[string]int{"a": 500, "b": 200} {
		if status, _ := get(t, s.url(name)); status != want {
			t.Errorf("%s: %d, want %d", name, status, want)
		}
	}
	if out := s.squall("faults", "rm", "z", "--proxy", "*"); out != "" {
		t.Errorf("rm prints %q", out)
	}
	code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, "faults", "rm", "z")
	if code != exitFail || !strings.Contains(errs, `no rule is named "z"`) {
		t.Errorf("rm of none: exit code %d, %s", code, errs)
	}
}

// writeTemporary writes a file that is gone after the test.
func writeTemporary(t *testing.T, text string) string {
	t.Helper()
	path := t.TempDir() + "/file"
	writeFile(t, path, text)
	return path
}

func TestWait(t *testing.T) {
	s := startServe(t, nil)
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	s.squall("proxies", "add", "b", "127.0.0.1:0", fineUpstream(t))
	s.squall("faults", "rule", "lost", `{"proxy":"a","abort":500,"first":2}`)
	environment := map[string]string{"SQUALL_ADMIN_URL": s.admin}
	late := func(want string, args ...string) {
		t.Helper()
		code, out, errs := runSquall(t, environment, append([]string{"wait", "--timeout", "10ms"}, args...)...)
		if code != exitFail || out != want || errs != "" {
			t.Errorf("%q: exit code %d, %q, %q", args, code, out, errs)
		}
	}
	late("lost: 0 of 1 hits\n", "lost")
	get(t, s.url("a"))
	get(t, s.url("a"))
	if out := s.squall("wait", "lost", "--hits", "2"); out != "lost: 2 of 2 hits\n" {
		t.Errorf("got %q", out)
	}
	late("lost: 2 of 3 hits\n", "lost", "--hits", "3", "--proxy", "a")

	s.squall("faults", "set", "failure")
	get(t, s.url("b"))
	if out := s.squall("wait", "mode/failure", "--proxy", "b"); out != "mode/failure: 1 of 1 hits\n" {
		t.Errorf("got %q", out)
	}
	late("mode/failure: 0 of 1 hits\n", "mode/failure", "--proxy", "a")
	for want, args := range map[string][]string{
		"mode/failure?proxy=a, mode/failure?proxy=b": {"mode/failure"},
		`no rule is named "mode/fallback"`:           {"mode/fallback"},
		"timeout: want a duration of 0s to 1m0s":     {"lost", "--timeout", "2m"},
	} {
		code, out, errs := runSquall(t, environment, append([]string{"wait"}, args...)...)
		if code != exitFail || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d, %q, %q", args, code, out, errs)
		}
	}
}

func TestExchanges(t *testing.T) {
	s := startServe(t, nil)
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	s.squall("faults", "rule", "lost", `{"abort":500,"match":{"path":"/lost"}}`)
	for i, path := range []string{"/lost", "/fine?" + strings.Repeat("q", 100), "/" + strings.Repeat("long", 100), "/%1b%5B2J%09x"} {
		get(t, s.url("a")+path)
		eventually(t, path+" is not there", func() bool { return strings.Count(s.squall("exchanges"), "\n") == 2+i })
	}
	for _, test := range []struct {
		args []string
		want string // of each line after the head, by its time
	}{
		{nil, `a +GET +/�\[2J�x +200 +\S+ +ok *\n.*a +GET +/(long){14}lo… +200 +\S+ +ok *\n.*a +GET +/fine +200 +\S+ +ok *\n.*a +GET +/lost +500 +\S+ +injected +lost`},
		{[]string{"--hit"}, `a +GET +/lost +500 +\S+ +injected +lost`},
		{[]string{"--hit=false", "--limit", "1"}, `a +GET +/�\[2J�x +200 +\S+ +ok *`},
		{[]string{"--outcome", "injected", "--proxy", "a", "--rule", "lost"}, `a +GET +/lost .*`},
		{[]string{"--proxy", "b"}, ""},
	} {
		pattern := `^AT +PROXY +METHOD +PATH +STATUS +TOOK +OUTCOME +HIT BY\n`
		if test.want != "" {
			pattern += `\d\d:\d\d:\d\d\.\d\d\d +` + test.want + `\n`
		}
		if out := s.squall(append([]string{"exchanges"}, test.args...)...); !regexp.MustCompile(pattern + "$").MatchString(out) {
			t.Errorf("%q: got\n%s", test.args, out)
		}
	}
	if out := s.squall("exchanges", "--json", "--hit"); !strings.Contains(out, `"decision": "hit"`) || strings.Count(out, `"path"`) != 1 {
		t.Errorf("got %s", out)
	}
	for _, json := range []string{"--json", "--json=false"} {
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, "exchanges", "--limit", "1001", json)
		if code != exitFail || !strings.Contains(errs, "limit: want a whole number of 1 to 1000") {
			t.Errorf("exit code %d, %s", code, errs)
		}
	}
}

// A mistake is told once, not "client: client: …".
func TestCallTellsAMistakeOnce(t *testing.T) {
	for _, args := range [][]string{{"ftp://x"}, {"http://"}, {"http://x", "--retries", "-1"}, {"http://x", "--rate", "-1"}} {
		code, _, errs := runSquall(t, nil, append([]string{"call"}, args...)...)
		if code != exitUsage || strings.Count(errs, "client:")+strings.Count(errs, "calls:") != 1 {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
}
