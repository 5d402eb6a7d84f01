package squall_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	lab7Section = "Lab 7 by hand"
	startNginx  = `docker run -d -p 8080:80 --name nginx --network my-network ` +
		`-v "$PWD/nginx/lab.conf:/etc/nginx/nginx.conf:ro" nginx:1.28`

	hello1   = "Hello from Service 1"
	hello2   = "Hello from Service 2"
	nginxURL = "http://127.0.0.1:8080/"
)

// testLab7ByHand walks through lab 7 as the lab has it: nginx straight before two services, without squall and compose.
func testLab7ByHand(t *testing.T, e *engine) {
	e.afterwards(t, strings.Join([]string{ // what the section has not come to
		"docker rm --force --volumes service1 service2 nginx",
		"docker network ls --quiet --filter name='^my-network$' | xargs --no-run-if-empty docker network rm",
		"docker images --format '{{.Repository}}' hello-service | xargs --no-run-if-empty docker rmi",
	}, "\n"))
	e.walk(t, lab7Section, map[string]func(*testing.T){
		startNginx: func(t *testing.T) { e.awaitNginx(t, "nginx") },
		"for i in 1 2 3 4; do curl -s localhost:8080/; echo; done": func(t *testing.T) { assertAlternates(t, nginxURL) },
		"docker stop service1": func(t *testing.T) { assertOnly(t, nginxURL, hello2) },
		"docker start service1": func(t *testing.T) {
			assertAlternatesAgain(t, nginxURL)
			testLabsWeights(t, e)
		},
	})
}

// awaitNginx returns when a container's nginx listens. It connects only: a request would take a turn in the balancing.
func (e *engine) awaitNginx(t *testing.T, container string) {
	t.Helper()
	if !waitUntil(func() bool {
		_, err := e.try(e.ctx, "docker exec "+container+" bash -c '</dev/tcp/127.0.0.1/80'")
		return err == nil
	}) {
		t.Fatalf("nginx in %s never listened", container)
	}
}

// testLabsWeights turns the lab's comments around, so that the weighted lines count.
func testLabsWeights(t *testing.T, e *engine) {
	path := filepath.Join(e.dir, "nginx", "lab.conf")
	conf, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	weighted := strings.NewReplacer("        # server ", "        server ", "        server ", "        # server ").Replace(string(conf))
	if err := os.WriteFile(path, []byte(weighted), 0o600); err != nil {
		t.Fatal(err)
	}
	e.bash(t, "docker restart nginx")
	awaitAnswer(t, nginxURL, hello1)
	assertShare(t, nginxURL, 30)
}

// call asks for a URL on a connection of its own.
func call(url, requestID string) (status int, body string, err error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if requestID != "" {
		request.Header.Set("X-Request-Id", requestID)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	return response.StatusCode, string(data), err
}

// answers asks n times, one after the other. Each call must succeed.
func answers(t *testing.T, url string, n int) []string {
	t.Helper()
	got := make([]string, n)
	for i := range got {
		status, body, err := call(url, "")
		if err != nil || status != http.StatusOK {
			t.Fatalf("call %d of %d to %s: %d %s %v", i+1, n, url, status, body, err)
		}
		got[i] = body
	}
	return got
}

// awaitAnswer returns when a URL gives that answer.
func awaitAnswer(t *testing.T, url, want string) {
	t.Helper()
	last := ""
	if !waitUntil(func() bool {
		status, body, err := call(url, "")
		last = fmt.Sprint(status, body, err)
		return err == nil && status == http.StatusOK && body == want
	}) {
		t.Fatalf("%s never answered %q, the last time %s", url, want, last)
	}
}

// assertAlternatesAgain wants 1:1 in strict turns behind a failure: for a round or two nginx gives the server that failed less
// than its share, as the server's effective weight grows back.
func assertAlternatesAgain(t *testing.T, url string) {
	t.Helper()
	awaitAnswer(t, url, hello1)
	answers(t, url, 4)
	assertAlternates(t, url)
}

// assertAlternates wants 1:1 in strict turns.
func assertAlternates(t *testing.T, url string) {
	t.Helper()
	got := answers(t, url, 40)
	for i, body := range got {
		if body != hello1 && body != hello2 || i > 0 && body == got[i-1] {
			t.Fatalf("call %d to %s: %q, of all %q", i+1, url, body, got)
		}
	}
}

// assertOnly wants 40 calls without an error, all answered by the one service.
func assertOnly(t *testing.T, url, want string) {
	t.Helper()
	for i, body := range answers(t, url, 40) {
		if body != want {
			t.Fatalf("call %d to %s: %q, want %q", i+1, url, body, want)
		}
	}
}

// assertShare wants so many of 40 calls answered by service 1, the others by service 2.
func assertShare(t *testing.T, url string, first int) {
	t.Helper()
	count := map[string]int{}
	for _, body := range answers(t, url, 40) {
		count[body]++
	}
	if count[hello1] != first || count[hello2] != 40-first {
		t.Fatalf("%v, want %d of 40 by service 1", count, first)
	}
}
