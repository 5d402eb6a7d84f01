package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/squall-proxy/squall/internal/readme"
)

// TestFromToxiproxy runs the commands of docs/from-toxiproxy.md, in a network namespace of its own.
func TestFromToxiproxy(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		runInNamespace(t, "^TestFromToxiproxy$")
		return
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "from-toxiproxy.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if output, err := exec.Command("go", "build", "-o", filepath.Join(bin, "squall"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	work := t.TempDir()
	r := &walker{t: t, root: work, work: work}
	t.Cleanup(r.stop)
	for _, block := range readme.Blocks(string(text)) {
		if block.Language != "server" {
			r.run(block)
			continue
		}
		for _, step := range block.Steps() {
			r.commands++
			r.start(work, step.Command, step.Want)
		}
	}
	if r.commands < 10 {
		t.Fatalf("only %d commands were found", r.commands)
	}
}
