package squall_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	composeSection = "Both labs at once"

	// nginxImage is for bash.
	nginxImage = "${NGINX_IMAGE:-nginx:1.28}"

	service1URL = "http://127.0.0.1:6056/" // through squall
)

// testCompose walks through both labs on docker-compose.yml.
func testCompose(t *testing.T, e *engine) {
	e.env = append(e.env, "SEED=42") // of the flaky service: it fails its 2nd and 3rd call
	e.afterwards(t, "docker-compose down --volumes --rmi local --remove-orphans")
	e.walk(t, composeSection, map[string]func(*testing.T){
		"docker-compose up -d --build": func(t *testing.T) {
			e.volumes = strings.Fields(e.bash(t, "docker inspect --format '{{range .Mounts}}{{.Name}} {{end}}' $(docker-compose ps -q)"))
			testHardened(t, e)
			testNginxConfigurations(t, e)
		},
		"for i in 1 2 3 4; do curl -s localhost:8080/; echo; done": func(t *testing.T) { assertAlternates(t, nginxURL) },
		"docker-compose stop service1":                             func(t *testing.T) { assertOnly(t, nginxURL, hello2) },
		"docker-compose start service1": func(t *testing.T) {
			assertAlternatesAgain(t, nginxURL)
		},
		"curl -s -H 'X-Request-Id: find-me' localhost:8080/; echo": func(t *testing.T) {
			testFreshRequestID(t, e)
			testExperiments(t, e)
		},
		"NGINX_CONF=weighted.conf docker-compose up -d": func(t *testing.T) { assertShare(t, nginxURL, 30) },
		"SERVICE1_PUBLISH=5055 docker-compose up -d --scale service1=2": func(t *testing.T) {
			testOtherAddress(t, e, testScaled(t, e))
		},
	})
}

// testHardened wants all six containers without root and the means to become it, on a root that they cannot write to, and
// the admin API on this machine only.
func testHardened(t *testing.T, e *engine) {
	lines := e.bash(t, "docker inspect --format '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} "+
		"{{.HostConfig.SecurityOpt}}' $(docker-compose ps -q) | sort | uniq -c | xargs -n 5")
	if want := "1 101:101 true [ALL] [no-new-privileges:true]\n5 65532:65532 true [ALL] [no-new-privileges:true]"; lines != want {
		t.Errorf("containers are\n%s\nwant\n%s", lines, want)
	}
	if got := e.bash(t, "docker-compose port squall 8474"); got != "127.0.0.1:8474" {
		t.Errorf("the admin API is published on %s", got)
	}
}

func testNginxConfigurations(t *testing.T, e *engine) {
	e.bash(t, `docker run --rm --network my-network --volume "$PWD/nginx:/conf:ro" `+nginxImage+
		` sh -c 'for conf in /conf/*.conf; do nginx -t -c $conf || exit; done'`)
}

// testFreshRequestID makes a call without a request id: the one that nginx gives it is logged by all that the call passes.
func testFreshRequestID(t *testing.T, e *engine) {
	mark := rand.Text()
	answers(t, nginxURL+"?"+mark, 1)
	const logs = "docker-compose logs --no-color nginx squall service1 service2 | grep "
	seen := waitUntil(func() bool {
		_, id, _ := strings.Cut(e.bash(t, logs+mark+" || true"), "request_id=")
		return id != "" && e.bash(t, logs+id+" | wc -l") == "3"
	})
	if !seen {
		t.Fatal("nginx, squall and the service do not log the same id")
	}
}

// testScaled wants both containers of service1 to answer through squall: when the one is killed, the other does. It gives
// the other's id.
func testScaled(t *testing.T, e *engine) string {
	containers := strings.Fields(e.bash(t, "docker-compose ps -q service1"))
	if len(containers) != 2 {
		t.Fatalf("containers %q, want 2", containers)
	}
	first := e.whoAnswers(t, containers)
	e.bash(t, "docker kill "+first)
	second := e.whoAnswers(t, containers)
	if second == first {
		t.Fatalf("%s answered, but it was killed", first)
	}
	return second
}

// whoAnswers makes a call to service1 through squall and finds its request id in the log of one of the containers.
func (e *engine) whoAnswers(t *testing.T, containers []string) string {
	t.Helper()
	var who string
	if !waitUntil(func() bool {
		requestID := rand.Text()
		if status, _, err := call(service1URL, requestID); err != nil || status != http.StatusOK {
			return false
		}
		who = e.bash(t, "for id in "+strings.Join(containers, " ")+"; do docker logs $id 2>&1 | grep -q "+requestID+" && echo $id; done; true")
		return who != ""
	}) {
		t.Fatal("service1 never answered")
	}
	return who
}

// testOtherAddress starts a container of service1 again when its address has become somebody else's.
func testOtherAddress(t *testing.T, e *engine, id string) {
	address := func(id string) string {
		return e.bash(t, "docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "+id)
	}
	before := address(id)
	e.bash(t, "docker stop "+id)
	for tries := 0; ; tries++ {
		if tries == 10 {
			t.Fatalf("nobody took the address %s", before)
		}
		other := e.bash(t, "docker run --detach --network my-network --label "+e.name+" "+e.name+" hello")
		e.afterwards(t, "docker rm --force --volumes "+other)
		if address(other) == before {
			break
		}
	}
	e.bash(t, "docker start "+id)
	if after := address(id); after == before {
		t.Fatalf("%s still has the address %s", id, before)
	}
	awaitAnswer(t, service1URL, hello1)
	assertAlternatesAgain(t, nginxURL)
}

// Every host port, the service's settings and nginx's configuration can be changed without touching the file.
func TestComposeFollowsTheEnvironment(t *testing.T) {
	requireDocker(t)
	e := &engine{dir: ".", env: plainEnvironment(), ctx: t.Context()}
	settings := map[string]string{ // and what becomes of them
		"FLAKY_PUBLISH=127.0.0.1:7001:5055":          "- 127.0.0.1:7001:5055/tcp",
		"SERVICE1_PUBLISH=127.0.0.1:7002:5055":       "- 127.0.0.1:7002:5055/tcp",
		"SERVICE2_PUBLISH=127.0.0.1:7003:5055":       "- 127.0.0.1:7003:5055/tcp",
		"FLAKY_PROXY_PUBLISH=127.0.0.1:7004:6055":    "- 127.0.0.1:7004:6055/tcp",
		"SERVICE1_PROXY_PUBLISH=127.0.0.1:7005:6056": "- 127.0.0.1:7005:6056/tcp",
		"SERVICE2_PROXY_PUBLISH=127.0.0.1:7006:6057": "- 127.0.0.1:7006:6057/tcp",
		"NGINX_PUBLISH=127.0.0.1:7007:80":            "- 127.0.0.1:7007:80/tcp",
		"ADMIN_PUBLISH=127.0.0.1:7008:8474":          "- 127.0.0.1:7008:8474/tcp",
		"SERVICE_MODE=fallback":                      "SERVICE_MODE: fallback",
		"FAILURE_RATE=0.05":                          "FAILURE_RATE: '0.05'",
		"SEED=43":                                    "SEED: '43'",
		"CLIENT_AS=retry":                            "- retry",
		"CLIENT_RATE=21":                             "- '21'",
		"NGINX_CONF=least-conn.conf":                 "nginx/least-conn.conf:/etc/nginx/nginx.conf:ro",
		"NGINX_IMAGE=nginx:other":                    "image: nginx:other",
		"GO_IMAGE=go:other":                          "GO_IMAGE: go:other",
		"GOPROXY=http://127.0.0.1:7009":              "GOPROXY: http://127.0.0.1:7009",
	}
	e.env = slices.AppendSeq(e.env, maps.Keys(settings))
	config := e.bash(t, "docker-compose config")
	for setting, want := range settings {
		if !strings.Contains(config, want) {
			t.Errorf("%s: there is no %q in\n%s", setting, want, config)
		}
	}
}
