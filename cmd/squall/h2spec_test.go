package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	h2config "github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

var updateMisses = flag.Bool("update-h2spec", false, "write testdata/h2spec-*.txt anew; they may only shrink")

// TestH2spec runs h2spec, which checks a server against each requirement of HTTP/2 and HPACK, through squall. What net/http
// does not pass stands in a file. That may only shrink: a miss that is not in it is a failure, and so is one in it that is
// none any more. (Go's own server passes 140 of 145 in clear text and 141 over TLS.)
func TestH2spec(t *testing.T) {
	for _, test := range []struct {
		name, tls string
		most      int // misses, as many as Go's own server has
	}{{"h2c", "", 5}, {"tls", ", tls: true", 4}} {
		t.Run(test.name, func(t *testing.T) { // one after the other: h2spec prints through a variable of its package
			addr := startHTTP2(t, longUpstream(t), test.tls)
			checks, missed := runH2spec(t, addr, test.tls != "")
			if checks != 145 {
				t.Errorf("%d checks were made, want 145", checks)
			}
			if len(missed) > test.most {
				t.Errorf("%d of them are missed, want at most %d", len(missed), test.most)
			}
			holdMisses(t, filepath.Join("testdata", "h2spec-"+test.name+".txt"), missed)
		})
	}
}

// longUpstream answers more than the windows that some checks open.
func longUpstream(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1000))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// startHTTP2 runs squall serve with one proxy, and gives its address; more are settings of the proxy beyond its upstream.
func startHTTP2(t *testing.T, upstream, more string) (addr string) {
	t.Helper()
	_, addr, _ = strings.Cut(serveOne(t, upstream, more).url("p"), "://")
	return addr
}

// serveOne runs squall serve with one proxy, p.
func serveOne(t *testing.T, upstream, more string) *served {
	t.Helper()
	path := filepath.Join(t.TempDir(), "squall.yaml")
	writeFile(t, path, fmt.Sprintf("proxies: [{name: p, listen: '127.0.0.1:0', upstream: '%s'%s}]\n", upstream, more))
	return startServe(t, nil, "--config", path)
}

// runH2spec makes every check on a connection of its own.
func runH2spec(t *testing.T, addr string, secured bool) (checks int, missed []string) {
	t.Helper()
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(text) // the system's own
	// The timeout is longer than the second after which net/http closes a connection that has failed.
	c := &h2config.Config{
		Host: host, Port: port, Path: "/", Timeout: 2 * time.Second, MaxHeaderLen: 4000, TLS: secured, Insecure: true,
	}
	var walk func(*spec.TestGroup)
	walk = func(group *spec.TestGroup) {
		for i, check := range group.Tests {
			if err := check.Test(c, i+1); err != nil {
				t.Fatalf("%s/%d: %v", group.ID(), i+1, err)
			}
			if check.Result == nil {
				continue
			}
			checks++
			if check.Result.Failed || check.Result.Skipped {
				missed = append(missed, fmt.Sprintf("%s/%d: %s", group.ID(), i+1, check.Desc))
			}
		}
		for _, inner := range group.Groups {
			walk(inner)
		}
	}
	for _, root := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		walk(root)
	}
	return checks, missed
}

// holdMisses holds misses against those that a file lists.
func holdMisses(t *testing.T, path string, missed []string) {
	t.Helper()
	slices.Sort(missed)
	if *updateMisses {
		writeFile(t, path, strings.Join(missed, "\n")+"\n")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for _, miss := range missed {
		if !slices.Contains(listed, miss) {
			t.Errorf("a new miss: %s", miss)
		}
	}
	for _, miss := range listed {
		if !slices.Contains(missed, miss) {
			t.Errorf("no miss any more, take it out of %s: %s", path, miss)
		}
	}
}
