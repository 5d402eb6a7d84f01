package squall_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testToxiproxysPlace does what Testcontainers does with Toxiproxy's image: its arguments, its ports, GET /version for ready,
// a proxy from a configuration and one from the API, and a connection that is cut by a bandwidth of 0.
func testToxiproxysPlace(t *testing.T, e *engine) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const proxies = `[{"name":"hello","listen":"0.0.0.0:8666","upstream":"hello:5055","enabled":true}]`
	if err := os.WriteFile(filepath.Join(dir, "tc-toxiproxy.json"), []byte(proxies), 0o644); err != nil {
		t.Fatal(err)
	}
	id := e.container(t, "--network-alias toxiproxy --volume "+dir+":/config:ro --publish 127.0.0.1::8474 --publish 127.0.0.1::8666"+
		" --publish 127.0.0.1::8697 "+e.name+" -host=0.0.0.0 -config=/config/tc-toxiproxy.json")
	api := e.url(t, id, "8474")
	if !waitUntil(func() bool {
		status, body, err := call(api+"version", "")
		return err == nil && status == http.StatusOK && strings.Contains(body, `"version": "2.12.0"`)
	}) {
		t.Fatalf("never ready:\n%s", e.bash(t, "docker logs "+id+" 2>&1"))
	}
	awaitAnswer(t, e.url(t, id, "8666"), hello1)
	e.toxiproxy(t, "POST", api+"proxies", `{"name":"hello:5055","listen":"0.0.0.0:8697","upstream":"hello:5055","enabled":true}`)
	awaitAnswer(t, e.url(t, id, "8697"), hello1)

	cut := api + "proxies/hello:5055/toxics"
	e.toxiproxy(t, "POST", cut, `{"name":"CUT_CONNECTION_DOWNSTREAM","type":"bandwidth","stream":"downstream","attributes":{"rate":0}}`)
	const quick = "curl --silent --max-time 1 "
	if output, err := e.try(e.ctx, quick+e.url(t, id, "8697")); err == nil {
		t.Errorf("a connection that is cut answers %q", output)
	}
	e.toxiproxy(t, "DELETE", cut+"/CUT_CONNECTION_DOWNSTREAM", "")
	awaitAnswer(t, e.url(t, id, "8697"), hello1)

	if got := e.bash(t, "docker exec "+id+" /toxiproxy-cli list"); !strings.Contains(got, "hello:5055\t[::]:8697\thello:5055\tenabled\t0") {
		t.Errorf("toxiproxy-cli lists\n%s", got)
	}
	if got := e.bash(t, "docker run --rm --entrypoint /toxiproxy "+e.name+" -version"); got != "toxiproxy-server version 2.12.0" {
		t.Errorf("/toxiproxy -version: %q", got)
	}
}

// toxiproxy asks the API of Toxiproxy.
func (e *engine) toxiproxy(t *testing.T, method, url, body string) {
	t.Helper()
	e.bash(t, "curl --silent --show-error --fail --request "+method+" --data '"+body+"' '"+url+"'")
}
