package main

import (
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
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
type exchangeLog struct {
	logger zerolog.Logger
	level  *admin.LogLevel // nil = info
	plain  *quota          // of lines for exchanges that nothing happened to; nil = each has one
}

func (l exchangeLog) exchange(e *proxy.Exchange) {
	if e.FaultPanic != "" {
		l.logger.Error().Str("proxy", e.Proxy).Uint64("exchange", e.ID).Str("panic", e.FaultPanic).Msg("a fault panicked; the request passed")
	}
	detailed := l.level.Get() <= zerolog.DebugLevel
	suppressed, admitted := 0, true
	if !detailed && isPlain(e) && l.level.Get() <= zerolog.InfoLevel {
		suppressed, admitted = l.plain.admit(time.Now())
	}
	if !admitted {
		return
	}
	line := l.logger.Info()
	if e.Outcome == proxy.RealError {
		line = l.logger.Warn().Str("error", e.Error)
	}
	if detailed {
		line = line.Interface("decisions", e.Faults.Decisions())
	}
	if suppressed > 0 {
		line = line.Int("suppressed", suppressed)
	}
	line.Str("proxy", e.Proxy).Str("method", e.Method).Str("path", e.Path).Int("status", e.Status).
		Dur("duration", e.Duration).Str("outcome", string(e.Outcome)).Str("flags", strings.Join(e.Flags(), ",")).
		Str("client", e.Client).Str("request_id", e.RequestID).Msg("exchange")
}

// isPlain reports whether nothing happened to an exchange: no fault, and no failure.
func isPlain(e *proxy.Exchange) bool {
	return (e.Outcome == proxy.OK || e.Outcome == proxy.ClientLeft) && !e.Delayed && !e.Faulted && e.FaultPanic == ""
}

// close says how many exchanges had no line, of which no later line tells.
func (l exchangeLog) close() {
	if suppressed := l.plain.rest(); suppressed > 0 {
		l.logger.Info().Int("suppressed", suppressed).Msg("exchanges without a line")
	}
}

func (l exchangeLog) event(e control.Event) {
	switch {
	case e.Err != nil:
		l.logger.Error().Err(e.Err).Uint64("revision", e.Revision).Msg("not saved yet; trying again")
	case len(e.What) > 0:
		l.logger.Info().Strs("ended", e.What).Uint64("revision", e.Revision).Msg("expired")
	}
}
