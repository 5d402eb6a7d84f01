package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// maxPart bounds, in bytes, a part of the state that the audit repeats; of a larger one it tells the size.
const maxPart = 64 << 10

// parts are parts of a state as compact JSON, by the names that documents have for them.
type parts map[string]json.RawMessage

// differences gives what two states do not have in common, as it was and as it is.
func differences(before, after *control.State) (was, is parts) {
	was, is = parts{}, parts{}
	differ := func(name string, a, b any, equal bool) {
		if !equal {
			was.set(name, a)
			is.set(name, b)
		}
	}
	differ("mode", modeOf(before.Mode), modeOf(after.Mode), equalModes(before.Mode, after.Mode))
	differ("seed", before.Seed, after.Seed, before.Seed == after.Seed)
	differ("halted", before.Halted, after.Halted, before.Halted == after.Halted)
	differ("timed_rules", listHold(before.TimedRules), listHold(after.TimedRules), equalTimed(before.TimedRules, after.TimedRules))

	oldModes, newModes := distinct(before.Modes, after.Modes, equalModes)
	differ("modes", mapped(oldModes, modeOf), mapped(newModes, modeOf), len(oldModes)+len(newModes) == 0)
	oldProfiles, newProfiles := distinct(before.Profiles, after.Profiles, equalProfiles)
	differ("profiles", oldProfiles, newProfiles, len(oldProfiles)+len(newProfiles) == 0)
	oldLeases, newLeases := distinct(before.Leases, after.Leases, func(a, b *control.Lease) bool { return a == b })
	differ("leases", mapped(oldLeases, leaseFor), mapped(newLeases, leaseFor), len(oldLeases)+len(newLeases) == 0)

	oldRules, newRules := stretch(before.Rules, after.Rules, equalRules)
	differ("rules", listed(oldRules, ruleOf), listed(newRules, ruleOf), len(oldRules)+len(newRules) == 0)
	oldProxies, newProxies := stretch(before.Proxies, after.Proxies, equalProxies)
	differ("proxies", oldProxies, newProxies, len(oldProxies)+len(newProxies) == 0)
	return was, is
}

// set writes a part, or, if that is too long or cannot be written, a word about it.
func (p parts) set(name string, value any) {
	text, err := json.Marshal(value)
	switch {
	case err != nil:
		text, _ = json.Marshal(fmt.Sprintf("(cannot be shown: %v)", err)) // a string always can
	case len(text) > maxPart:
		text, _ = json.Marshal(fmt.Sprintf("(%d bytes)", len(text)))
	}
	p[name] = text
}

// distinct gives the entries of two maps that the other does not have, or has otherwise.
func distinct[V any](a, b map[string]V, equal func(a, b V) bool) (onlyA, onlyB map[string]V) {
	onlyA, onlyB = map[string]V{}, map[string]V{}
	for name, value := range a {
		if other, there := b[name]; !there || !equal(value, other) {
			onlyA[name] = value
		}
	}
	for name, value := range b {
		if other, there := a[name]; !there || !equal(value, other) {
			onlyB[name] = value
		}
	}
	return onlyA, onlyB
}

// stretch gives of two lists what is left without the same beginning and the same end.
func stretch[E any](a, b []E, equal func(a, b E) bool) (middleA, middleB []E) {
	for len(a) > 0 && len(b) > 0 && equal(a[0], b[0]) {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && equal(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

func mapped[V, W any](from map[string]V, to func(V) W) map[string]W {
	result := make(map[string]W, len(from))
	for name, value := range from {
		result[name] = to(value)
	}
	return result
}

func listed[E, F any](from []E, to func(E) F) []F {
	result := make([]F, 0, len(from))
	for _, element := range from {
		result = append(result, to(element))
	}
	return result
}

// modePart is a mode that is timed or belongs to somebody, as documents have it.
type modePart struct {
	Mode string `json:"mode"`
	holdPart
}

// holdPart is what keeps something in force.
type holdPart struct {
	TTL   faults.Duration `json:"ttl,omitempty"`
	Lease string          `json:"lease,omitempty"`
	Owner string          `json:"owner,omitempty"`
}

// modeOf writes a mode: null for none of its own, else its name, or an object if there is more to say.
func modeOf(m control.Mode) any {
	switch hold := holdOf(m.Hold, m.Owner); {
	case hold != holdPart{}:
		return modePart{m.Name, hold}
	case m.Name == "":
		return nil
	}
	return m.Name
}

func holdOf(h control.Hold, owner string) holdPart {
	hold := holdPart{TTL: h.TTL, Owner: owner}
	if h.Lease != nil {
		hold.Lease = h.Lease.ID
	}
	return hold
}

func equalModes(a, b control.Mode) bool {
	return a.Name == b.Name && a.Owner == b.Owner && a.Hold == b.Hold
}

// listHold writes what keeps a list of rules in force; null = nothing but itself.
func listHold(t *control.TimedRules) any {
	if t == nil {
		return nil
	}
	return holdOf(t.Hold, t.Owner)
}

func equalTimed(a, b *control.TimedRules) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Hold == b.Hold && a.Owner == b.Owner
}

func leaseFor(l *control.Lease) faults.Duration { return l.For }

func ruleOf(r control.Rule) faults.Rule { return r.Rule }

func equalRules(a, b control.Rule) bool {
	return a.Counter == b.Counter && a.Hold == b.Hold && reflect.DeepEqual(a.Rule, b.Rule)
}

// equalProfiles compares what profiles say: a body remembers where in its document it stood.
func equalProfiles(a, b control.Profile) bool {
	first, _ := json.Marshal(a) // what was read from JSON can be written
	second, _ := json.Marshal(b)
	return bytes.Equal(first, second)
}

func equalProxies(a, b proxy.Config) bool { return reflect.DeepEqual(a, b) }
