package squall_test

import (
	"os"
	"path/filepath"
	"testing"
)

// testExperiments walks through both labs as experiments, one after the other: docker-compose fails to list containers while
// another one makes them anew. The squall that runs them is the image's, on the host; service1 must run again.
func testExperiments(t *testing.T, e *engine) {
	const text = "examples/README.md"
	bin := t.TempDir()
	e.bash(t, "docker cp $(docker-compose ps -q squall):/squall "+filepath.Join(bin, "squall"))
	host := *e
	host.env = append(e.env, "PATH="+bin+":"+os.Getenv("PATH"), "LAB6_OUTAGE=6s", "LAB7_OUTAGE=5s")
	host.walkFile(t, text, "Both labs as experiments", nil)
	for _, section := range []string{"Lab 6: a client with a circuit breaker", "Lab 7: a balancer with two services"} {
		t.Run(section[:len("Lab 6")], func(t *testing.T) { host.walkFile(t, text, section, nil) })
	}
	awaitAnswer(t, service1URL, hello1)
}
