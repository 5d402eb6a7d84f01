package breaker

import (
	"fmt"
	"time"
)

// Config says when a breaker opens, for how long, and what closes it again. Whichever of Consecutive, Failures, Ratio and
// SlowRatio comes true first opens it; those that are 0 are off, and with all of them off there is no breaker.
type Config struct {
	// Consecutive is the number of failures in a row that opens. To 10,000.
	Consecutive int

	// Last is how many outcomes the window holds, the latest ones. 0: 100; to 10,000.
	Last int
	// Within leaves out of the window what is older, so that it slides with time. 0 (nothing is too old) to 1h.
	Within time.Duration
	// Minimum is the number of outcomes in the window below which Ratio and SlowRatio are not looked at. 0: 10, or Last
	// if that is less.
	Minimum int

	// Failures is the number of failures in the window that opens. To Last.
	Failures int
	// Ratio is the share of failures in the window that opens. To 1.
	Ratio float64
	// SlowAfter makes a longer call a slow one, however it ended. To 1h; needed by SlowRatio.
	SlowAfter time.Duration
	// SlowRatio is the share of slow calls in the window that opens. To 1.
	SlowRatio float64

	// Base is how long the breaker stays open the first time, or a little less: each time is drawn from 50 to 100 %, so
	// that clients which opened together do not probe together. It doubles as long as no probe mends it. 0: 1s; to 1h.
	Base time.Duration
	// Max is where the doubling ends, Base to 1h. 0: 8s, or Base if that is more.
	Max time.Duration

	// Permits is how many calls may be under way at once while the breaker is half-open. 0: 1; to 1,000.
	Permits int
	// Probes and Needed: of so many calls while half-open, so many must succeed to close the breaker. It opens again as
	// soon as they cannot any more. 0: 1 of 1; to 1,000.
	Probes, Needed int
	// ProbeTimeout is after how long a probe that has not ended counts as failed, so that one which hangs cannot keep
	// the breaker half-open. 0: 30s; to 24h.
	ProbeTimeout time.Duration

	// Keys is the number of keys that a Group keeps breakers for. 0: 1,000; to 100,000.
	Keys int
}

// On tells whether c has a breaker at all.
func (c Config) On() bool {
	return c.Consecutive > 0 || c.Failures > 0 || c.Ratio > 0 || c.SlowRatio > 0
}

// filled returns c with the defaults that its comments name.
func (c Config) filled() Config {
	set(&c.Last, 100)
	set(&c.Minimum, min(10, c.Last))
	set(&c.Base, time.Second)
	set(&c.Max, max(8*time.Second, c.Base))
	set(&c.Permits, 1)
	set(&c.Probes, max(1, c.Needed))
	set(&c.Needed, c.Probes)
	set(&c.ProbeTimeout, 30*time.Second)
	set(&c.Keys, 1000)
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate holds the bounds that the fields' comments state, and names the field that is outside of its own.
func (c Config) Validate() error {
	f := c.filled()
	for _, field := range []struct {
		name     string
		value    float64
		min, max float64
	}{
		{"Consecutive", float64(c.Consecutive), 0, 10_000},
		{"Last", float64(c.Last), 0, 10_000},
		{"Minimum", float64(c.Minimum), 0, float64(f.Last)},
		{"Failures", float64(c.Failures), 0, float64(f.Last)},
		{"Ratio", c.Ratio, 0, 1},
		{"SlowRatio", c.SlowRatio, 0, 1},
		{"Permits", float64(c.Permits), 0, 1000},
		{"Probes", float64(c.Probes), 0, 1000},
		{"Needed", float64(c.Needed), 0, float64(f.Probes)},
		{"Keys", float64(c.Keys), 0, 100_000},
	} {
		if !(field.value >= field.min && field.value <= field.max) { // so that NaN fails, too
			return fmt.Errorf("%s %v is outside %v to %v", field.name, field.value, field.min, field.max)
		}
	}
	for _, field := range []struct {
		name            string
		value, min, max time.Duration
	}{
		{"Within", c.Within, 0, time.Hour},
		{"SlowAfter", c.SlowAfter, 0, time.Hour},
		{"Base", c.Base, 0, time.Hour},
		{"Max", f.Max, f.Base, time.Hour},
		{"ProbeTimeout", c.ProbeTimeout, 0, 24 * time.Hour},
	} {
		if field.value < field.min || field.value > field.max {
			return fmt.Errorf("%s %v is outside %v to %v", field.name, field.value, field.min, field.max)
		}
	}
	if c.SlowRatio > 0 && c.SlowAfter == 0 {
		return fmt.Errorf("SlowRatio %v needs SlowAfter", c.SlowRatio)
	}
	return nil
}
