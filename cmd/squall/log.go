package main

import (
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
)

// newLogger makes the logger that every part gets handed: JSON lines, or lines for people.
func newLogger(out io.Writer, format, part string) zerolog.Logger {
	if format == "console" {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly, NoColor: true}
	}
	return zerolog.New(zerolog.SyncWriter(out)).With().Timestamp().Str("part", part).Logger()
}

// exchangeLog writes a line per exchange, and one per thing that ended by itself. Changes are logged by the admin API,
// which knows who asked.
type exchangeLog struct{ logger zerolog.Logger }

func (l exchangeLog) exchange(e proxy.Exchange) {
	if e.FaultPanic != "" {
		l.logger.Error().Str("proxy", e.Proxy).Uint64("exchange", e.ID).Str("panic", e.FaultPanic).Msg("a fault panicked; the request passed")
	}
	line := l.logger.Info()
	if e.Outcome == proxy.RealError {
		line = l.logger.Warn().Str("error", e.Error)
	}
	line.Str("proxy", e.Proxy).Str("method", e.Method).Str("path", e.Path).Int("status", e.Status).
		Dur("duration", e.Duration).Str("outcome", string(e.Outcome)).Str("flags", strings.Join(e.Flags(), ",")).
		Str("client", e.Client).Str("request_id", e.RequestID).Msg("exchange")
}

func (l exchangeLog) event(e control.Event) {
	switch {
	case e.Err != nil:
		l.logger.Error().Err(e.Err).Uint64("revision", e.Revision).Msg("not saved yet; trying again")
	case len(e.What) > 0:
		l.logger.Info().Strs("ended", e.What).Uint64("revision", e.Revision).Msg("expired")
	}
}
