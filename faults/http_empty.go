package faults

// Empty closes the connection without a byte of answer: in phase before the upstream does not see the request, in phase
// after its reply is lost.
type Empty struct{}

func newEmpty() Attributes { return &Empty{} }

func (*Empty) check(Phase) error { return nil }

func (*Empty) decide(hit) Action { return End{How: EndClose} }
