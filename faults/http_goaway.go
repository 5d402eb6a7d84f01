package faults

// Goaway asks the client to leave its connection. In HTTP/1.1 that is Connection: close in the reply, and the connection is
// closed behind it; in HTTP/2 a GOAWAY with NO_ERROR: what is open goes on, and then the connection is closed. The upstream notices nothing. (An upgraded connection has left HTTP already, and stays.)
type Goaway struct{}

func newGoaway() Attributes { return &Goaway{} }

func (*Goaway) check(Phase) error { return nil }

func (*Goaway) decide(hit) Action { return Leave{} }
