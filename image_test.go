package squall_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// inlineConfig goes into SQUALL_CONFIG_INLINE.
const inlineConfig = `proxies:
  - {name: hello, listen: ":6055", upstream: "http://hello:5055"}
  - {name: files, listen: ":6056", upstream: "http://files:80"}
`

// testImage looks at the image as it is without compose, on a network of its own.
func testImage(t *testing.T, e *engine) {
	e.bash(t, "docker network create "+e.name)
	e.afterwards(t, "docker network rm "+e.name)
	e.container(t, "--network-alias hello --env SERVER_NAME=service1 "+e.name+" hello")
	t.Run("without arguments", func(t *testing.T) { testWithoutArguments(t, e) })
	squall := e.container(t, "--network-alias squall --env SQUALL_CONFIG_INLINE='"+inlineConfig+"'"+
		" --publish 127.0.0.1::6055 --publish 127.0.0.1::6056 --publish 127.0.0.1::8474 "+e.name)
	e.awaitHealthy(t, squall)
	t.Run("inline configuration", func(t *testing.T) { awaitAnswer(t, e.url(t, squall, "6055"), hello1) })
	t.Run("upstream killed", func(t *testing.T) { testUpstreamKilled(t, e, squall) })
	t.Run("reset", func(t *testing.T) { testReset(t, e, squall) })
	t.Run("kill -9", func(t *testing.T) { testKill(t, e, squall) })
	t.Run("SIGTERM", func(t *testing.T) { testStop(t, e, squall) })
	t.Run("Toxiproxy's place", func(t *testing.T) { testToxiproxysPlace(t, e) })
}

// container starts one on the tests' network, with the arguments of docker run, and takes it away when the test ends.
func (e *engine) container(t *testing.T, arguments string) (id string) {
	t.Helper()
	id = e.bash(t, "docker run --detach --network "+e.name+" --label "+e.name+" "+arguments)
	e.afterwards(t, "docker rm --force --volumes "+id)
	return id
}

// awaitHealthy waits for the image's own health check.
func (e *engine) awaitHealthy(t *testing.T, id string) {
	t.Helper()
	if !waitUntil(func() bool { return e.bash(t, "docker inspect --format {{.State.Health.Status}} "+id) == "healthy" }) {
		t.Fatalf("never healthy:\n%s", e.bash(t, "docker logs "+id+" 2>&1"))
	}
}

// url is where a container's port is published.
func (e *engine) url(t *testing.T, id, port string) string {
	t.Helper()
	return "http://" + e.bash(t, "docker port "+id+" "+port) + "/"
}

// putRule asks squall's admin API for a rule.
func (e *engine) putRule(t *testing.T, squall, name, rule string) {
	t.Helper()
	url := e.url(t, squall, "8474") + "admin/faults/rules/" + name
	e.bash(t, "curl --silent --show-error --fail --request PUT --data '"+rule+"' "+url)
}

// `docker run squall` on a root that cannot be written to, without any capability: it runs without root, and its admin API
// is reached from its network, though nothing is published.
func testWithoutArguments(t *testing.T, e *engine) {
	id := e.container(t, "--network-alias alone --read-only --cap-drop ALL --security-opt no-new-privileges "+e.name)
	e.awaitHealthy(t, id)
	if user := e.bash(t, "docker top "+id+" | awk 'NR > 1 {print $1}'"); user != "65532" {
		t.Errorf("it runs as %s", user)
	}
	e.bash(t, "docker run --rm --network "+e.name+" "+e.name+" health http://alone:8474/readyz")
}

// A client behind squall must notice that the upstream died in the middle of a reply.
func testUpstreamKilled(t *testing.T, e *engine, squall string) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"large":      strings.Repeat("0123456789abcdef", 1<<16),
		"nginx.conf": "events {} http { server { listen 80; root /files; limit_rate 1k; } }",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	upstream := e.container(t, "--network-alias files --volume "+dir+":/files:ro "+nginxImage+" nginx -c /files/nginx.conf -g 'daemon off;'")
	e.awaitNginx(t, upstream)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	response, err := client.Get(e.url(t, squall, "6056") + "large")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 16)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "0123456789abcdef" {
		t.Fatalf("%d %q %v", response.StatusCode, first, err)
	}
	e.bash(t, "docker kill "+upstream)
	begun := time.Now()
	rest, err := io.ReadAll(response.Body)
	if err == nil {
		t.Errorf("the reply ended cleanly after %d bytes of %d", len(first)+len(rest), 1<<20)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the client noticed after %v: %v", took, err)
	}
}

// What squall resets is a reset for its client, and what it closes is a close. It resets a connection that it gives up
// with data unread: that is what the kernel does then (RFC 9293, 3.6.1).
func testReset(t *testing.T, e *engine, squall string) {
	e.putRule(t, squall, "hole", `{"proxy":"hello","blackhole":"200ms"}`)
	defer e.bash(t, "curl --silent --show-error --fail --request DELETE "+e.url(t, squall, "8474")+"admin/faults")
	for _, test := range []struct{ name, request, want string }{
		{"reset", `POST / HTTP/1.1\r\nHost: squall\r\nContent-Length: 1000000\r\n\r\n%050000d`, "Connection reset by peer"},
		{"close", `GET / HTTP/1.1\r\nHost: squall\r\n\r\n`, "closed"},
	} {
		got := e.bash(t, "docker run --rm --network "+e.name+" "+nginxImage+" timeout 20 bash -c '"+
			`exec 3<>/dev/tcp/squall/6055; printf "`+test.request+`" >&3; cat <&3 2>&1 && echo closed || true'`)
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: the client saw %q, want %q", test.name, got, test.want)
		}
	}
}

// An acknowledged change outlives a kill -9.
func testKill(t *testing.T, e *engine, squall string) {
	e.putRule(t, squall, "teapot", `{"proxy":"hello","abort":418,"first":1}`)
	e.bash(t, "docker kill --signal KILL "+squall)
	e.bash(t, "docker start "+squall)
	e.awaitHealthy(t, squall)
	for _, want := range []int{http.StatusTeapot, http.StatusOK} {
		if status, _, err := call(e.url(t, squall, "6055"), ""); err != nil || status != want {
			t.Errorf("after the kill: %d %v, want %d", status, err, want)
		}
	}
}

// SIGTERM lets what is under way finish, and the exit code is 0.
func testStop(t *testing.T, e *engine, squall string) {
	e.putRule(t, squall, "slow", `{"proxy":"hello","delay":"1s"}`)
	proxy, admin := e.url(t, squall, "6055"), e.url(t, squall, "8474")
	var (
		body string
		err  error
		done = make(chan struct{})
	)
	go func() {
		defer close(done)
		_, body, err = call(proxy, "")
	}()
	if status, answer, err := call(admin+"admin/wait?rule=slow&hits=1&timeout=10s", ""); err != nil || status != http.StatusOK {
		t.Errorf("the call never came: %d %s %v", status, answer, err)
	}
	e.bash(t, "docker stop "+squall)
	if <-done; err != nil || body != hello1 {
		t.Errorf("the call under way at SIGTERM: %q %v", body, err)
	}
	if code := e.bash(t, "docker inspect --format {{.State.ExitCode}} "+squall); code != "0" {
		t.Errorf("exit code %s", code)
	}
}
