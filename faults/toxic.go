package faults

import "time"

// Stream is a direction of a TCP connection.
type Stream string

// The directions.
const (
	Downstream Stream = "downstream" // from the upstream to the client
	Upstream   Stream = "upstream"   // from the client to the upstream
)

// What the attributes of a kind that acts on a stream can be, one or more of these. None blocks or reads a clock. What a rule
// has to remember of a link stands in a state of its own, so that changed attributes go on with it.
type (
	limiter interface {
		// limit gives how many of the next n bytes may go as one piece.
		limit(s *toxicState, n int) int
	}
	shaper interface {
		// shape says what becomes of a piece; it may move its time, never back. It is asked again when rules change.
		shape(s *toxicState, p *Piece)
	}
	counting interface {
		// sent notes that a piece has gone.
		sent(s *toxicState, p Piece, now time.Time)
	}
	ending interface {
		// deadline is how long after the rule has hit the link the connection ends; false = it does not.
		deadline() (time.Duration, LinkEnd, bool)
	}
)

// toxicState is what a toxic has to remember of one link.
type toxicState struct {
	hit      hit
	since    time.Time // when it hit the link
	bytes    int64     // that it has let go
	pieces   uint64    // as many pieces
	at       time.Time // when the piece that is asked for leaves the toxic; those behind it may hold it longer
	free     time.Time // when what it has let go is through
	bucket   *Bucket   // of all links of the rule, for those who share
	reserved time.Time // when the next piece may go, for which the bucket was asked; zero = it was not
}

// leave notes when the piece that is asked for leaves a toxic that lets pieces go one after the other.
func (s *toxicState) leave(p *Piece, at time.Time) { s.at, p.At = at, at }

// left gives when such a toxic is done with a piece that went now. Being late is made up for, up to [smoothness].
func (s *toxicState) left(p Piece, now time.Time) time.Time {
	return s.at.Add(max(now.Sub(p.At)-smoothness, 0))
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// LinkEnd says what becomes of a connection, in both directions.
type LinkEnd int

// The ends.
const (
	LinkGoesOn LinkEnd = iota
	LinkCloses         // FIN
	LinkResets         // RST
)

// never is so far away that only a change of rules can be meant.
const never = 100 * 365 * 24 * time.Hour

// Head is what waits first at a link: bytes that came with one read, or the end of the stream.
type Head struct {
	Number  uint64    // of the read, from 1
	Bytes   int       // that have not gone yet; 0 = the stream ends
	Arrived time.Time // when they were read
}

// Piece is what goes next over a link.
type Piece struct {
	Head  Head
	Bytes int       // how many of the head's
	At    time.Time // not before
	Drop  bool      // they are lost, not sent
	Then  LinkEnd   // what becomes of the connection behind them

	now time.Time // when it was asked for
}
