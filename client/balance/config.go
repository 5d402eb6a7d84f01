package balance

import (
	"fmt"
	"net/url"
	"time"
)

// Config says which backends there are, how calls are spread over them, and which are left out for a while.
type Config struct {
	// Backends answer alike. To 1,000; none: there is no balancing.
	Backends []Backend
	// LeastInFlight sends a call to where the fewest are under way, for its weight. Off, backends take turns (smooth
	// weighted round robin, as in nginx: weights 5, 1, 1 give a a b a c a a).
	LeastInFlight bool

	Outlier Outlier
	Health  Health
}

// Backend is one server.
type Backend struct {
	URL    string // http or https, and a host; a path is put before those of requests
	Weight int    // 0: 1; to 1,000
}

// Outlier says which backends calls themselves show to be ill. An ill one gets no calls for a while (it is ejected).
type Outlier struct {
	// Failures in a row that eject: no answer, or a 5xx one other than 501. 0 (off) to 1,000. Once it is back, a backend
	// has to answer one call before it is given so many again.
	Failures int
	// SlowFactor ejects a backend that takes so many times as long to answer, on average, as the median of the others.
	// It takes three backends to say so. 0 (off), or 1.5 to 100.
	SlowFactor float64
	// SlowSamples is the number of answers that an average is made of. 0: 20; to 1,000.
	SlowSamples int
	// Base is for how long the first time; it doubles each time, until a backend has been well for as long as it was out
	// last. 0: 10s; to 1h.
	Base time.Duration
	// Max is where the doubling ends. 0: 5m, or Base if that is more; to 24h.
	Max time.Duration
	// MaxShare is how many of the backends may be out at once, in whole ones. 0: 0.5; to 1. When all are, all get calls.
	MaxShare float64
}

// Health asks each backend now and then whether it is well. One that is not gets no calls.
type Health struct {
	// Path is asked with GET; 2xx and 3xx are well. Empty: there are no checks.
	Path string
	// Every is the time between two checks of a backend. 0: 5s; 10ms to 1h.
	Every time.Duration
	// Timeout bounds one check. 0: 1s, or Every if that is less; to 1h.
	Timeout time.Duration
	// Down is how many checks in a row must fail for a backend to be down, Up how many must succeed for it to be up
	// again. 0: 3, and 2; to 1,000.
	Down, Up int
}

// filled returns c with the defaults that its comments name.
func (c Config) filled() Config {
	o, h := &c.Outlier, &c.Health
	set(&o.SlowSamples, 20)
	set(&o.Base, 10*time.Second)
	set(&o.Max, max(5*time.Minute, o.Base))
	set(&o.MaxShare, 0.5)
	set(&h.Every, 5*time.Second)
	set(&h.Timeout, min(time.Second, h.Every))
	set(&h.Down, 3)
	set(&h.Up, 2)
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate holds the bounds that the fields' comments state, of a filled Config.
func (c Config) validate() error {
	o, h := c.Outlier, c.Health
	for _, field := range []struct {
		name            string
		value, min, max float64
	}{
		{"Backends", float64(len(c.Backends)), 1, 1000},
		{"Outlier.Failures", float64(o.Failures), 0, 1000},
		{"Outlier.SlowSamples", float64(o.SlowSamples), 1, 1000},
		{"Outlier.MaxShare", o.MaxShare, 0, 1},
		{"Outlier.Base (s)", o.Base.Seconds(), 0, 3600},
		{"Outlier.Max (s)", o.Max.Seconds(), o.Base.Seconds(), 24 * 3600},
		{"Health.Every (s)", h.Every.Seconds(), 0.01, 3600},
		{"Health.Timeout (s)", h.Timeout.Seconds(), 0.001, 3600},
		{"Health.Down", float64(h.Down), 1, 1000},
		{"Health.Up", float64(h.Up), 1, 1000},
	} {
		if !(field.value >= field.min && field.value <= field.max) { // so that NaN fails, too
			return fmt.Errorf("%s %v is outside %v to %v", field.name, field.value, field.min, field.max)
		}
	}
	if f := o.SlowFactor; f != 0 && !(f >= 1.5 && f <= 100) {
		return fmt.Errorf("an Outlier.SlowFactor of %v is neither 0 nor 1.5 to 100", f)
	}
	if h.Path != "" && h.Path[0] != '/' {
		return fmt.Errorf("the Health.Path %q does not begin with /", h.Path)
	}
	return nil
}

// parse returns the backend's URL.
func (b Backend) parse() (*url.URL, error) {
	u, err := url.Parse(b.URL)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil:
		return nil, fmt.Errorf("%q is not http://host or https://host with nothing behind but a path", u.Redacted())
	case b.Weight < 0 || b.Weight > 1000:
		return nil, fmt.Errorf("a Weight of %d is outside 0 to 1000", b.Weight)
	}
	return u, nil
}
