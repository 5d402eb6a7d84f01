package admin

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestGuessersCannotFillMemory(t *testing.T) {
	c, now := newTokenCheck("right"), time.Now()
	address := func(i int) string {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String()
	}
	for i := range 3 * maxAddresses {
		c.check(address(i), "wrong", now)
	}
	if got := len(c.guesses); got > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", got)
	}
	if right, wait := c.check(address(0), "right", now); !right || wait != 0 {
		t.Errorf("an address with one guess: %v, wait %v", right, wait)
	}
	now = now.Add(guessWindow)
	c.check(address(4*maxAddresses), "wrong", now)
	if got := len(c.guesses); got != 1 {
		t.Errorf("%d addresses are remembered after their time, want 1", got)
	}
}

// Beyond the addresses that are counted apart, guesses count together, so that having many addresses does not help.
func TestManyAddressesCountTogether(t *testing.T) {
	c, now := newTokenCheck("right"), time.Now()
	for i := range maxAddresses {
		c.check(fmt.Sprintf("[2001:db8:%x::1]:1", i), "wrong", now)
	}
	for i := range maxGuesses {
		if _, wait := c.check(fmt.Sprintf("192.0.2.%d:1", i), "wrong", now); wait != 0 {
			t.Fatalf("guess %d has to wait", i)
		}
	}
	if _, wait := c.check("192.0.2.200:1", "wrong", now); wait != guessWindow {
		t.Errorf("one more guess waits %v, want %v", wait, guessWindow)
	}
}
