// Package memnet is a network in memory, for tests of time: its connections block on channels only, so that they can be used in
// a bubble of testing/synctest, and end as those of TCP do. Each direction can be closed alone, a connection can be reset,
// deadlines end what blocks, and what was written arrives at once, up to a bound.
package memnet
