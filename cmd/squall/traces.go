package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin/tracing"
)

// lastSpans is how long squall tries to send its last spans when it stops.
const lastSpans = 2 * time.Second

// openTracer makes the tracer that the environment asks for; nil = it asks for none.
func openTracer(ctx context.Context, sys system, logger zerolog.Logger) (*tracing.Tracer, error) {
	wanted, err := tracing.Wanted(sys.getenv)
	if err != nil {
		return nil, usageError{err}
	}
	if !wanted {
		return nil, nil
	}
	propagates, err := tracing.Propagates(sys.getenv)
	if err != nil {
		return nil, usageError{err}
	}
	return tracing.Open(ctx, version, propagates, func(err error) {
		logger.Warn().Err(err).Msg("traces cannot be sent")
	})
}

// closeTracer sends what is left. nil is left alone.
func closeTracer(tracer *tracing.Tracer, logger zerolog.Logger) {
	if tracer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
	defer cancel()
	if err := tracer.Close(ctx); err != nil {
		logger.Warn().Err(err).Msg("the last traces are lost")
	}
}
