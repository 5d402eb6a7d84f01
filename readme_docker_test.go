package squall_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/readme"
)

// walk runs the docker-console blocks of a section of the README, as walkFile does.
func (e *engine) walk(t *testing.T, section string, checks map[string]func(*testing.T)) {
	t.Helper()
	e.walkFile(t, "README.md", section, checks)
}

// walkFile runs the docker-console blocks of a section of a text, one after the other, and holds what they print against
// what the text says. After the first block with a command that is named in checks, its check is run.
func (e *engine) walkFile(t *testing.T, file, section string, checks map[string]func(*testing.T)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := dockerBlocks(string(text), section)
	if len(blocks) == 0 {
		t.Fatalf("%s has no docker-console block under %q", file, section)
	}
	for _, block := range blocks {
		for _, step := range block.Steps() {
			e.step(t, step)
		}
		for _, step := range block.Steps() {
			if check := checks[step.Command]; check != nil {
				delete(checks, step.Command)
				t.Run(step.Command, check)
			}
		}
	}
	for command := range checks {
		t.Errorf("there is no $ %s under %q", command, section)
	}
}

// step runs a command of the README. One that only looks is repeated until it shows what is written, as a reader would.
func (e *engine) step(t *testing.T, s readme.Step) {
	t.Helper()
	if s.Command == "" {
		t.Fatalf("README: %q is no command", s.Want[0])
	}
	begun := time.Now()
	var output string
	holds := func() bool {
		var err error
		if output, err = e.try(e.ctx, s.Command); err != nil {
			output += err.Error()
		}
		return err == nil && readme.Matches(output, s.Want)
	}
	if !holds() && !(looks(s.Command) && waitUntil(holds)) {
		t.Fatalf("$ %s\nprinted\n%s\nthe README says\n%s", s.Command, output, strings.Join(s.Want, "\n"))
	}
	t.Logf("%5.1f s  $ %s", time.Since(begun).Seconds(), s.Command)
}

// looks says that a command changes nothing.
func looks(command string) bool {
	return regexp.MustCompile(`^(curl -s localhost|for i in |docker-compose logs )`).MatchString(command)
}

// dockerBlocks are the docker-console blocks under a heading.
func dockerBlocks(text, section string) []readme.Block {
	return slices.DeleteFunc(readme.Blocks(text), func(b readme.Block) bool {
		return b.Language != "docker-console" || b.Section != section
	})
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

func TestDockerBlocksAreTheSectionsOwn(t *testing.T) {
	text := "## A\n### B\n```docker-console\n$ no\n```\n### C\n```docker-console\n$ one\n```\n```sh\n$ no\n```\n" +
		"```docker-console\n$ two\n```\n## D\n```docker-console\n$ no\n```\n"
	want := "[{docker-console C [$ one]} {docker-console C [$ two]}]"
	if got := fmt.Sprint(dockerBlocks(text, "C")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The lab's own lines, all but the build's --target.
func TestReadmeHasTheLabsLines(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, block := range dockerBlocks(string(text), lab7Section) {
		for _, step := range block.Steps() {
			commands = append(commands, step.Command)
		}
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
