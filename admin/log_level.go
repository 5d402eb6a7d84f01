package admin

import (
	"net/http"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// LogLevel is the level from which on lines are logged, which can be changed while they are. It is a [zerolog.Sampler]: give it to
// the logger whose level it is. All methods may be called concurrently.
type LogLevel struct{ level atomic.Int32 }

// NewLogLevel makes a level.
func NewLogLevel(level zerolog.Level) *LogLevel {
	l := &LogLevel{}
	l.Set(level)
	return l
}

// Get gives the level; nil is info.
func (l *LogLevel) Get() zerolog.Level {
	if l == nil {
		return zerolog.InfoLevel
	}
	return zerolog.Level(l.level.Load())
}

// Set sets the level, and gives the one before.
func (l *LogLevel) Set(level zerolog.Level) (before zerolog.Level) {
	return zerolog.Level(l.level.Swap(int32(level)))
}

// Sample reports whether a line of a level is logged.
func (l *LogLevel) Sample(level zerolog.Level) bool { return level >= l.Get() }

// ParseLogLevel reads debug, info, warn or error.
func ParseLogLevel(text string) (zerolog.Level, bool) {
	for _, level := range []zerolog.Level{zerolog.DebugLevel, zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel} {
		if level.String() == text {
			return level, true
		}
	}
	return zerolog.NoLevel, false
}

// Log is what answers say of the log.
type Log struct {
	Level string `json:"level"` // debug, info, warn or error
}

// getLog answers GET /admin/log.
func (d *desk) getLog(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	return d.logAnswer()
}

// putLog answers PUT /admin/log. The change holds until squall ends, and is no part of the state. It is logged whatever the level.
func (d *desk) putLog(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	var wanted Log
	if _, err := decode(r, &wanted); err != nil {
		return answer{}, err
	}
	level, known := ParseLogLevel(wanted.Level)
	if !known {
		return answer{}, refusef(http.StatusBadRequest, "level", "want debug, info, warn or error, got %q", shorten(wanted.Level, maxLogged))
	}
	if d.LogLevel == nil {
		return d.logAnswer()
	}
	if before := d.LogLevel.Set(level); before != level {
		d.log.logger.Log().Str("by", d.caller(r)).Stringer("before", before).Stringer("now", level).Msg("log level changed")
	}
	return d.logAnswer()
}

func (d *desk) logAnswer() (answer, error) {
	if d.LogLevel == nil {
		return answer{}, refusef(http.StatusNotFound, "", "this squall was started without a log whose level can be changed: squall serve has one")
	}
	return answer{body: Log{d.LogLevel.Get().String()}}, nil
}
