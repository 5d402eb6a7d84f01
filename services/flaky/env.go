package flaky

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/squall-proxy/squall/services/internal/web"
)

// FromEnv reads the settings and the port from SERVICE_MODE, FAILURE_RATE, SEED and PORT; an empty variable counts as
// absent. Without SEED, every call draws another seed. An error names the variable and what is allowed. The Logger is
// left to the caller.
func FromEnv(getenv func(string) string) (cfg Config, port int, err error) {
	cfg, err = settings(getenv)
	if err != nil {
		return Config{}, 0, fmt.Errorf("flaky: %w", err)
	}
	port, err = web.Port(getenv)
	if err != nil {
		return Config{}, 0, fmt.Errorf("flaky: %w", err)
	}
	return cfg, port, nil
}

func settings(getenv func(string) string) (Config, error) {
	cfg := Config{Mode: cmp.Or(Mode(getenv("SERVICE_MODE")), Normal), FailureRate: DefaultFailureRate}
	if value := getenv("FAILURE_RATE"); value != "" {
		rate, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return Config{}, fmt.Errorf("FAILURE_RATE is %q, allowed: a number from 0 to 1", value)
		}
		cfg.FailureRate = rate
	}
	seed, err := seed(getenv("SEED"))
	if err != nil {
		return Config{}, err
	}
	cfg.Seed = seed
	return cfg, cfg.validate()
}

// seed draws 32 bits when value is empty: few enough to type them again from the log.
func seed(value string) (uint64, error) {
	if value == "" {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails, as its documentation says
		return uint64(binary.BigEndian.Uint32(b[:])), nil
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("SEED is %q, allowed: a whole number from 0 to 18446744073709551615", value)
	}
	return n, nil
}
