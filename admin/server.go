package admin

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
)

// Limits of the admin API's connections.
const (
	headTimeout   = 5 * time.Second        // for a request's head
	bodyTimeout   = 10 * time.Second       // for a request's body
	lingerTimeout = 500 * time.Millisecond // for the rest of a body that nobody waits for, once its request was answered
	idleTimeout   = 60 * time.Second       // between the requests of a connection
	answerTimeout = MaxWait + 30*time.Second
	maxHead       = 64 << 10 // bytes
	shutdownGrace = 2 * time.Second
)

// errShuttingDown is the cause with which requests end when the server does.
var errShuttingDown = errors.New("squall is shutting down")

// Controller holds the state and changes it. It is [control.Controller].
type Controller interface {
	State() *control.State
	Change(ctx context.Context, r control.Request, mutate func(*control.State) error) (*control.State, error)
	RenewLease(id string, now time.Time) (control.LeaseView, error)
	WaitHits(ctx context.Context, at control.Address, n uint64) (uint64, error)
}

// Server answers the admin API. Its fields are set before the first use and not changed.
type Server struct {
	Controller Controller

	// Addr gives the bound address of a running proxy, nil for one that does not run. It is [proxy.Engine.Addr]. May be
	// nil: then answers name no addresses.
	Addr func(proxyName string) net.Addr
	// AcceptFailures gives a running proxy's, nil if there were none. It is [proxy.Engine.AcceptFailures]. May be nil.
	AcceptFailures func(proxyName string) *proxy.AcceptFailures
	// CA gives the certificate, as PEM, of the throw-away authority that vouches for the proxies. May be nil: then there is none.
	CA func() ([]byte, error)
	// Recent holds the latest exchanges, and more of them for verdicts. May be nil: then there are none.
	Recent *Recent
	// Connections are those of the clients. May be nil: then there are none.
	Connections Connections
	// Audit holds the latest changes. May be nil: then there are none.
	Audit *Audit
	// Live is what can be watched. Whoever makes it runs it. May be nil: then there is nothing.
	Live *live.Watch
	// Metrics answers GET /metrics; see [NewMetrics]. May be nil: then nothing is there.
	Metrics http.Handler
	// Ready tells why squall cannot serve yet; nil = it can. May be nil: then it always can.
	Ready func() error
	// Version is what GET /version answers.
	Version Version

	// Token is what callers must bring as "Authorization: Bearer". "" = nobody needs one; see [CheckBind].
	Token string
	// Hosts are names under which the API may be asked for, besides addresses and names that nobody can register.
	Hosts []string
	// Logger gets one line for every change, and a bounded number for what was refused. The zero Logger logs nothing.
	Logger zerolog.Logger
	// LogLevel is what PUT /admin/log changes. May be nil: then nothing can be changed.
	LogLevel *LogLevel
}

// Version names what is running.
type Version struct {
	Version string `json:"version"` // of Toxiproxy whose API is spoken: its clients read it
	Squall  string `json:"squall"`
}

// Handler makes the API's handler: the router behind its guard. What the guard and the log remember belongs to the
// handler, so make one for all listeners.
func (s *Server) Handler() http.Handler {
	d := &desk{Server: s, log: newQuietLog(s.Logger), documents: make(chan struct{}, maxDocuments), judging: make(chan struct{}, 1)}
	return newGuard(s, d.doors(), d.refuse)
}

// Serve answers on the listeners until ctx is done, and owns them. Then it ends the requests that wait, gives the others
// up to two seconds, and returns nil. An error means that a listener failed.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	base, stop := context.WithCancelCause(context.Background())
	defer stop(errShuttingDown)
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      answerTimeout,
		MaxHeaderBytes:    maxHead,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withConnection,
		ErrorLog:          log.New(s.Logger, "", 0),
	}
	server.DisableGeneralOptionsHandler = true // by itself it answers "OPTIONS *", past the guard
	connections := newConnections()
	ended := make(chan error, len(listeners))
	for _, ln := range listeners {
		go serve(server, &bounded{Listener: ln, connections: connections}, ended)
	}
	var failed error
	running := len(listeners)
	select {
	case failed = <-ended:
		running--
	case <-ctx.Done():
	}
	stop(errShuttingDown)
	err := shutDown(server)
	for range running {
		<-ended
	}
	return errors.Join(failed, err)
}

// serve runs a server on one listener and tells how it ended.
func serve(server *http.Server, ln net.Listener, ended chan<- error) {
	err := server.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	ended <- err
}

// shutDown lets what is under way finish for a bounded time, then drops it.
func shutDown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}
