package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of the small servers that squall runs beside its proxies.
const (
	headTimeout  = 5 * time.Second
	idleTimeout  = 60 * time.Second
	drainTimeout = time.Second // of the demo services and the admin API
)

// httpServer serves a handler on listeners until it is shut down.
type httpServer struct {
	server http.Server
	serves sync.WaitGroup
	failed chan error // has room for one per listener
}

// startHTTP serves handler on the listeners, which it owns from now on.
func startHTTP(handler http.Handler, listeners ...net.Listener) *httpServer {
	s := &httpServer{
		server: http.Server{
			Handler: handler, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout,
			ErrorLog: log.New(io.Discard, "", 0),
		},
		failed: make(chan error, len(listeners)),
	}
	for _, listener := range listeners {
		s.serves.Add(1)
		go s.serve(listener)
	}
	return s
}

func (s *httpServer) serve(listener net.Listener) {
	defer s.serves.Done()
	if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.failed <- err
	}
}

// Close lets the requests under way finish, within drainTimeout, and returns when every listener is closed.
func (s *httpServer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = s.server.Close()
	}
	s.serves.Wait()
	return err
}
