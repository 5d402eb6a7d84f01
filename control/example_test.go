package control_test

import (
	"context"
	"fmt"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
)

// A change is made to a copy of the state, and is in force when Change returns.
func ExampleController_Change() {
	k, err := control.New(control.Config{Engine: &proxy.Engine{}}, control.NewState(42))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	ctx, now := context.Background(), time.Now()

	s, err := k.Change(ctx, control.Request{By: "example"}, func(s *control.State) error {
		return s.SetMode(control.ModeFailure, "example", control.Hold{})
	})
	fmt.Println(s.View(now).Mode, s.Revision, err)

	// A change that is refused leaves everything as it was.
	_, err = k.Change(ctx, control.Request{}, func(s *control.State) error {
		s.Clear()
		return s.SetMode("failrue", "", control.Hold{})
	})
	fmt.Println(err)
	fmt.Println(k.State().View(now).Mode, k.State().Revision)

	// Output:
	// failure 1 <nil>
	// mode: unknown mode "failrue": want one of failure, fallback, normal
	// failure 1
}
