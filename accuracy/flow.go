package main

import (
	"errors"
	"io"
	"time"
)

// flow is how a body came in.
type flow struct {
	bytes       int64
	first, last time.Time     // when its first and its last bytes were there
	pause       time.Duration // the longest between two pieces
	line        line          // through all pieces: what had come, over the time
}

// take reads a body to its end.
func take(body io.Reader) (flow, error) {
	var f flow
	buffer := make([]byte, 64<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			f.add(time.Now(), int64(n))
		}
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return f, err
		}
	}
}

// add notes a piece.
func (f *flow) add(now time.Time, bytes int64) {
	if f.bytes == 0 {
		f.first = now
	} else {
		f.pause = max(f.pause, now.Sub(f.last))
	}
	f.bytes, f.last = f.bytes+bytes, now
	f.line.add(now.Sub(f.first).Seconds(), float64(f.bytes))
}

// rate is in bytes per second: the slope of the straight line that lies closest to all pieces, so that neither the size
// of the first one nor where a piece was parted in reading counts.
func (f *flow) rate() float64 { return f.line.slope() }

// line is fitted to points by least squares.
type line struct{ n, x, y, xx, xy float64 } // sums

func (l *line) add(x, y float64) {
	l.n++
	l.x, l.y, l.xx, l.xy = l.x+x, l.y+y, l.xx+x*x, l.xy+x*y
}

func (l *line) slope() float64 { return (l.n*l.xy - l.x*l.y) / (l.n*l.xx - l.x*l.x) }
