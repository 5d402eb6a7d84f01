package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// unrecorded is a squall that keeps no exchanges for verdicts, and records nothing that only they need.
const unrecorded = "squall, no verdicts"

// recordsShare is what keeping records may cost of an exchange's CPU.
const recordsShare = 1.05

// recordsField lists who shows what keeping records for verdicts costs: equal squalls, but for that.
func recordsField() []contender {
	return []contender{
		{name: unrecorded, start: startSquall(setup{unjudged: true})},
		{name: unrecorded + " A/A", start: startSquall(setup{unjudged: true}), twin: unrecorded},
		{name: "squall", start: startSquall(setup{}), against: []comparison{{unrecorded, recordsShare}}},
	}
}

// recordsTasks lists what they do: small exchanges, and the shorter of the long replies, of which the begin is hashed.
func (l *lab) recordsTasks(s sizes) []task {
	var all []task
	for _, n := range s.connections {
		all = append(all, task{"records for verdicts, small exchanges", 0, n, s.exchanges, s.passes, recordsField()})
	}
	reply := slices.Min(s.replies)
	exchanges := max(int(s.volume/reply), s.passes*bulkConnections)
	return append(all, task{"records for verdicts, replies of " + size(reply), reply, bulkConnections, exchanges, s.passes, recordsField()})
}

// measureRecords makes the tables of records.
func (l *lab) measureRecords(ctx context.Context, s sizes, out io.Writer) error {
	for _, l.procs = range s.procs {
		for _, t := range l.recordsTasks(s) {
			r, err := l.do(ctx, t, s)
			if err != nil {
				return fmt.Errorf("%s: %w", t.title(l.procs), err)
			}
			printResult(out, l.procs, r)
		}
	}
	return nil
}
