// Package flaky is the fault tolerance lab's service: it answers, degrades or fails as its mode says.
//
//	SERVICE_MODE   normal (default), fallback or failure
//	FAILURE_RATE   the share of failures in mode normal, 0 to 1 (default 0.3)
//	SEED           a whole number; the same seed gives the same sequence of outcomes (default: a random one, logged)
//	PORT           0 to 65535, 0 = the system chooses (default 5055)
//
// GET / answers by the mode, GET /health is 200 in every mode. HEAD is answered, and counted, like GET.
package flaky

import (
	"cmp"
	"fmt"
	"math"
	"net/http"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/services/internal/web"
)

// Mode says how GET / is answered.
type Mode string

const (
	Normal   Mode = "normal"   // 503 for a share of the requests, 200 for the others
	Fallback Mode = "fallback" // 200 with less data, and a message that says so
	Failure  Mode = "failure"  // 503 always
)

// DefaultFailureRate is the lab's: FromEnv uses it when FAILURE_RATE is absent.
const DefaultFailureRate = 0.3

// The bodies as Flask's jsonify sends them, newline included.
const (
	bodyOK          = `{"message":"Hello from the service!","data":[1,2,3,4,5]}` + "\n"
	bodyDegraded    = `{"message":"Service in degraded mode (fallback)","data":[1,2,3]}` + "\n"
	bodyUnavailable = `{"message":"Service Unavailable"}` + "\n"
)

// Config holds the settings of one service.
type Config struct {
	// Mode is Normal when empty.
	Mode Mode
	// FailureRate is the share of failures in mode Normal, from 0 (none) to 1 (all). The zero value is none.
	FailureRate float64
	// Seed fixes which arrivals fail in mode Normal, see New. Every value is a seed, 0 too.
	Seed uint64
	// Logger gets one line at the start and one per request. The zero value logs nothing.
	Logger zerolog.Logger
}

// New returns the service. In mode Normal, whether the nth request for "/" fails is a pure function of Seed,
// FailureRate and n, so two services with the same settings give the same sequence, in whatever process they run.
// Requests that arrive together get neighbouring numbers in some order. Requests for other paths are not counted.
func New(cfg Config) (http.Handler, error) {
	cfg.Mode = cmp.Or(cfg.Mode, Normal)
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("flaky: %w", err)
	}
	cfg.Logger.Info().
		Str("mode", string(cfg.Mode)).
		Float64("failure_rate", cfg.FailureRate).
		Uint64("seed", cfg.Seed).
		Msg("flaky service")
	return web.Handler(cfg.Logger, cfg.root()), nil
}

func (c Config) validate() error {
	switch c.Mode {
	case Normal, Fallback, Failure:
	default:
		return fmt.Errorf("SERVICE_MODE (Config.Mode) is %q, allowed: %s, %s, %s", c.Mode, Normal, Fallback, Failure)
	}
	if math.IsNaN(c.FailureRate) || c.FailureRate < 0 || c.FailureRate > 1 {
		return fmt.Errorf("FAILURE_RATE (Config.FailureRate) is %v, allowed: a number from 0 to 1", c.FailureRate)
	}
	return nil
}

func (c Config) root() http.HandlerFunc {
	switch c.Mode {
	case Fallback:
		return degraded
	case Failure:
		return unavailable
	default:
		coin := &coin{seed: c.Seed, rate: c.FailureRate}
		return coin.answer
	}
}

func (c *coin) answer(w http.ResponseWriter, r *http.Request) {
	if c.toss() {
		unavailable(w, r)
		return
	}
	web.Reply(w, http.StatusOK, web.JSON, bodyOK)
}

func degraded(w http.ResponseWriter, _ *http.Request) {
	web.Reply(w, http.StatusOK, web.JSON, bodyDegraded)
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	web.Reply(w, http.StatusServiceUnavailable, web.JSON, bodyUnavailable)
}
