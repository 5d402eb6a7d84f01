package faults

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

// retryAfter gives the header fields of an abort's answer at a time.
func retryAfter(t *testing.T, set *Set, now time.Time) []Field {
	t.Helper()
	v := get("/")
	v.Now = now
	actions, _ := exchange(set, v)
	return actions[0].(Answer).Header
}

func TestRetryAfter(t *testing.T) {
	second := time.Date(2026, 2, 28, 23, 59, 58, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		attributes string
		now        time.Time
		want       []Field
	}{
		{`{"status":503}`, second, nil},
		{`{"status":503,"retry_after":0}`, second, []Field{{"Retry-After", "0"}}},
		{`{"status":503,"retry_after":[7,7],"headers":{"X-A":"b"}}`, second, []Field{{"X-A", "b"}, {"Retry-After", "7"}}},
		{`{"status":503,"retry_after":{"date":0}}`, second, []Field{{"Retry-After", "Sat, 28 Feb 2026 22:59:58 GMT"}}},
		{`{"status":503,"retry_after":{"date":2}}`, second.Add(1), []Field{{"Retry-After", "Sat, 28 Feb 2026 23:00:01 GMT"}}}, // never too early
		{`{"status":503,"retry_after":{"date":86400}}`, second, []Field{{"Retry-After", "Sun, 01 Mar 2026 22:59:58 GMT"}}},
	} {
		set, _ := setOf(t, `{"name":"it","abort":`+c.attributes+`}`)
		if got := retryAfter(t, set, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.attributes, got, c.want)
		}
	}
}

// TestRetryAfterOfARange: each second of it, both ends included, about as often as the others; the seed tells which.
func TestRetryAfterOfARange(t *testing.T) {
	const hits = 10_000
	drawn := func(seed uint64, attributes string) (all []int) {
		rule := mustRule(t, `{"name":"it","abort":{"status":503,"retry_after":`+attributes+`}}`)
		set := mustCompile(t, Config{Seed: seed, Entries: []Entry{{Rule: rule}}})
		for range hits {
			value := retryAfter(t, set, start)[0].Value
			seconds, err := strconv.Atoi(value)
			if at, dateErr := http.ParseTime(value); dateErr == nil {
				seconds, err = int(at.Sub(start).Seconds()), nil
			}
			if err != nil {
				t.Fatalf("%s: %q", attributes, value)
			}
			all = append(all, seconds)
		}
		return all
	}
	for _, attributes := range []string{`[3,7]`, `{"date":[3,7]}`} {
		got := drawn(1, attributes)
		counts := make([]int, 10)
		for _, seconds := range got {
			counts[seconds]++
		}
		for seconds, n := range counts {
			p := 0.0
			if seconds >= 3 && seconds <= 7 {
				p = 0.2
			}
			if math.Abs(float64(n)-p*hits) > 4*math.Sqrt(p*(1-p)*hits) {
				t.Errorf("%s: %d of %d are %d seconds", attributes, n, hits, seconds)
			}
		}
		if !slices.Equal(got, drawn(1, attributes)) || slices.Equal(got, drawn(2, attributes)) {
			t.Errorf("%s: the seed does not tell", attributes)
		}
	}
}
