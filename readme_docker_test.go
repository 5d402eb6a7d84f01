package squall_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// walk runs the docker-console blocks of a section of the README, one after the other, and holds what they print against
// what the README says. After the first block with a command that is named in checks, its check is run.
func (e *engine) walk(t *testing.T, section string, checks map[string]func(*testing.T)) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := consoleBlocks(string(text), section)
	if len(blocks) == 0 {
		t.Fatalf("README.md has no docker-console block under %q", section)
	}
	for _, block := range blocks {
		for _, step := range block {
			e.step(t, step)
		}
		for _, step := range block {
			if check := checks[step.command]; check != nil {
				delete(checks, step.command)
				t.Run(step.command, check)
			}
		}
	}
	for command := range checks {
		t.Errorf("there is no $ %s under %q", command, section)
	}
}

// step runs a command of the README. One that only looks is repeated until it shows what is written, as a reader would.
func (e *engine) step(t *testing.T, s consoleStep) {
	t.Helper()
	begun := time.Now()
	var output string
	holds := func() bool {
		var err error
		if output, err = e.try(e.ctx, s.command); err != nil {
			output += err.Error()
		}
		return err == nil && matches(output, s.want)
	}
	if !holds() && !(s.looks() && waitUntil(holds)) {
		t.Fatalf("$ %s\nprinted\n%s\nthe README says\n%s", s.command, output, strings.Join(s.want, "\n"))
	}
	t.Logf("%5.1f s  $ %s", time.Since(begun).Seconds(), s.command)
}

// consoleStep is a "$ command" line and the lines below, which it prints.
type consoleStep struct {
	command string
	want    []string
}

// looks says that the command changes nothing.
func (s consoleStep) looks() bool {
	return regexp.MustCompile(`^(curl -s localhost|for i in |docker-compose logs )`).MatchString(s.command)
}

// consoleBlocks reads the ```docker-console blocks between the heading "### section" and the next heading.
func consoleBlocks(text, section string) [][]consoleStep {
	var blocks [][]consoleStep
	inSection, inBlock := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch last := len(blocks) - 1; {
		case !inBlock && strings.HasPrefix(line, "##"):
			inSection = line == "### "+section
		case !inSection:
		case strings.HasPrefix(line, "```"):
			inBlock = line == "```docker-console"
			if inBlock {
				blocks = append(blocks, nil)
			}
		case !inBlock:
		case strings.HasPrefix(line, "$ "):
			blocks[last] = append(blocks[last], consoleStep{command: line[2:]})
		case len(blocks[last]) > 0:
			step := &blocks[last][len(blocks[last])-1]
			step.want = append(step.want, line)
		}
	}
	return blocks
}

// matches holds output against lines in which "..." stands for anything, and alone on a line for any lines. Nothing
// written holds for all.
func matches(output string, want []string) bool {
	if len(want) == 0 {
		return true
	}
	var pattern strings.Builder
	pattern.WriteString(`(?s)\A`)
	for _, line := range want {
		if line == "..." {
			pattern.WriteString(`.*`)
			continue
		}
		parts := strings.Split(line, "...")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*`) + ` *\n?`)
	}
	return regexp.MustCompile(pattern.String() + `\z`).MatchString(output)
}

// waitUntil polls until holds does, for 30 s at most, and says whether it did.
func waitUntil(holds func() bool) bool {
	for limit := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(limit) {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return true
}

func TestConsoleBlocksAreTheSectionsOwn(t *testing.T) {
	text := "## A\n### B\n```docker-console\n$ no\n```\n### C\n```docker-console\n$ one\n## not a heading\n$ two\n```\n" +
		"```sh\n$ no\n```\n```docker-console\n$ three\n...\n```\n## D\n```docker-console\n$ no\n```\n"
	want := "[[{one [## not a heading]} {two []}] [{three [...]}]]"
	if got := fmt.Sprint(consoleBlocks(text, "C")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		output string
		want   []string
		match  bool
	}{
		{"a\nb\n", []string{"a", "b"}, true},
		{"a\nc\n", []string{"a", "b"}, false},
		{"a\nb\nc\n", []string{"a", "b"}, false},
		{"a\n", nil, true},
		{"a\nb\nc\n", []string{"a", "..."}, true},
		{"took 3s: ok\n", []string{"took ...: ok"}, true},
		{"took 3s: bad\n", []string{"took ...: ok"}, false},
		{"x [cached]\n", []string{"...", "x"}, false},
	} {
		if got := matches(test.output, test.want); got != test.match {
			t.Errorf("matches(%q, %q) = %v", test.output, test.want, got)
		}
	}
}

// The lab's own lines, all but the build's --target.
func TestReadmeHasTheLabsLines(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, step := range slices.Concat(consoleBlocks(string(text), lab7Section)...) {
		commands = append(commands, step.command)
	}
	for _, line := range []string{
		`docker network create my-network`,
		`docker build --target hello -t hello-service .`,
		`docker run -d -p 5056:5055 --name service1 -e SERVER_NAME="service1" --network my-network --network-alias service1 hello-service`,
		`docker run -d -p 5057:5055 --name service2 -e SERVER_NAME="service2" --network my-network --network-alias service2 hello-service`,
	} {
		if !slices.Contains(commands, line) {
			t.Errorf("README.md, %q has no %q", lab7Section, line)
		}
	}
}
