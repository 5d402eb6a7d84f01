package admin

import (
	"net/netip"
	"testing"
	"time"
)

// numbered is one of many guessers.
func numbered(i int) guesser {
	return guesser{address: addressOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String())}
}

func TestGuessersCannotFillMemory(t *testing.T) {
	c, now := newTokenCheck("right"), time.Now()
	for i := range 3 * maxAddresses {
		c.check(numbered(i), "wrong", now)
	}
	if len(c.guesses) > maxAddresses || c.oldest.Len() != len(c.guesses) {
		t.Errorf("%d addresses are remembered, %d in order", len(c.guesses), c.oldest.Len())
	}
	now = now.Add(guessWindow)
	c.check(numbered(4*maxAddresses), "wrong", now)
	if len(c.guesses) != 1 || c.oldest.Len() != 1 {
		t.Errorf("%d addresses are remembered after their time, want 1", len(c.guesses))
	}
}

// Thousands of addresses lock nobody else out, neither one that never guessed nor one that did so less than ten times.
func TestManyGuessersLockNobodyElseOut(t *testing.T) {
	c, now := newTokenCheck("right"), time.Now()
	few := numbered(1 << 20)
	for range maxGuesses - 1 {
		c.check(few, "wrong", now)
	}
	for i := range maxAddresses + 2*maxGuesses {
		for range 2 * maxGuesses {
			c.check(numbered(i), "wrong", now)
		}
		if right, wait := c.check(numbered(1<<21+i), "right", now); !right || wait != 0 {
			t.Fatalf("after %d addresses one without a guess: %v, wait %v", i+1, right, wait)
		}
	}
	if right, wait := c.check(few, "right", now); !right || wait != 0 {
		t.Errorf("one with nine guesses: %v, wait %v", right, wait)
	}
	last := numbered(maxAddresses + 2*maxGuesses - 1)
	if right, wait := c.check(last, "right", now); right || wait != guessWindow {
		t.Errorf("one of those who guessed: %v, wait %v", right, wait)
	}
}

// Only a new guesser makes another one be forgotten, and then the oldest.
func TestTheOldestGuessesAreForgottenFirst(t *testing.T) {
	c, now := newTokenCheck("right"), time.Now()
	for i := range maxAddresses {
		for range maxGuesses {
			c.check(numbered(i), "wrong", now)
		}
	}
	for _, i := range []int{maxAddresses, 0, maxAddresses - 1} {
		if right, wait := c.check(numbered(i), "right", now); right != (i == maxAddresses) || !right && wait != guessWindow {
			t.Errorf("guesser %d: %v, waits %v", i, right, wait)
		}
	}
	if _, wait := c.check(numbered(maxAddresses), "wrong", now); wait != 0 {
		t.Errorf("a new one waits %v", wait)
	}
	if right, _ := c.check(numbered(0), "right", now); !right {
		t.Error("the oldest was not forgotten")
	}
}
