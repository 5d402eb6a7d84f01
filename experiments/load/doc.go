// Package load makes traffic that does not slow down with the system that it measures.
//
// The schedule is open: request i is due at start + i/rate, whatever became of the ones before, and what it took is counted
// from when it was due. A generator that waits for answers before it sends on would send one request into a stall of a
// second and report one slow answer, where a thousand users would have waited (coordinated omission).
package load
