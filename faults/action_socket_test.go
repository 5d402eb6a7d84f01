package faults

import (
	"bytes"
	"strings"
	"testing"
)

// frame is one of a WebSocket (RFC 6455, 5.2).
func frame(first byte, masked bool, length int) []byte {
	second, mask := byte(0), []byte(nil)
	if masked {
		second, mask = 0x80, []byte{1, 2, 3, 4}
	}
	head := []byte{first, second | byte(min(length, 127))}
	switch {
	case length > 65535:
		head = append(head, 0, 0, 0, 0, byte(length>>24), byte(length>>16), byte(length>>8), byte(length))
	case length > 125:
		head = []byte{first, second | 126, byte(length >> 8), byte(length)}
	}
	return append(append(head, mask...), bytes.Repeat([]byte{0x81}, length)...)
}

const (
	textFrame, moreFrame, lastFrame = 0x81, 0x01, 0x80
	middleFrame, pingFrame          = 0x00, 0x89
)

// cutAt gives how many bytes pass of a stream that comes in pieces of a size; -1 if the cut is not reached.
func cutAt(g *Gauge, stream []byte, size int) int {
	passed := 0
	for len(stream) > 0 {
		piece := stream[:min(size, len(stream))]
		stream = stream[len(piece):]
		passing, reached := g.Cut(piece)
		if passed += len(passing); reached {
			return passed
		}
		if len(passing) < len(piece) {
			return -2 // bytes are lost
		}
	}
	return -1
}

func TestGaugeCountsMessages(t *testing.T) {
	for name, c := range map[string]struct {
		frames [][]byte
		at     map[uint64]int // messages: how many frames pass; -1 = all
	}{
		"whole":         {[][]byte{frame(textFrame, false, 5), frame(0x82, false, 0), frame(textFrame, false, 1)}, map[uint64]int{1: 1, 2: 2, 3: 3, 4: -1}},
		"masked":        {[][]byte{frame(textFrame, true, 5), frame(textFrame, true, 0), frame(textFrame, true, 300)}, map[uint64]int{1: 1, 2: 2, 3: 3}},
		"long":          {[][]byte{frame(textFrame, false, 126), frame(textFrame, false, 65535), frame(textFrame, true, 70_000)}, map[uint64]int{1: 1, 2: 2, 3: 3}},
		"fragments":     {[][]byte{frame(moreFrame, false, 9), frame(middleFrame, false, 0), frame(lastFrame, false, 3), frame(textFrame, false, 1)}, map[uint64]int{1: 3, 2: 4}},
		"pings between": {[][]byte{frame(pingFrame, false, 4), frame(moreFrame, false, 2), frame(pingFrame, false, 0), frame(lastFrame, false, 0), frame(0x88, false, 2)}, map[uint64]int{1: 4, 2: -1}},
	} {
		stream := bytes.Join(c.frames, nil)
		for messages, frames := range c.at {
			want := -1
			if frames >= 0 {
				want = len(bytes.Join(c.frames[:frames], nil))
			}
			for _, size := range []int{1, 2, 7, 1 << 20} {
				if got := cutAt(Socket{Messages: messages}.Gauge(), stream, size); got != want {
					t.Errorf("%s: %d messages in pieces of %d: cut at %d, want %d", name, messages, size, got, want)
				}
			}
		}
	}
}

func TestGaugeCountsBytes(t *testing.T) {
	for _, size := range []int{1, 3, 100} {
		for _, c := range [][2]int{{1, 1}, {10, 10}, {11, -1}} {
			if got := cutAt(Socket{Bytes: int64(c[0])}.Gauge(), []byte(strings.Repeat("x", 10)), size); got != c[1] {
				t.Errorf("%d bytes in pieces of %d: cut at %d, want %d", c[0], size, got, c[1])
			}
		}
	}
	if passing, reached := (Socket{}).Gauge().Cut([]byte("x")); len(passing) != 0 || !reached {
		t.Errorf("0 bytes: %q pass, %t", passing, reached)
	}
}

// FuzzGauge: no bytes make counting panic, and in what pieces they come makes no difference.
func FuzzGauge(f *testing.F) {
	f.Add(bytes.Join([][]byte{frame(moreFrame, true, 3), frame(pingFrame, false, 0), frame(lastFrame, false, 200)}, nil), uint64(1), 3)
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, uint64(1), 1)
	f.Fuzz(func(t *testing.T, stream []byte, messages uint64, size int) {
		if messages == 0 || size < 1 {
			return
		}
		once := cutAt(Socket{Messages: messages}.Gauge(), stream, len(stream)+1)
		if got := cutAt(Socket{Messages: messages}.Gauge(), stream, size); got != once || got == -2 {
			t.Fatalf("%d messages of %x: cut at %d, in pieces of %d at %d", messages, stream, once, size, got)
		}
	})
}
