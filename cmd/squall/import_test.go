package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/config"
)

const virtualService = `kind: VirtualService
metadata: {name: ratings}
spec:
  http:
  - fault: {abort: {httpStatus: 500, percentage: {value: 100}}}
`

func TestImportPrintsRulesThatLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vs.yaml")
	if err := os.WriteFile(path, []byte(virtualService+"    timeout: 1s\n    match: [{port: 80}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runSquall(t, nil, "import", "--proxy", "ratings", path)
	if want := path + ":7:20: spec.http[0].match[0].port: has no counterpart"; code != 0 || !strings.HasPrefix(errs, want) || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d, %q, want %q", code, errs, want)
	}
	file, err := config.Parse("out", []byte("proxies: [{name: ratings, listen: \":1\", upstream: \"http://a\"}]\n"+out))
	if err != nil || len(file.Rules) != 1 || file.Rules[0].Name != "ratings-1-abort" || file.Rules[0].Proxy != "ratings" {
		t.Errorf("%v: %s", err, out)
	}
	code, out, errs = runSquall(t, nil, "import", "--proxy", "ratings", "--strict", path)
	if code != exitFail || out != "" || !strings.Contains(errs, "1 settings have no counterpart") {
		t.Errorf("strict: exit code %d, %q, %q", code, out, errs)
	}
}

func TestImportFromStandardInput(t *testing.T) {
	for text, want := range map[string]int{virtualService: exitOK, "a: [": exitUsage, "a: &x 1": exitUsage} {
		for _, args := range [][]string{{"import", "--strict"}, {"import", "--strict", "-"}} {
			var out, errs bytes.Buffer
			code := run(t.Context(), args, system{
				in: strings.NewReader(text), out: &out, err: &errs, getenv: func(string) string { return "" },
			})
			if code != want || strings.Contains(out.String(), "ratings-1-abort") != (want == exitOK) {
				t.Errorf("%v of %q: exit code %d, %q, %q", args, text, code, &out, &errs)
			}
		}
	}
	if code, _, _ := runSquall(t, nil, "import", "no-such-file"); code != exitUsage {
		t.Errorf("no file: exit code %d", code)
	}
}
