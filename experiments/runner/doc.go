// Package runner carries experiments out: it looks whether the system is in its steady state, breaks what the method says, sees
// to it that every fault ends, times the recovery, and gives a verdict.
//
// [Runner.Run] reads top to bottom (run.go): preflight, steady state before, method, rollback, recovery, steady state after,
// judgement. Every fault is a lease that the runner beats while the step lasts: if the runner dies or cannot reach the squall any
// more, the squall itself ends the fault. Whatever stops the method (a check, a signal, the stop lever, the stop file, the
// time), the rollback is made.
package runner
