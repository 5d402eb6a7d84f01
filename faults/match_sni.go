package faults

import "strings"

// matchSNI reports whether a condition on the server name that a client asked for holds.
func (ts *tests) matchSNI(name string) bool {
	if name == "" {
		return ts.absent
	}
	return ts.match(strings.ToLower(name))
}
