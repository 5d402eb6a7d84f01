package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/services/flaky"
	"github.com/squall-proxy/squall/services/hello"
)

func newFlaky(sys system) *cobra.Command {
	return &cobra.Command{
		Use:   "flaky",
		Short: "Run lab 6's service, which fails now and then",
		Long: `Run lab 6's service: GET / answers by SERVICE_MODE (normal, fallback, failure); in mode normal a share of
FAILURE_RATE (default 0.3) fails, the same ones for the same SEED. GET /health is always 200. PORT defaults to 5055.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, port, err := flaky.FromEnv(sys.getenv)
			if err != nil {
				return usageError{err}
			}
			config.Logger = newLogger(sys.err, "json", "flaky")
			handler, err := flaky.New(config)
			if err != nil {
				return usageError{err}
			}
			return serveUntilDone(cmd.Context(), handler, port, config.Logger)
		},
	}
}

func newHello(sys system) *cobra.Command {
	return &cobra.Command{
		Use:   "hello",
		Short: "Run lab 7's service, which says who it is",
		Long: `Run lab 7's service: GET / says "Hello from Service 1" if SERVER_NAME contains service1, else "Hello from
Service 2". GET /health is always 200. PORT defaults to 5055.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, port, err := hello.FromEnv(sys.getenv)
			if err != nil {
				return usageError{err}
			}
			if config.Hostname, err = os.Hostname(); err != nil {
				return err
			}
			config.Logger = newLogger(sys.err, "json", "hello")
			handler, err := hello.New(config)
			if err != nil {
				return usageError{err}
			}
			return serveUntilDone(cmd.Context(), handler, port, config.Logger)
		},
	}
}

// serveUntilDone serves a handler on all interfaces until ctx is done.
func serveUntilDone(ctx context.Context, handler http.Handler, port int, logger zerolog.Logger) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	logger.Info().Str("listen", listener.Addr().String()).Msg("serving")
	server := startHTTP(handler, listener)
	select {
	case err = <-server.failed:
	case <-ctx.Done():
	}
	if closeErr := server.Close(); err == nil {
		err = closeErr
	}
	return err
}
