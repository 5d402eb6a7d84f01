package faults

// Noop lets everything pass. It is there for Toxiproxy's clients, and to count connections.
type Noop struct{}

func newNoop() Attributes { return &Noop{} }

func (*Noop) check(Phase) error { return nil }
