package squall_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContainers goes through both labs in real containers, behind the real nginx. The image is compiled once; all the
// other builds find it in the builder's cache. Nothing is left behind but the base images.
func TestContainers(t *testing.T) {
	requireDocker(t)
	e := newEngine(t)
	t.Run("image", func(t *testing.T) { testImage(t, e) })
	t.Run("lab 7 by hand", func(t *testing.T) { testLab7ByHand(t, e) })
	t.Run("compose", func(t *testing.T) { testCompose(t, e) })
}

// requireDocker skips the test where there is nothing to run it on, or fails it where REQUIRE_DOCKER says that there must
// be.
func requireDocker(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: building the image and running both labs in containers takes minutes")
	}
	for _, tool := range []string{"docker", "docker-compose"} {
		if output, err := exec.Command(tool, "version").CombinedOutput(); err != nil {
			unavailable(t, fmt.Sprintf("%s version: %v\n%s", tool, err, output))
		}
	}
}

func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_DOCKER") == "1" {
		t.Fatal("REQUIRE_DOCKER=1, but there are no containers here:", why)
	}
	t.Skip("no containers here:", why)
}

// engine is the Docker engine, used from a copy of the project.
type engine struct {
	dir  string          // the copy
	name string          // of this run: the image, compose's project, the label of single containers
	env  []string        // of all commands
	ctx  context.Context // of all commands but those that clean up

	layers  []string // ids of the images that this run has built, in this order
	volumes []string // names of the volumes that compose's containers had
}

// newEngine builds the image. When the test ends it takes away all images that were built, and fails the test if anything
// else is still there.
func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{dir: t.TempDir(), name: fmt.Sprintf("squall-test-%d", os.Getpid()), ctx: commandContext(t)}
	e.env = append(plainEnvironment(), "COMPOSE_PROJECT_NAME="+e.name)
	e.requireFree(t, "5055", "5056", "5057", "6055", "6056", "6057", "8080", "8474")
	copyProject(t, e.dir)
	if output, err := e.try(e.ctx, "scripts/offline-images"); err != nil {
		unavailable(t, output+err.Error())
	}
	t.Cleanup(func() {
		e.removeImages(t)
		if left := e.leftovers(t); left != "" {
			t.Errorf("left behind:\n%s", left)
		}
	})
	e.bash(t, "docker build --force-rm --tag "+e.name+" --build-arg GOPROXY --build-arg GOSUMDB --build-arg GOFLAGS --build-arg GO_IMAGE .")
	return e
}

// requireFree fails the test if a port or name of the labs' is taken: their lines are run as they are.
func (e *engine) requireFree(t *testing.T, ports ...string) {
	t.Helper()
	for _, port := range ports {
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			t.Fatalf("the labs need port %s, but it is taken: %v", port, err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if taken := e.taken(t); taken != "" {
		t.Fatalf("the labs need these names, but they are taken (by an earlier run that was broken off?):\n%s", taken)
	}
}

// commandContext ends 90 s before the tests' time does, so that they can clean up.
func commandContext(t *testing.T) context.Context {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return context.Background()
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline.Add(-90*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// plainEnvironment is the environment without what changes docker-compose.yml.
func plainEnvironment() []string {
	changes := regexp.MustCompile(`^(COMPOSE_\w+|\w+_PUBLISH|SERVICE_MODE|FAILURE_RATE|SEED|NGINX_CONF|CLIENT_\w+|LAB[67]_\w+)=`)
	return slices.DeleteFunc(os.Environ(), changes.MatchString)
}

// copyProject copies the project, so that whoever edits it meanwhile changes no build. Hidden files stay behind.
func copyProject(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		hidden := entry != nil && entry.Name()[0] == '.' && path != "." && path != ".dockerignore"
		switch {
		case errors.Is(err, fs.ErrNotExist): // somebody's temporary file
			return nil
		case err != nil:
			return err
		case entry.IsDir() && (hidden || path == "bin" || path == "out"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o755)
		case hidden || !entry.Type().IsRegular():
			return nil
		}
		if err := copyFile(path, filepath.Join(to, path)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

// try runs a command line in the copy of the project and gives what it printed. The error has its messages.
func (e *engine) try(ctx context.Context, line string) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = e.dir, e.env, 5*time.Second
	var output, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &messages
	err := cmd.Run()
	e.layers = append(e.layers, builtLayers(output.String())...)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: the tests' time is over", err)
		}
		return output.String(), fmt.Errorf("$ %s\n%w\n%s", line, err, &messages)
	}
	return output.String(), nil
}

// bash runs a command line that must succeed, and gives what it printed without the last newline.
func (e *engine) bash(t *testing.T, line string) string {
	t.Helper()
	output, err := e.try(e.ctx, line)
	if err != nil {
		t.Fatalf("%v%s", err, output)
	}
	return strings.TrimSuffix(output, "\n")
}

// afterwards runs a command line when the test ends, however it ends.
func (e *engine) afterwards(t *testing.T, line string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if output, err := e.try(ctx, line); err != nil {
			t.Errorf("%v%s", err, output)
		}
	})
}

// builtLayers finds the ids of the images that the classic builder has made, the ones between the steps included, in what
// it printed. Those that it found in its cache, or started from, are somebody else's. BuildKit leaves no such images.
func builtLayers(output string) []string {
	var built []string
	own := false
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Step ") {
			_, instruction, _ := strings.Cut(line, " : ")
			own = !strings.HasPrefix(instruction, "FROM ")
			continue
		}
		id, isResult := strings.CutPrefix(line, "---> ")
		switch {
		case id == "Using cache":
			own = false
		case isResult && own && regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(id):
			built = append(built, id)
		}
	}
	return built
}

func (e *engine) removeImages(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, image := range slices.Backward(append(slices.Clone(e.layers), e.name)) {
		// Most are gone with the one that was built on them.
		if _, err := e.try(ctx, "docker rmi "+image); err != nil && !strings.Contains(err.Error(), "No such image") {
			t.Error(err)
		}
	}
}

// leftovers lists what the tests have made and is still there.
func (e *engine) leftovers(t *testing.T) string {
	t.Helper()
	return e.taken(t) + e.list(t,
		"docker ps --all --format '{{.Names}} {{.Labels}}' | grep "+e.name,
		"docker network ls --format '{{.Name}}' | grep "+e.name,
		"docker volume ls --format '{{.Name}} {{.Labels}}' | grep "+e.name,
		"docker volume ls --quiet | grep -E '^("+strings.Join(e.volumes, "|")+")$'",
		"docker images --format '{{.Repository}}' | grep "+e.name,
		"docker images --all --quiet | grep -E '^("+strings.Join(e.layers, "|")+")$'",
	)
}

// taken lists what has one of the names that the labs' lines and docker-compose.yml give, or that an earlier run has left.
func (e *engine) taken(t *testing.T) string {
	t.Helper()
	return e.list(t,
		"docker ps --all --format 'container {{.Names}}' | grep -E ' (service1|service2|nginx|squall-test-.*)$'",
		"docker network ls --format 'network {{.Name}}' | grep -E ' my-network$'",
		"docker images --format 'image {{.Repository}}' | grep -E ' hello-service$'",
	)
}

// list gives what is found by command lines that end in a grep.
func (e *engine) list(t *testing.T, lines ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	output, err := e.try(ctx, "set -o pipefail\n"+strings.Join(lines, " || test $? = 1 || exit\n")+" || test $? = 1")
	if err != nil {
		t.Error(err)
	}
	return output
}

func TestBuiltLayersAreOnlyTheBuildsOwn(t *testing.T) {
	const output = `Step 1/6 : ARG GO_IMAGE
Step 2/6 : FROM ${GO_IMAGE:-golang:1.26-bookworm} AS build
 ---> c5572862ed0f
Step 3/6 : WORKDIR /src
 ---> Using cache
 ---> d9b78c4a5761
Step 4/6 : COPY go.mod go.sum ./
 ---> c93ad142878b
Step 5/6 : RUN go mod download
 ---> Running in 29a72d7931c9
downloading
Removing intermediate container 29a72d7931c9
 ---> dec9d36dc365
Step 6/6 : FROM scratch AS base
 ---> 
Successfully built dec9d36dc365
`
	if got := builtLayers(output); !slices.Equal(got, []string{"c93ad142878b", "dec9d36dc365"}) {
		t.Errorf("%q", got)
	}
}
