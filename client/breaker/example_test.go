package breaker_test

import (
	"errors"
	"fmt"

	"github.com/squall-proxy/squall/client/breaker"
)

// Three failures in a row open a breaker, and the next call is held back. Somebody who knows better forces it closed.
func ExampleGroup() {
	group, err := breaker.NewGroup(breaker.Config{Consecutive: 3}, func(c breaker.Change) {
		fmt.Printf("%v: %v -> %v, %s\n", c.Key, c.From, c.To, c.Why)
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	b := group.Get(breaker.Key{Method: "GET", Host: "shop.test", Route: "/orders"})
	for range 4 {
		permit, err := b.Allow()
		var open *breaker.OpenError
		if errors.As(err, &open) {
			fmt.Println("held back for up to a second:", open.Remaining > 0)
			continue
		}
		permit.Done(breaker.Failure)
	}
	b.Force(false)
	// Output:
	// GET shop.test/orders: closed -> open, 3 in a row failed
	// held back for up to a second: true
	// GET shop.test/orders: open -> closed, forced
}
