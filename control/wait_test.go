package control

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Who waits may name a rule of a mode, too, and the nearest name helps.
func TestWaitHitsOfAMode(t *testing.T) {
	first := stateWith("a", "b")
	if err := first.SetProxyMode("a", ModeFailure, "", Hold{}); err != nil {
		t.Fatal(err)
	}
	k := start(t, Config{Policy: DefaultPolicy()}, first)
	a, any := "a", AnyProxy
	for _, test := range []struct {
		at   Address
		code Code
	}{
		{Address{Name: "mode/failure"}, ""},
		{Address{Name: "mode/failure", Proxy: &a}, ""},
		{Address{Name: "mode/failure", Proxy: &any}, NotFound},
		{Address{Name: "mode/fallback"}, NotFound},
		{Address{Name: "mode/normal"}, NotFound}, // it has no rules
	} {
		_, err := k.WaitHits(t.Context(), test.at, 0)
		if code, _ := refusal(err); code != test.code {
			t.Errorf("%+v: %v", test.at, err)
		}
	}
	_, err := k.WaitHits(t.Context(), Address{Name: "mode/failur"}, 0)
	var near *document.Error
	if !errors.As(err, &near) || near.DidYouMean != "mode/failure" {
		t.Errorf("a slip: %v", err)
	}
	if _, err := k.Change(t.Context(), Request{}, func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) }); err != nil {
		t.Fatal(err)
	}
	var several *Error
	if _, err := k.WaitHits(t.Context(), Address{Name: "mode/failure"}, 0); !errors.As(err, &several) || several.Code != Conflict || len(several.Candidates) != 2 {
		t.Errorf("on two proxies: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if hits, err := k.WaitHits(ctx, Address{Name: "mode/failure", Proxy: &a}, 1); hits != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no hit: %d, %v", hits, err)
	}
}
