// Package proxy moves bytes between clients and upstreams, and does to them what [faults] decided. An [Engine] holds
// the listeners; an [Executor] speaks one protocol on them; an [Exchange] is the record of one request.
//
// A proxy's settings are read once at the start of an exchange, by one atomic load, and changed only through
// Engine.Prepare and Change.Commit.
package proxy
