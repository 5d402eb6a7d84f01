package faults

import "time"

// Socket is done to the WebSocket that a request asks for: its 101 is held back, and, with Cut, the client gets so many
// bytes or messages of what follows that; then both connections end, the client's in that way. The executor withdraws it
// (see [Plan.WithdrawSocket]) where there is no 101.
type Socket struct {
	Delay    time.Duration
	Cut      bool
	Bytes    int64
	Messages uint64 // instead of Bytes, where not 0
	How      How
}

func (Socket) action() {}

// Beside gives what is done where two rules hit: the delays add up, and the first cut counts. s may be nil.
func (s *Socket) Beside(more Socket) *Socket {
	if s == nil {
		return &more
	}
	more.Delay += s.Delay
	if s.Cut {
		more.Cut, more.Bytes, more.Messages, more.How = true, s.Bytes, s.Messages, s.How
	}
	return &more
}

// Gauge gives what finds the place of the cut.
func (s Socket) Gauge() *Gauge { return &Gauge{bytes: s.Bytes, messages: s.Messages} }

// Gauge counts what an endpoint of a WebSocket sends (RFC 6455, 5.2), in pieces as they come. It keeps no payload.
type Gauge struct {
	bytes    int64
	messages uint64

	head    [10]byte // of the frame that is coming: all but the mask
	have    int      // of it
	payload uint64   // bytes to come of the frame's mask and payload
	inside  bool     // the head is there
}

// Cut counts a piece, and gives what of it passes; reached says that the cut is behind that.
func (g *Gauge) Cut(piece []byte) (passing []byte, reached bool) {
	n, reached := g.take(piece)
	return piece[:n], reached
}

func (g *Gauge) take(piece []byte) (n int, reached bool) {
	if g.messages == 0 {
		n = int(min(int64(len(piece)), g.bytes))
		g.bytes -= int64(n)
		return n, g.bytes == 0
	}
	for n < len(piece) {
		if !g.inside {
			g.readHead(piece[n])
			n++
		}
		if !g.inside {
			continue
		}
		step := min(uint64(len(piece)-n), g.payload)
		n += int(step)
		if g.payload -= step; g.payload > 0 {
			continue
		}
		g.inside, g.have = false, 0
		if !g.endsMessage() {
			continue
		}
		if g.messages--; g.messages == 0 {
			return n, true
		}
	}
	return n, false
}

// readHead takes one byte of a frame's head.
func (g *Gauge) readHead(b byte) {
	g.head[g.have] = b
	g.have++
	if g.have < 2 {
		return
	}
	length, extended := uint64(g.head[1]&0x7f), 0
	switch length {
	case 126:
		extended = 2
	case 127:
		extended = 8
	}
	if g.have < 2+extended {
		return
	}
	if extended > 0 {
		length = 0
		for _, digit := range g.head[2 : 2+extended] {
			length = length<<8 | uint64(digit)
		}
		length &= 1<<63 - 1 // the highest bit must be 0
	}
	if g.head[1]&0x80 != 0 {
		length += 4 // the mask
	}
	g.payload, g.inside = length, true
}

// endsMessage reports whether the frame was the last one of a message. A control frame belongs to none.
func (g *Gauge) endsMessage() bool {
	isFinal, isControl := g.head[0]&0x80 != 0, g.head[0]&0x08 != 0
	return isFinal && !isControl
}
