package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/client/calls"
	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/services/flaky"
	"github.com/squall-proxy/squall/services/hello"
)

// demoSeed makes every demo the same, so that what the README says can be seen.
const demoSeed = 42

// The demo's client is steady and slow enough to be watched.
const (
	demoRate     = 2 // calls per second
	demoProgress = 5 * time.Second
)

// demoService is one service of the labs and its place.
type demoService struct {
	name    string
	port    int // the proxy before it listens 1000 above
	handler http.Handler
	says    string
}

func (d demoService) proxyPort() int { return d.port + 1000 }

func newDemo(sys system) *cobra.Command {
	var offset int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything at once: the labs' services, a proxy before each, the admin API and a client",
		Long: `Run, in one process and on 127.0.0.1: lab 6's flaky service, lab 7's two hello services, one proxy before each, the
admin API, and a resilient client that calls the flaky service through its proxy. Ctrl-C ends it.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), sys, offset)
		},
	}
	cmd.Flags().IntVar(&offset, "port-offset", 0, "added to every port, where one is taken")
	return cmd
}

func runDemo(ctx context.Context, sys system, offset int) error {
	services, err := demoServices(offset)
	if err != nil {
		return err
	}
	adminPort := defaultAdminPort + offset
	if err := checkPorts(services, adminPort); err != nil {
		return err
	}
	for _, service := range services {
		listener, err := net.Listen("tcp", loopback(service.port))
		if err != nil {
			return demoPortError(service.port, service.name, err)
		}
		server := startHTTP(service.handler, listener)
		defer closeQuietly(server)
	}
	first, err := demoState(services)
	if err != nil {
		return err
	}
	s, err := startStack(stackConfig{
		state: first, policy: control.DefaultPolicy(), logger: zerolog.Nop(),
		admin: config.Admin{Listen: loopback(adminPort)}, judged: judgedExchanges,
	})
	if err != nil {
		return err
	}
	printDemo(sys, services, adminPort)
	summary, err := demoCaller(sys, services[0]).Run(ctx)
	fmt.Fprintf(sys.out, "\nthe client's %v\n", summary)
	return errors.Join(err, s.Close())
}

func demoServices(offset int) ([]demoService, error) {
	if offset < 0 || defaultAdminPort+offset > 65535 {
		return nil, usagef("--port-offset must be 0 to %d, got %d", 65535-defaultAdminPort, offset)
	}
	flakyHandler, err := flaky.New(flaky.Config{
		Mode: flaky.Normal, FailureRate: flaky.DefaultFailureRate, Seed: demoSeed, Logger: zerolog.Nop(),
	})
	if err != nil {
		return nil, err
	}
	services := []demoService{{"flaky", 5055 + offset, flakyHandler, "lab 6's service: 30 % of its answers are 503"}}
	for i, name := range []string{"service1", "service2"} {
		handler, err := hello.New(hello.Config{ServerName: name, Logger: zerolog.Nop()})
		if err != nil {
			return nil, err
		}
		services = append(services, demoService{name, 5056 + i + offset, handler, fmt.Sprintf("lab 7's Hello from Service %d", i+1)})
	}
	return services, nil
}

// checkPorts refuses a port that is taken before anything is started.
func checkPorts(services []demoService, adminPort int) error {
	for _, s := range services {
		if err := checkPort(s.port, s.name); err != nil {
			return err
		}
		if err := checkPort(s.proxyPort(), "the proxy before "+s.name); err != nil {
			return err
		}
	}
	return checkPort(adminPort, "the admin API")
}

func checkPort(port int, what string) error {
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return demoPortError(port, what, err)
	}
	return listener.Close()
}

func demoPortError(port int, what string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return usagef("port %d, wanted for %s, is taken: move all ports with --port-offset, for example --port-offset 100", port, what)
	}
	return fmt.Errorf("port %d, wanted for %s: %w", port, what, err)
}

// demoState is one proxy before each service. A hello proxy closes the connection when its service is down, so that a
// balancer in front moves on.
func demoState(services []demoService) (*control.State, error) {
	s := control.NewState(demoSeed)
	for _, service := range services {
		c := proxy.Defaults()
		c.Name, c.Listen, c.Upstream = service.name, loopback(service.proxyPort()), "http://"+loopback(service.port)
		if service.name != "flaky" {
			c.UpstreamDown = proxy.Close
		}
		s.PutProxy(c)
	}
	return s, s.Validate()
}

func printDemo(sys system, services []demoService, adminPort int) {
	fmt.Fprintf(sys.out, "%-10s %-18s %-18s %s\n", "", "directly", "through squall", "")
	for _, s := range services {
		fmt.Fprintf(sys.out, "%-10s %-18s %-18s %s\n", s.name, loopback(s.port), loopback(s.proxyPort()), s.says)
	}
	admin := loopback(adminPort)
	fmt.Fprintf(sys.out, "%-10s %-18s\n", "admin", admin)
	fmt.Fprintf(sys.out, `
Try, in another terminal:
  curl -X PUT %[1]s/admin/faults -d '{"mode":"failure"}'
  curl -X PUT %[1]s/admin/faults/rules/slow -d '{"proxy":"flaky","delay":"300ms","percent":50}'
  curl -X DELETE %[1]s/admin/faults

A client with retries, last-good data and a circuit breaker calls %[2]s twice a second. Ctrl-C ends all of it.

`, admin, loopback(services[0].proxyPort()))
}

// demoCaller is the resilient client, which says now and then how it fares, and at once what its circuit breaker does.
func demoCaller(sys system, service demoService) calls.Caller {
	last := calls.Summary{}
	cfg := client.Default()
	cfg.Observe = func(e client.Event) {
		if e.Kind == client.EventBreaker {
			fmt.Fprintf(sys.out, "client: circuit breaker %v\n", e.Change)
		}
	}
	return calls.Caller{
		Client: cfg, URL: "http://" + loopback(service.proxyPort()) + "/", Rate: demoRate,
		Every: demoProgress,
		Progress: func(now calls.Summary) {
			fmt.Fprintf(sys.out, "client: the last %v: %d ok, %d degraded, %d last-good, %d failed (%d requests sent)\n",
				demoProgress, now.OK-last.OK, now.Degraded-last.Degraded, now.Cached-last.Cached, now.Failed-last.Failed,
				now.Attempts-last.Attempts)
			last = now
		},
	}
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// closeQuietly closes what has nothing left to say: a demo service at the end of the demo.
func closeQuietly(s *httpServer) { _ = s.Close() }
