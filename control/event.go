package control

import "time"

// Who changes the state, besides callers of the admin API, who are addresses.
const (
	ByExpiry = "expiry" // what ends by itself
	ByReload = "SIGHUP" // a configuration that was read again
)

// Event tells of a change that is in force, or of trouble with one that must be.
type Event struct {
	Revision uint64
	At       time.Time
	By       string   // who: the caller's words, [ByExpiry] or [ByReload]
	What     []string // of an expiry: what ended
	Before   *State
	After    *State

	// Err is what an expiry failed at; it is tried again every second. If What is empty the expiry is in force, and
	// could not be saved. Else it could not be put in force: its faults are silent all the same.
	Err error
}
