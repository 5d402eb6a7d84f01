package faults

import "time"

// gate is what the attributes of kinds are that let exchanges through: their rule hits only what they hold up or refuse.
// What they pass is recorded as [WhyRoom].
type gate interface {
	// admit decides about an exchange that the rule has selected. A verdict that is not passed goes to decide.
	admit(a arrival) verdict
	// bucketKey says whose exchanges are held against each other, in the words of [Selection.Key]; rule is the rule's.
	bucketKey(rule string) string
}

// arrival is an exchange at a gate.
type arrival struct {
	counter *Counter // keeps the gate's state, so that it outlives the Set
	key     uint64   // the hash of the rule and of the exchange's bucketKey
	now     time.Time
	shadow  bool // nothing is done, so nobody waits
}

// verdict is what a gate says, or what a rule that gives replies again has found.
type verdict struct {
	passed bool
	wait   time.Duration // rate_limit: until the client may come back, or for how long it is held
	slot   *slot         // concurrency: what the exchange has, or waits for; nil = none
	reply  *reply        // degrade with stale: what is given again; nil = there is none
}
