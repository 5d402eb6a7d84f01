package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/admin/metrics"
	"github.com/squall-proxy/squall/admin/tracing"
	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/nethttp"
	"github.com/squall-proxy/squall/proxy/tcp"
	"github.com/squall-proxy/squall/verdict"
)

const defaultAdminPort = 8474

// recentExchanges is how many exchanges can be looked at afterwards, and judgedExchanges of how many a verdict is made unless
// another number is given, up to maxJudged: of each half a kilobyte, 28 MB in all, and up to 60 MB more where clients send long
// texts, each another one.
const (
	recentExchanges = 10_000
	judgedExchanges = 50_000
	maxJudged       = verdict.MaxRecords
)

// drainLimit is how long exchanges under way may take to finish when squall stops.
const drainLimit = 8 * time.Second

// stackConfig is what a running squall is made of.
type stackConfig struct {
	state  *control.State
	store  control.Store // nil = nothing is kept
	policy control.Policy
	admin  config.Admin
	token  string
	logger zerolog.Logger

	logLevel *admin.LogLevel // of logger; nil = it cannot be changed
	logRate  *quota          // as of exchangeLog

	callHeader string          // as of [proxy.Engine]
	judged     int             // exchanges that are kept for verdicts; 0 = none, and nothing is recorded that only a verdict needs
	tracer     *tracing.Tracer // nil = nothing is traced

	toxiproxysOnly bool // GET /metrics has nothing that toxiproxy-server's does not have
	noTraffic      bool // it does not count the bytes of TCP proxies under Toxiproxy's names
	runtimeMetrics bool // it tells of Go and of the process, too
}

// metrics answers GET /metrics; nil = nothing is there.
func (s *stack) metrics(c *stackConfig, changes *metrics.Changes) http.Handler {
	var all []prometheus.Collector
	if !c.toxiproxysOnly {
		all = append(all, &metrics.Collector{
			Tallies: s.engine.Tallies, AcceptFailures: s.engine.AcceptFailures, State: s.controller.State,
			Changes: changes, Version: version,
		})
	}
	if !c.noTraffic {
		all = append(all, admin.TrafficMetrics(s.engine.Traffic))
	}
	if c.runtimeMetrics {
		all = append(all, admin.RuntimeMetrics()...)
	}
	if len(all) == 0 {
		return nil
	}
	return admin.NewMetrics(all...)
}

// stack is a running squall: engine, controller and admin API.
type stack struct {
	engine     *proxy.Engine
	controller *control.Controller
	listeners  []net.Listener // of the admin API
	log        exchangeLog
	stopAdmin  context.CancelFunc
	watching   sync.WaitGroup // for the one who feeds those that watch; it ends with the admin API
	adminEnded chan struct{}
	adminErr   error // once adminEnded is closed
}

// startStack starts everything, or nothing: on an error nothing is left behind. Close must be called.
func startStack(c stackConfig) (*stack, error) {
	if c.admin.Listen == "" {
		c.admin.Listen = net.JoinHostPort("localhost", strconv.Itoa(defaultAdminPort))
	}
	if err := admin.CheckBind(c.admin.Listen, c.token, c.admin.Open); err != nil {
		return nil, usageError{err}
	}
	if c.admin.Open && c.token == "" {
		c.logger.Warn().Str("listen", c.admin.Listen).Msg("the admin API is open to whoever reaches it: anybody can set faults")
	}
	listeners, err := admin.Listen(c.admin.Listen)
	if err != nil {
		return nil, fmt.Errorf("admin API: %w", err)
	}
	recent, audit, changes := admin.NewRecent(recentExchanges, c.judged), admin.NewAudit(), &metrics.Changes{}
	watch := &live.Watch{Feed: live.NewFeed(), Series: &live.Series{}, Sampler: live.NewSampler(), View: admin.ShowExchange}
	audit.Feed = watch.Feed
	log := exchangeLog{c.logger, c.logLevel, c.logRate}
	s := &stack{listeners: listeners, log: log, adminEnded: make(chan struct{})}
	http2 := &nethttp.Executor{}
	s.engine = &proxy.Engine{
		Executors: map[string]proxy.Executor{
			proxy.DefaultEngine: &http1.Executor{HTTP2: http2}, "nethttp": http2, proxy.TCP: &tcp.Executor{},
		},
		CallHeader: c.callHeader, NoMarks: c.judged == 0,
		Observer: func(e *proxy.Exchange) {
			recent.Add(e)
			watch.Observe(e)
			log.exchange(e)
			if c.tracer != nil {
				c.tracer.Observe(e)
			}
		},
		Warn: func(proxyName string, err error) {
			c.logger.Warn().Str("proxy", proxyName).Err(err).Msg("a proxy goes on in spite of this")
		},
	}
	if c.tracer != nil {
		s.engine.Tracer = c.tracer.Begin
	}
	for _, listener := range listeners {
		s.engine.Own(listener.Addr())
	}
	s.controller, err = control.New(control.Config{
		Engine: s.engine, Store: c.store, Policy: c.policy, Publish: func(e control.Event) {
			audit.Publish(e)
			changes.Publish(e)
			log.event(e)
		},
	}, c.state)
	if err != nil {
		return nil, errors.Join(err, closeAll(listeners))
	}
	server := &admin.Server{
		Controller: s.controller, Addr: s.engine.Addr, CA: s.engine.CA, Recent: recent, Audit: audit, Connections: s.engine,
		AcceptFailures: s.engine.AcceptFailures, Ready: s.engine.Ready,
		Metrics: s.metrics(&c, changes),
		Live:    watch,
		Version: admin.Version{Version: toxiproxyVersion, Squall: version},
		Token:   c.token, Hosts: c.admin.Hosts, Logger: c.logger, LogLevel: c.logLevel,
	}
	watch.State, watch.Tallies, watch.Connections = s.controller.State, s.engine.Tallies, s.engine.Connections
	ctx, stop := context.WithCancel(context.Background())
	s.stopAdmin = stop
	s.watching.Go(func() { watch.Run(ctx) })
	go s.serveAdmin(ctx, server)
	return s, nil
}

func (s *stack) serveAdmin(ctx context.Context, server *admin.Server) {
	s.adminErr = server.Serve(ctx, s.listeners...)
	close(s.adminEnded)
}

func (s *stack) adminAddr() string { return s.listeners[0].Addr().String() }

// Close drains the proxies, then ends the admin API, so that it can be watched until the end.
func (s *stack) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	err := s.engine.Shutdown(ctx)
	s.log.close()
	s.controller.Close()
	s.stopAdmin()
	<-s.adminEnded
	s.watching.Wait()
	return errors.Join(err, s.adminErr)
}

func closeAll(listeners []net.Listener) error {
	var err error
	for _, listener := range listeners {
		err = errors.Join(err, listener.Close())
	}
	return err
}
