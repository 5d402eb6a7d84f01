// Package admin is the HTTP door to squall: through it faults, rules and proxies are read and changed while traffic
// flows. A [Server] asks a [Controller] for what the requests want; a [Client] is the same from the other side, for the
// command line and for tests.
//
// One guard stands around the whole router: it checks where a request comes from, for whom it is meant and what token
// it brings before any route sees it. GET never changes anything.
package admin
