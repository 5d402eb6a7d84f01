package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"time"

	"github.com/rs/zerolog"
)

// exitFlags is the exit code of Go's flags for those that cannot be read.
const exitFlags = 2

// runToxiproxyServer carries out a command line of toxiproxy-server 2.12.0 and gives the exit code. Unlike there, a configuration
// that cannot be read and an address that is taken end it, with exit code 1, and the seed counts. Whoever can reach the API may
// use it.
func runToxiproxyServer(ctx context.Context, program string, args []string, sys system) int {
	f := serveFlags{restore: "all", adminOpen: true, toxiproxysOnly: true, judged: judgedExchanges}
	set := flag.NewFlagSet(program, flag.ContinueOnError)
	set.SetOutput(sys.err)
	set.StringVar(&f.host, "host", "localhost", "Host for toxiproxy's API to listen on")
	set.StringVar(&f.port, "port", "8474", "Port for toxiproxy's API to listen on")
	set.StringVar(&f.config, "config", "", "JSON file containing proxies to create on startup")
	seed := set.Int64("seed", time.Now().UTC().UnixNano(), "Seed for randomizing toxics with")
	set.BoolVar(&f.runtimeMetrics, "runtime-metrics", false, `enable runtime-related prometheus metrics (default "false")`)
	set.BoolVar(&f.proxyMetrics, "proxy-metrics", false, `enable toxiproxy-specific prometheus metrics (default "false")`)
	wantsVersion := set.Bool("version", false, `print the version (default "false")`)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitFlags
	case *wantsVersion:
		fmt.Fprintf(sys.out, "toxiproxy-server version %s\n", toxiproxyVersion)
		return exitOK
	}
	f.seed = uint64(*seed)
	logger := toxiproxyLogger(sys)
	logger.Info().Str("version", toxiproxyVersion).Msg("Starting Toxiproxy")
	logger.Info().Str("address", net.JoinHostPort(f.host, f.port)).Msg("Starting Toxiproxy HTTP server")
	if err := f.serve(ctx, sys, logger, true); err != nil {
		logger.Error().Err(err).Msg("Server finished with error")
		return exitFail
	}
	return exitOK
}

// toxiproxyLogger writes what toxiproxy-server does: JSON lines on standard output, from the level in LOG_LEVEL on, which is
// all where it is not set.
func toxiproxyLogger(sys system) zerolog.Logger {
	logger := zerolog.New(zerolog.SyncWriter(sys.out)).With().Caller().Timestamp().Logger()
	text := sys.getenv("LOG_LEVEL")
	level, err := zerolog.ParseLevel(text)
	if err != nil {
		logger.Err(err).Msgf("unknown LOG_LEVEL value: %q", text)
		return logger
	}
	if text == "" {
		return logger
	}
	return logger.Level(level)
}
