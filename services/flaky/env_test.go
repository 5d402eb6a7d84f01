package flaky_test

import (
	"strings"
	"testing"

	"github.com/squall-proxy/squall/services/flaky"
)

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestFromEnv(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		mode flaky.Mode
		rate float64
		seed uint64
		port int
	}{
		{"defaults", map[string]string{"SEED": "1"}, flaky.Normal, 0.3, 1, 5055},
		{
			"all set",
			map[string]string{"SERVICE_MODE": "fallback", "FAILURE_RATE": "0.05", "SEED": "42", "PORT": "8080"},
			flaky.Fallback, 0.05, 42, 8080,
		},
		{"rate 0 is not the default", map[string]string{"SEED": "0", "FAILURE_RATE": "0"}, flaky.Normal, 0, 0, 5055},
		{
			"upper bounds",
			map[string]string{"SERVICE_MODE": "failure", "FAILURE_RATE": "1", "SEED": "18446744073709551615", "PORT": "65535"},
			flaky.Failure, 1, 18446744073709551615, 65535,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, port, err := flaky.FromEnv(getenv(tt.env))
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Mode != tt.mode || cfg.FailureRate != tt.rate || cfg.Seed != tt.seed || port != tt.port {
				t.Errorf("got %q, %v, %d, %d; want %q, %v, %d, %d",
					cfg.Mode, cfg.FailureRate, cfg.Seed, port, tt.mode, tt.rate, tt.seed, tt.port)
			}
		})
	}
}

func TestFromEnvDrawsASeedWhenThereIsNone(t *testing.T) {
	drawn := map[uint64]bool{}
	for range 8 { // 32 random bits: all eight alike once in 2^224
		cfg, _, err := flaky.FromEnv(getenv(nil))
		if err != nil {
			t.Fatal(err)
		}
		drawn[cfg.Seed] = true
	}
	if len(drawn) < 2 {
		t.Errorf("always the same seed: %v", drawn)
	}
}

func TestFromEnvRefuses(t *testing.T) {
	const rates, modes = "a number from 0 to 1", "normal, fallback, failure"
	for _, tt := range []struct{ name, value, allowed string }{
		{"SERVICE_MODE", "broken", modes},
		{"SERVICE_MODE", "FAILURE", modes},
		{"FAILURE_RATE", "30%", rates},
		{"FAILURE_RATE", "1.01", rates},
		{"FAILURE_RATE", "-1", rates},
		{"FAILURE_RATE", "NaN", rates},
		{"FAILURE_RATE", "+Inf", rates},
		{"SEED", "-1", "a whole number from 0 to 18446744073709551615"},
		{"SEED", "18446744073709551616", "a whole number from 0 to 18446744073709551615"},
		{"SEED", "lucky", "a whole number from 0 to 18446744073709551615"},
		{"PORT", "65536", "to 65535"},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			cfg, port, err := flaky.FromEnv(getenv(map[string]string{tt.name: tt.value}))
			if err == nil {
				t.Fatal("no error")
			}
			if cfg.Mode != "" || cfg.FailureRate != 0 || cfg.Seed != 0 || port != 0 {
				t.Errorf("settings beside the error: %+v, %d", cfg, port)
			}
			for _, word := range []string{tt.name, tt.value, tt.allowed} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %s", err, word)
				}
			}
		})
	}
}
