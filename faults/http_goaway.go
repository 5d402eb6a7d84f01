package faults

// Goaway asks the client to leave its connection: HTTP/1.1's Connection: close stands in the reply, and the connection is
// closed behind it. The upstream notices nothing. (An upgraded connection has left HTTP already, and stays.)
type Goaway struct{}

func newGoaway() Attributes { return &Goaway{} }

func (*Goaway) check(Phase) error { return nil }

func (*Goaway) decide(hit) Action { return Leave{} }
