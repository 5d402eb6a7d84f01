package calls

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/client"
)

// lab calls up once a run, as the command line does.
func lab(up http.RoundTripper, cfg client.Config, out *bytes.Buffer) Caller {
	cfg.Transport = up
	return Caller{Client: cfg, URL: "http://flaky/", Count: 1, Lines: out}
}

func (s Summary) want(t *testing.T, ok, degraded, cached, failed, attempts int) {
	t.Helper()
	s.Elapsed = 0
	if s != (Summary{ok, degraded, cached, failed, s.Skipped, attempts, 0}) {
		t.Errorf("got %v, want %d ok, %d degraded, %d cached, %d failed; %d attempts",
			s, ok, degraded, cached, failed, attempts)
	}
}

func run1(t *testing.T, c Caller) Summary {
	t.Helper()
	sum, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestLab6Lines(t *testing.T) {
	failed := func(n int) string { return fmt.Sprintf("Attempt %d failed: 503 Service Unavailable\n", n) }
	const retrying = "Retrying in 1 seconds...\n"
	for _, tc := range []struct {
		name  string
		step  func(int, time.Duration) client.Config
		calls []answer
		count int
		lines string
		sum   [5]int
	}{
		{
			"all fail", client.Lab6Retry,
			[]answer{status(503)},
			1,
			failed(1) + retrying + failed(2) + retrying + failed(3) + retrying + failed(4) + client.FallbackMessage + "\n",
			[5]int{0, 0, 0, 1, 4},
		},
		{
			"the second succeeds", client.Lab6Retry,
			[]answer{status(503), status(200)},
			1,
			failed(1) + retrying + goodBody + "\n",
			[5]int{1, 0, 0, 0, 2},
		},
		{
			"refused", client.Lab6Retry,
			[]answer{refused, status(200)},
			1,
			"Attempt 1 failed: connection refused\n" + retrying + goodBody + "\n",
			[5]int{1, 0, 0, 0, 2},
		},
		{
			"not to be mended", client.Lab6Retry,
			[]answer{{status: 404, body: "404 page not found\n"}},
			1,
			"Attempt 1 failed: 404 Not Found\n404 page not found\n",
			[5]int{0, 0, 0, 1, 1},
		},
		{
			"the first step knows no degraded mode", client.Lab6Retry,
			[]answer{saying(degradedBody)},
			1,
			degradedBody + "\n",
			[5]int{1, 0, 0, 0, 1},
		},
		{
			"second step", client.Lab6Fallback,
			[]answer{saying(degradedBody), status(200), status(503)},
			3,
			degradedBody + " [degraded]\n" + goodBody + "\n" +
				failed(1) + retrying + failed(2) + retrying + failed(3) + retrying + failed(4) +
				goodBody + " [cached, 3 s old]\n",
			[5]int{1, 1, 1, 0, 6},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				c := lab(upstream(tc.calls...), tc.step(3, time.Second), &out)
				c.Count = tc.count
				sum := run1(t, c)
				if out.String() != tc.lines {
					t.Errorf("printed\n%s\nwant\n%s", out.String(), tc.lines)
				}
				sum.want(t, tc.sum[0], tc.sum[1], tc.sum[2], tc.sum[3], tc.sum[4])
			})
		})
	}
}

func TestLab6LinesOfAnErrorWithoutFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := client.Lab6Retry(1, 500*time.Millisecond)
		cfg.Fallback = client.Fallback{}
		run1(t, lab(upstream(refused), cfg, &out)).want(t, 0, 0, 0, 1, 2)
		want := "Attempt 1 failed: connection refused\nRetrying in 0.5 seconds...\nAttempt 2 failed: connection refused\n" +
			"Call failed: Get \"http://flaky/\": connection refused\n"
		if out.String() != want {
			t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
		}
	})
}

func TestCallerSendsWhatItIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200))
		c := lab(up, client.Default(), &bytes.Buffer{})
		c.Method, c.Body, c.Count = "POST", []byte("the order"), 2
		c.Header = http.Header{"Idempotency-Key": {"k-1"}}
		run1(t, c).want(t, 2, 0, 0, 0, 2)
		for _, a := range up.seen {
			if a.method != "POST" || a.body != "the order" || a.key != "k-1" {
				t.Errorf("sent %+v", a)
			}
		}
	})
}

// Every attempt of a call names it by the same id, and every call has another one; unless the caller has said which.
func TestCallerNamesItsCalls(t *testing.T) {
	for _, given := range []string{"", "mine"} {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503), status(200), status(503), status(200))
			c := lab(up, client.Lab6Retry(3, time.Second), &bytes.Buffer{})
			c.Count = 2
			if given != "" {
				c.Header = http.Header{callID: {given}}
			}
			run1(t, c).want(t, 2, 0, 0, 0, 4)
			one, two := up.seen[0].call, up.seen[2].call
			if one == "" || up.seen[1].call != one || up.seen[3].call != two || (given == "") != (one != two) || given != "" && one != given {
				t.Errorf("with %q: named %+v", given, up.seen)
			}
		})
	}
}

func TestCallerClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := status(200)
		slow.after = 300 * time.Millisecond
		c := lab(upstream(slow), client.Config{}, nil)
		c.Lines, c.Count, c.For = nil, 0, time.Second
		sum := run1(t, c)
		sum.want(t, 4, 0, 0, 0, 4) // at 0, 300, 600 and 900 ms
		if sum.Elapsed != 1200*time.Millisecond {
			t.Errorf("took %v", sum.Elapsed)
		}
	})
}

func TestCallerOpenLoop(t *testing.T) {
	slow := status(200)
	slow.after = 950 * time.Millisecond
	for _, tc := range []struct {
		name        string
		rate        float64
		count       int
		limit       time.Duration
		inFlight    int
		ok, skipped int
		took        time.Duration
	}{
		{"by count", 10, 20, 0, 0, 20, 0, 2850 * time.Millisecond},
		{"by time", 10, 0, time.Second, 0, 10, 0, 1850 * time.Millisecond},
		{"slower than one a second", 0.5, 3, 0, 0, 3, 0, 4950 * time.Millisecond},
		{"what does not fit is skipped", 10, 20, 0, 5, 10, 10, 2350 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(slow)
				c := lab(up, client.Config{}, nil)
				c.Lines, c.Rate, c.Count, c.For, c.MaxInFlight = nil, tc.rate, tc.count, tc.limit, tc.inFlight
				sum := run1(t, c)
				sum.want(t, tc.ok, 0, 0, 0, tc.ok)
				if sum.Skipped != tc.skipped || sum.Elapsed != tc.took {
					t.Errorf("%d skipped in %v, want %d in %v", sum.Skipped, sum.Elapsed, tc.skipped, tc.took)
				}
				if tc.inFlight == 0 {
					for i, a := range up.seen {
						if want := time.Duration(float64(i) / tc.rate * 1e9); a.at != want {
							t.Errorf("call %d at %v, want %v", i+1, a.at, want)
						}
					}
				}
			})
		})
	}
}

func TestCallerNumbersLinesThatOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := lab(upstream(status(503), status(503), status(200)), client.Lab6Retry(1, time.Second), &out)
		c.Rate, c.Count = 2, 2
		run1(t, c).want(t, 2, 0, 0, 0, 4)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 6 || lines[2] != "#2 Attempt 1 failed: 503 Service Unavailable" || lines[4] != "#1 "+goodBody {
			t.Errorf("printed\n%s", out.String())
		}
	})
}

func TestCallerStopsWithTheContext(t *testing.T) {
	for name, rate := range map[string]float64{"closed loop": 0, "open loop": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				c := lab(upstream(status(200), silence), client.Lab6Retry(3, time.Second), &out)
				c.Rate, c.Count = rate, 0
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(1500*time.Millisecond, cancel)
				sum, err := c.Run(ctx)
				if err != nil || sum.Elapsed != 1500*time.Millisecond {
					t.Errorf("ended after %v with %v", sum.Elapsed, err)
				}
				sum.want(t, 1, 0, 0, 0, 2)
				if strings.Contains(out.String(), "fail") {
					t.Errorf("told a cancelled call as failed:\n%s", out.String())
				}
			})
		})
	}
}

func TestCallerTellsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := lab(upstream(status(200)), client.Lab6Retry(3, time.Second), nil)
		var told []int
		c.Lines, c.Count, c.Rate, c.For = nil, 0, 2, 25*time.Second
		c.Every, c.Progress = 10*time.Second+time.Millisecond, func(s Summary) { told = append(told, s.OK) }
		run1(t, c).want(t, 50, 0, 0, 0, 50)
		if len(told) != 2 || told[0] != 21 || told[1] != 41 {
			t.Errorf("told %v", told)
		}
	})
}

func TestCallerWaitsForProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := lab(upstream(status(200)), client.Config{}, nil)
		told := false
		c.Lines, c.Rate, c.Count, c.Every = nil, 2, 3, 900*time.Millisecond
		c.Progress = func(Summary) {
			pass(t, 5*time.Second)
			told = true
		}
		run1(t, c)
		if !told {
			t.Error("Run returned while Progress was still telling")
		}
	})
}

func TestCallerRefuses(t *testing.T) {
	for name, change := range map[string]func(*Caller){
		"no URL":              func(c *Caller) { c.URL = "" },
		"no scheme":           func(c *Caller) { c.URL = "localhost:6055" },
		"bad method":          func(c *Caller) { c.Method = "GE T" },
		"negative rate":       func(c *Caller) { c.Rate = -1 },
		"no number":           func(c *Caller) { c.Rate = math.NaN() },
		"too fast":            func(c *Caller) { c.Rate = 10_001 },
		"negative count":      func(c *Caller) { c.Count = -1 },
		"too many in flight":  func(c *Caller) { c.MaxInFlight = 10_001 },
		"progress of nothing": func(c *Caller) { c.Progress = func(Summary) {} },
		"bad config":          func(c *Caller) { c.Client.Retry.Max = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			up := upstream(status(200))
			c := lab(up, client.Config{}, &bytes.Buffer{})
			change(&c)
			if sum, err := c.Run(t.Context()); err == nil {
				t.Errorf("ran: %v", sum)
			}
			up.attempts(t, 0)
		})
	}
}

func TestSummaryString(t *testing.T) {
	s := Summary{OK: 19, Cached: 1, Attempts: 27, Elapsed: 14003 * time.Millisecond}
	if got, want := s.String(), "20 calls in 14s: 19 ok, 0 degraded, 1 cached, 0 failed; 27 attempts"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Skipped = 2
	if !strings.HasSuffix(s.String(), "; 27 attempts, 2 skipped") {
		t.Errorf("got %q", s)
	}
}
