package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A runner is killed while a service is stopped. The next start makes the service run before it does anything else.
func TestTheNextStartUndoesWhatDockerDid(t *testing.T) {
	folder := t.TempDir()
	const fake = `#!/bin/sh
case "$*" in
ps*) echo service1 ;;
*) echo "$*" >> "${0%/*}/log" ;;
esac
`
	file := filepath.Join(folder, "experiment.yaml")
	for path, text := range map[string]string{
		filepath.Join(folder, "docker"):         "#!/bin/sh\nexit 1\n",
		filepath.Join(folder, "docker-compose"): fake,
		file: `version: v1
title: a service that is stopped
configuration: {span: {type: env, key: SPAN, default: 60s}}
steady_state: {every: 50ms, checks: [{name: up, process: {path: "true"}, tolerance: 0, mode: edge}]}
method: [{docker: stop, service: service1, for: "${span}"}]
report: {json: ` + folder + `/run.json}
`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	did := func() string {
		data, _ := os.ReadFile(filepath.Join(folder, "log")) // not there before docker is asked
		return string(data)
	}
	environment := shop(t, "stock")
	runner := exec.Command(os.Args[0], "-test.run", "^TestNoFaultOutlivesItsRunner$")
	runner.Env = append(os.Environ(), runnerVariable+"="+file, "SQUALL_ADMIN_URL="+environment["SQUALL_ADMIN_URL"])
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the service is never stopped", func() bool { return did() == "stop service1\n" })
	_ = runner.Process.Kill()
	_ = runner.Wait()

	environment["SPAN"] = "50ms"
	code, out, errs := runSquall(t, environment, "experiment", "run", file)
	if want := strings.Repeat("stop service1\nstart service1\n", 2); code != exitOK || did() != want {
		t.Errorf("exit code %d, docker did\n%s\n%s%s", code, did(), out, errs)
	}
	if !strings.Contains(out, "  docker stop service1 is undone\n") {
		t.Errorf("nothing tells that what this run did is undone: %s", out)
	}
	for _, want := range []string{"an earlier run has left its docker stop service1, which is undone", "was killed"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in %s", want, errs)
		}
	}
	data, err := os.ReadFile(filepath.Join(folder, "run.json.interrupted"))
	if err != nil || !strings.Contains(string(data), `"docker-undone"`) || !strings.Contains(string(data), `"why":"interrupted"`) {
		t.Errorf("%v: the journal of the run that was killed: %s", err, data)
	}
}
