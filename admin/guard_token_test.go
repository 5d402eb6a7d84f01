package admin_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWrongTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t, withToken)
		guess := func(from, token string) int {
			return ask("GET", "/version", "", "From: "+from, "Authorization: Bearer "+token).status
		}
		for i := range 10 {
			if got := guess("192.0.2.1:1000", fmt.Sprint(i)); got != 401 {
				t.Fatalf("guess %d: %d", i, got)
			}
			time.Sleep(time.Second)
		}
		check(t, ask("GET", "/version", "", "From: 192.0.2.1:1001", "Authorization: Bearer x"), want{429, nil, []string{"Retry-After: 50"}})
		if got := guess("192.0.2.1:1002", token); got != 429 {
			t.Errorf("the right token after ten guesses: %d, so that an eleventh guess would be answered", got)
		}
		if got := guess("192.0.2.2:1000", token); got != 200 {
			t.Errorf("another address: %d", got)
		}
		if got := ask("GET", "/version", "", "From: 192.0.2.1:1003").status; got != 401 {
			t.Errorf("no token at all: %d", got)
		}
		if got := ask("GET", "/healthz", "", "From: 192.0.2.1:1003", "Authorization: Bearer x").status; got != 200 {
			t.Errorf("a probe: %d", got)
		}
		time.Sleep(50*time.Second - time.Nanosecond)
		if got := guess("192.0.2.1:1000", token); got != 429 {
			t.Errorf("just before a minute is over: %d", got)
		}
		time.Sleep(time.Nanosecond)
		if got := guess("192.0.2.1:1000", token); got != 200 {
			t.Errorf("after a minute: %d", got)
		}
	})
}

// A page that reaches us by DNS rebinding sends wrong tokens from its reader's own address, and cannot lock him out.
func TestGuessesUnderAForeignHostCountApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t, withToken)
		guess := func(host, token string) int {
			return ask("GET", "/version", "", "From: 127.0.0.1:1", "Host: "+host, "Authorization: Bearer "+token).status
		}
		for i := range 10 {
			if got := guess(fmt.Sprintf("page%d.evil.example", i), "x"); got != 421 {
				t.Fatalf("guess %d: %d", i, got)
			}
		}
		for host, status := range map[string]int{"localhost": 200, "evil.example": 429, "other.example": 429} {
			if got := guess(host, token); got != status {
				t.Errorf("the right token for %s: %d, want %d", host, got, status)
			}
		}
		for range 10 {
			guess("localhost", "x")
		}
		if got := guess("localhost", token); got != 429 {
			t.Errorf("the right token after ten guesses under our own name: %d", got)
		}
	})
}

func TestGuessesFromOneIPv6NetworkCountTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask, _ := bubble(t, withToken)
		for i := range 10 {
			ask("GET", "/version", "", fmt.Sprintf("From: [2001:db8::%x]:1", i), "Authorization: Bearer x")
		}
		for from, status := range map[string]int{"[2001:db8::ffff]:1": 429, "[2001:db8:0:1::1]:1": 200} {
			if got := ask("GET", "/version", "", "From: "+from, "Authorization: Bearer "+token).status; got != status {
				t.Errorf("%s: %d, want %d", from, got, status)
			}
		}
	})
}
