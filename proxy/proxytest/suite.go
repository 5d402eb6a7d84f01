// Package proxytest is the suite that every executor of HTTP/1.1 passes: what a client and an upstream may rely on,
// shown over real sockets on loopback, with raw bytes wherever the wire matters.
package proxytest

import (
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// Run runs the suite. newExecutor is called for each proxy that a test starts.
func Run(t *testing.T, newExecutor func() proxy.Executor) {
	s := suite{newExecutor}
	for _, group := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"request", s.request},
		{"requestBody", s.requestBody},
		{"matchBody", s.matchBody},
		{"requestTarget", s.requestTarget},
		{"early", s.early},
		{"forwarded", s.forwarded},
		{"reply", s.reply},
		{"replyFraming", s.replyFraming},
		{"stream", s.stream},
		{"upgrade", s.upgrade},
		{"brokenSocket", s.brokenSocket},
		{"upstreamFailure", s.upstreamFailure},
		{"clientFailure", s.clientFailure},
		{"dialGuard", s.dialGuard},
		{"limits", s.limits},
		{"answer", s.answer},
		{"serverTiming", s.serverTiming},
		{"hold", s.hold},
		{"headers", s.headers},
		{"degrade", s.degrade},
		{"stale", s.stale},
		{"endings", s.endings},
		{"pacing", s.pacing},
		{"corrupt", s.corrupt},
		{"capacity", s.capacity},
		{"connections", s.connections},
		{"unixUpstream", s.unixUpstream},
		{"callers", s.callers},
		{"determinism", s.determinism},
		{"duplicate", s.duplicate},
		{"trailers", s.trailersOfReplies},
		{"record", s.record},
		{"fronts", s.fronts},
		{"traced", s.traced},
		{"attempts", s.attempts},
		{"faultPanic", s.faultPanic},
		{"change", s.change},
		{"drain", s.drain},
		{"terminate", s.terminate},
		{"tlsFaults", s.tlsFaults},
		{"tlsFiles", s.tlsFiles},
		{"originate", s.originate},
		{"endingTLS", s.endingTLS},
		{"duplex", s.duplex},
		{"memory", s.memory},
		{"oldMistakes", s.oldMistakes},
	} {
		t.Run(group.name, group.run)
	}
}

// suite is the executor under test.
type suite struct{ newExecutor func() proxy.Executor }
