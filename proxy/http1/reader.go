package http1

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"unsafe"
)

const (
	headBuffer = 4 << 10  // bytes to begin a head with
	bodyBuffer = 32 << 10 // bytes to copy bodies with
)

// buffers are the two sizes that most exchanges get by with. Nobody keeps one while a connection idles.
type buffers struct{ heads, bodies sync.Pool }

// get gives a buffer of at least so many bytes.
func (b *buffers) get(size int) []byte {
	switch {
	case size <= headBuffer:
		if buffer, ok := b.heads.Get().(*[headBuffer]byte); ok {
			return buffer[:]
		}
		return make([]byte, headBuffer)
	case size <= bodyBuffer:
		if buffer, ok := b.bodies.Get().(*[bodyBuffer]byte); ok {
			return buffer[:]
		}
		return make([]byte, bodyBuffer)
	}
	return make([]byte, size)
}

// put takes a buffer back; larger ones are left to the garbage collector.
func (b *buffers) put(buffer []byte) {
	switch cap(buffer) {
	case headBuffer:
		b.heads.Put((*[headBuffer]byte)(buffer[:headBuffer]))
	case bodyBuffer:
		b.bodies.Put((*[bodyBuffer]byte)(buffer[:bodyBuffer]))
	}
}

// reader buffers what comes from one side. It has a buffer only while there is something in it.
type reader struct {
	source  io.Reader
	buffers *buffers
	buf     []byte // buf[r:w] has come and is not used up
	r, w    int
}

// buffered gives what has come and is not used up.
func (rd *reader) buffered() []byte { return rd.buf[rd.r:rd.w] }

// fill waits for more bytes. It makes room by moving what is there to the front, or into a buffer of twice the size; so
// it must not be called while anybody looks at what is in the buffer.
func (rd *reader) fill(size int) error {
	switch {
	case rd.buf == nil:
		rd.buf = rd.buffers.get(size)
	case rd.r == rd.w && len(rd.buf) < size:
		rd.buffers.put(rd.buf)
		rd.buf = rd.buffers.get(size)
		rd.r, rd.w = 0, 0
	case rd.r == rd.w:
		rd.r, rd.w = 0, 0
	case rd.r > 0 && rd.w == len(rd.buf):
		rd.w = copy(rd.buf, rd.buffered())
		rd.r = 0
	}
	if rd.w == len(rd.buf) {
		rd.grow(2 * len(rd.buf))
	}
	n, err := rd.source.Read(rd.buf[rd.w:])
	rd.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// grow changes to a buffer of at least so many bytes.
func (rd *reader) grow(size int) {
	larger := rd.buffers.get(size)
	rd.w = copy(larger, rd.buffered())
	rd.r = 0
	rd.buffers.put(rd.buf)
	rd.buf = larger
}

// detach hands the buffer over to somebody who goes on looking at what was used up of it, and goes on in another. What
// comes from now on is not looked at any more after it was used up.
func (rd *reader) detach() []byte {
	old := rd.buf
	rest := rd.buffered()
	rd.buf = rd.buffers.get(max(bodyBuffer, len(rest)))
	rd.r, rd.w = 0, copy(rd.buf, rest)
	return old
}

// release gives the buffer back if there is nothing in it.
func (rd *reader) release() {
	if rd.buf != nil && rd.r == rd.w {
		rd.drop()
	}
}

// drop gives the buffer back, and what is in it is lost.
func (rd *reader) drop() {
	if rd.buf != nil {
		rd.buffers.put(rd.buf)
	}
	rd.buf, rd.r, rd.w = nil, 0, 0
}

// errHeadTooLarge ends the reading of a head.
var errHeadTooLarge = errors.New("the head is too large")

// head reads a message's head, up to and with its empty line, and uses it up. The text is a view of the buffer. A bare
// line feed is an error as soon as it is there: what follows it might be waited for in vain.
func (rd *reader) head(limit int) (string, error) {
	seen := 0
	for {
		text := rd.buffered()
		if end := bytes.Index(text[max(seen-3, 0):], []byte("\r\n\r\n")); end >= 0 {
			end += max(seen-3, 0) + 4
			if end > limit {
				return "", errHeadTooLarge
			}
			rd.r += end
			return unsafe.String(&text[0], end), nil
		}
		switch {
		case len(text) > limit:
			return "", errHeadTooLarge
		case hasBareLineFeed(text, seen):
			return "", bad("a line ends with a bare line feed")
		}
		seen = len(text)
		if err := rd.fill(headBuffer); err != nil {
			return "", err
		}
	}
}

// hasBareLineFeed looks for a line feed without a carriage return before it, from an offset on.
func hasBareLineFeed(text []byte, from int) bool {
	for {
		i := bytes.IndexByte(text[from:], '\n')
		if i < 0 {
			return false
		}
		if from += i; from == 0 || text[from-1] != '\r' {
			return true
		}
		from++
	}
}

// line reads a line of less than limit bytes and uses it up, without its CRLF. It is a view of the buffer.
func (rd *reader) line(limit int) (string, error) {
	seen := 0
	for {
		text := rd.buffered()
		if i := bytes.IndexByte(text[seen:], '\n'); i >= 0 {
			end := seen + i
			if end == 0 || text[end-1] != '\r' {
				return "", bad("a line ends with a bare line feed")
			}
			if end > limit {
				return "", bad("a line is too long")
			}
			rd.r += end + 1
			return unsafe.String(unsafe.SliceData(text), end-1), nil
		}
		if len(text) > limit {
			return "", bad("a line is too long")
		}
		seen = len(text)
		if err := rd.fill(bodyBuffer); err != nil {
			return "", noEOF(err)
		}
	}
}

// noEOF turns an end in the middle into an error.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
