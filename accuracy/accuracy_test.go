package main

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/internal/wait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAQuickRunPrintsEveryRow(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick"}, &out); err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", &out)
	lines := strings.Split(out.String(), "\n")
	want := map[string]int{}
	for _, d := range spreads() {
		want[d.name] = len(shares)
	}
	for _, p := range append(waitProxies(), append(percentProxies(), rateProxies()...)...) {
		want[p.name]++
	}
	want["latency"], want["bandwidth 100KB"], want["bandwidth 1MB"], want["bandwidth 100MB"] = len(tcpSizes), 1, 1, 1
	for name, rows := range want {
		got := 0
		for _, line := range lines {
			if strings.HasPrefix(line, name+"  ") {
				got++
			}
		}
		if got != rows {
			t.Errorf("%q has %d rows, want %d", name, got, rows)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"-quick more":          "want flags only",
		"-squall /nonexistent": "no such file",
	} {
		if err := run(t.Context(), strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", args, err, want)
		}
	}
}

func TestDeviation(t *testing.T) {
	for _, test := range []struct {
		count, n int
		share    float64
		want     float64
	}{{50, 100, 0.5, 0}, {60, 100, 0.5, 2}, {0, 100, 0, 0}, {100, 100, 1, 0}, {1, 100, 0, math.Inf(1)}, {99, 100, 1, math.Inf(-1)}} {
		if got := deviation(test.count, test.n, test.share); got != test.want {
			t.Errorf("%d of %d at %v: %v, want %v", test.count, test.n, test.share, got, test.want)
		}
	}
}

// TestPoisson: the bounds are those of tables of the Poisson distribution with mean 2, at 5.7e-7.
func TestPoisson(t *testing.T) {
	for _, test := range []struct {
		count, n int
		share    float64
		want     bool
	}{
		{0, 20_000, 0.0001, true},
		{12, 20_000, 0.0001, true},
		{14, 20_000, 0.0001, false},
		{20_000, 20_000, 0.9999, true},
		{19_980, 20_000, 0.9999, false},
		{1, 20_000, 0, false},
		{0, 20_000, 0, true},
		{19_999, 20_000, 1, false},
	} {
		if got := poisson(test.count, test.n, test.share); got != test.want {
			t.Errorf("%d of %d at %v: %t", test.count, test.n, test.share, got)
		}
	}
}

// beat gives a byte at a time, ten of them at once every 10 ms.
type beat struct {
	t    *testing.T
	left int
}

// Read reads one piece.
func (b *beat) Read(p []byte) (int, error) {
	switch {
	case b.left == 0:
		return 0, io.EOF
	case b.left%10 == 0:
		if err := wait.For(b.t.Context(), 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
	b.left--
	return 1, nil
}

func TestTheRateOfAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := take(&beat{t, 3000})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.rate(); f.bytes != 3000 || math.Abs(got-1000) > 1 || f.pause != 10*time.Millisecond {
			t.Errorf("%d bytes at %v/s, longest pause %v", f.bytes, got, f.pause)
		}
	})
}

// TestWaitsAreKnownInAdvance: each client has its own, and they are what squall draws; the quick run would come early
// otherwise.
func TestWaitsAreKnownInAdvance(t *testing.T) {
	rule := document{"delay": document{"latency": "20ms", "jitter": "10ms"}, "key": "header:X-Client"}.of("uniform")
	seen := map[time.Duration]bool{}
	for _, key := range []string{"0", "1", "2"} {
		waits, err := foretell(rule, key, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, wait := range waits {
			seen[wait] = true
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d different waits, want 300", len(seen))
	}
	if _, err := foretell(document{"abort": 503}.of("abort"), "", 1); err == nil {
		t.Error("an abort passes for a wait")
	}
}
