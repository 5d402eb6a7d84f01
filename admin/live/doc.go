// Package live is what can be watched of a running squall: figures of every second, and a feed of what happens.
//
// Traffic pays for it with two atomic additions an exchange ([Series.Observe]), and with a copy of the few exchanges that are
// shown ([Sampler.Observe]). Whoever watches reads from a bounded ring, and is never waited for.
package live
