package faults

import (
	"slices"
	"strings"
)

// Acquire holds the exchange until [Plan.Granted] is closed; it goes on without where the proxy drains.
type Acquire struct{}

// Leave has the client's connection closed behind the reply, which says so. A connection that is upgraded stays.
type Leave struct{}

// Trailer changes the trailer fields of the reply: first Drop, then Set. A sized body becomes a chunked one if fields are
// set. The executor withdraws it (see [Plan.Withdraw]) where there can be none: to a client of HTTP/1.0, with a reply that
// has no body, and, if none are set, with a body that is not chunked.
type Trailer struct {
	DropAll bool
	Drop    []string
	Set     []Field
}

// Repeat sends the request to the upstream so many times more, as it went there first: one after the other, once the first
// reply is through. Their replies are read and dropped, each within the proxy's timeout. A client that leaves before it has
// the first reply, or a proxy that drains, ends them; a client that has it is not waited for, but its connection goes on
// only when they are over.
//
// The executor withdraws the rule (see [Plan.Withdraw]) for a request that asks for an upgrade and for a body larger than
// [MaxRepeatBody], and (see [Plan.WithdrawRepeat]) where that turns out later: of a chunked body, of one that the upstream
// did not wait for, and where there was no first reply.
type Repeat struct{ Times int }

// MaxRepeatBody bounds the body of a request that is repeated, in bytes.
const MaxRepeatBody = 64 << 10

// Flaw is what is wrong with a certificate, and nothing else is.
type Flaw string

// The flaws.
const (
	Expired         Flaw = "expired"          // since yesterday
	WrongName       Flaw = "wrong_name"       // it is for wrong-name.invalid
	SelfSigned      Flaw = "self_signed"      // no authority vouches for it
	IncompleteChain Flaw = "incomplete_chain" // an intermediate authority signed it, whose own certificate is not sent
)

// Certificate shows a client a certificate with a flaw, in place of the proxy's own.
type Certificate struct{ Flaw Flaw }

// Alert ends the handshake with a fatal alert (RFC 8446, 6).
type Alert struct{ Code uint8 }

func (Acquire) action() {}
func (Leave) action()   {}
func (Trailer) action() {}
func (Repeat) action()  {}

func (Certificate) action() {}
func (Alert) action()       {}

// Drops reports whether a trailer field goes, unless it is set.
func (t Trailer) Drops(name string) bool {
	return t.DropAll || slices.ContainsFunc(t.Drop, func(dropped string) bool { return strings.EqualFold(dropped, name) })
}
