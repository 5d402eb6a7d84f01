package admin_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

// versioned is what readers see: a value, and the revision that it has.
type versioned struct{ revision, seed uint64 }

// wish is a read, or a write that is to be made only if the revision is that one.
type wish struct {
	write bool
	versioned
}

// outcome is what was read, or the revision that a write made.
type outcome struct {
	stale bool
	versioned
}

// register is the model of a value that is changed with If-Match.
func register(first versioned) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, output any) (bool, any) {
			is, in, out := state.(versioned), input.(wish), output.(outcome)
			switch {
			case !in.write:
				return out == outcome{versioned: is}, is
			case in.revision != is.revision:
				return out.stale, is
			}
			next := versioned{is.revision + 1, in.seed}
			return out == outcome{versioned: next}, next
		},
	}
}

// writers let several clients read and write, each on what it read, and give the history.
func writers(t *testing.T, l *lab, clients, rounds int) []porcupine.Operation {
	t.Helper()
	var mu sync.Mutex
	var history []porcupine.Operation
	began := time.Now()
	do := func(client int, in wish, ask func() (outcome, error)) outcome {
		called := time.Since(began)
		out, err := ask()
		returned := time.Since(began)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{
			ClientId: client, Input: in, Call: int64(called), Output: out, Return: int64(returned),
		})
		return out
	}
	var done sync.WaitGroup
	for i := range clients {
		c := l.client(t)
		done.Go(func() {
			for round := range rounds {
				seen := do(i, wish{}, func() (outcome, error) { return readSeed(t, c) })
				seed := uint64(1000 + round*clients + i) // everybody's own, so that each write is a change
				do(i, wish{true, versioned{seen.revision, seed}}, func() (outcome, error) { return writeSeed(t, c, seen.revision, seed) })
			}
		})
	}
	done.Wait()
	return history
}

func readSeed(t *testing.T, c *admin.Client) (outcome, error) {
	v, err := c.Faults(t.Context())
	return outcome{versioned: versioned{v.Revision, v.Seed}}, err
}

func writeSeed(t *testing.T, c *admin.Client, revision, seed uint64) (outcome, error) {
	v, err := c.SetFaults(t.Context(), control.Request{Revision: &revision}, map[string]uint64{"seed": seed})
	var refusal *admin.Error
	if errors.As(err, &refusal) && refusal.Status == http.StatusPreconditionFailed {
		return outcome{stale: true}, nil
	}
	return outcome{versioned: versioned{v.Revision, v.Seed}}, err
}

// Eight clients write at the same time, each with If-Match on what it read: it is as if they had done so one after the
// other, and no write is lost.
func TestWritersWithIfMatchAreLinearizable(t *testing.T) {
	l := newLab(t)
	model := register(versioned{0, l.controller.State().Seed})
	history := writers(t, l, 8, 50)
	if porcupine.CheckOperationsTimeout(model, history, time.Minute) != porcupine.Ok {
		t.Fatal("the history is not linearizable")
	}
	made := uint64(0)
	for _, op := range history {
		if in := op.Input.(wish); in.write && !op.Output.(outcome).stale {
			made++
		}
	}
	if last := l.controller.State().Revision; made != last || made == 0 || made == 8*50 {
		t.Fatalf("%d writes were accepted, the revision is %d: want as many, and some that were stale", made, last)
	}
	// The judge can tell: a write that was refused and is said to have been made.
	i := slices.IndexFunc(history, func(op porcupine.Operation) bool { return op.Output.(outcome).stale })
	refused := history[i].Input.(wish).versioned
	history[i].Output = outcome{versioned: versioned{refused.revision + 1, refused.seed}}
	if porcupine.CheckOperationsTimeout(model, history, time.Minute) == porcupine.Ok {
		t.Error("a history with a lost write passes")
	}
}
