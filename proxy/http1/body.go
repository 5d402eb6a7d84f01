package http1

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

const (
	maxChunkLine = 4 << 10  // bytes of a chunk's size and extensions
	maxTrailers  = 16 << 10 // bytes of a trailer section
	maxPadding   = 16 << 10 // bytes that a chunked body may take beside its data, above two per byte of data and 16 per chunk
)

// body reads the body of a message, of which the head was read before, as it comes.
type body struct {
	from    *reader
	framing framing
	left    int64 // bytes to come, of the body or of the chunk
	between bool  // a chunk was read; its CRLF was not
	padding int64 // bytes of chunk lines beyond what maxPadding allows for
	over    bool
	trailer fields // of a chunked body, once it is over; the texts are its own

	replayed []byte // read already, or put in the body's place; it comes first
	replaced bool   // and nothing after it
	broken   error  // how reading has ended, if not well

	flippers []*faults.Flipper   // of what was not read yet
	keeper   *faults.Keeper      // remembers what is read, as it came; nil = nothing does
	hash     *semantics.BodyHash // likewise; nil = nothing is hashed
}

func (b *body) begin(from *reader, framing framing, length int64) {
	*b = body{from: from, framing: framing, left: length, trailer: b.trailer.emptied()}
	b.over = framing == noBody || framing == forbidden || framing == sized && length == 0
}

// next gives the next bytes of the body, as many as are there, and at least one. They are a view of the reader's buffer,
// until the next call. io.EOF says that the body is over, any other error that it broke off: io.ErrUnexpectedEOF where
// the connection ended, a *refusal where it is not HTTP.
func (b *body) next() ([]byte, error) {
	if len(b.replayed) > 0 {
		data := b.replayed
		b.replayed = nil
		return data, nil
	}
	if b.replaced {
		return nil, io.EOF
	}
	return b.read()
}

// read is next without what is replayed.
func (b *body) read() ([]byte, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	if b.over {
		return nil, io.EOF
	}
	if b.framing == chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil {
			if err != io.EOF {
				b.broken = err
			}
			return nil, err
		}
	}
	if len(b.from.buffered()) == 0 {
		if err := b.from.fill(bodyBuffer); err != nil {
			if err == io.EOF && b.framing == untilEnd {
				b.over = true
				return nil, io.EOF
			}
			b.broken = noEOF(err)
			return nil, b.broken
		}
	}
	data := b.from.buffered()
	if b.framing != untilEnd {
		data = data[:min(int64(len(data)), b.left)]
		b.left -= int64(len(data))
		b.over = b.framing == sized && b.left == 0
	}
	b.from.r += len(data)
	b.keeper.Add(data)
	b.hash.Add(data)
	for _, f := range b.flippers {
		f.Flip(data)
	}
	return data, nil
}

// skip reads the rest of the body if all of it has come already.
func (b *body) skip() {
	for b.framing == sized && !b.over && int64(len(b.from.buffered())) >= b.left {
		if _, err := b.read(); err != nil {
			return
		}
	}
}

// nextChunk reads up to the data of the next chunk (RFC 9112, 7.1). io.EOF says that there is none.
func (b *body) nextChunk() error {
	if b.between {
		line, err := b.from.line(2)
		if err != nil {
			return err
		}
		if line != "" {
			return bad("a chunk is longer than its size")
		}
		b.between = false
	}
	line, err := b.from.line(maxChunkLine)
	if err != nil {
		return err
	}
	if b.left, err = parseChunkSize(line); err != nil {
		return err
	}
	b.padding = max(b.padding+int64(len(line))+2-16-2*b.left, 0)
	if b.padding > maxPadding {
		return bad("the chunks are mostly extensions")
	}
	if b.left > 0 {
		b.between = true
		return nil
	}
	if err := b.readTrailer(); err != nil {
		return err
	}
	b.over = true
	return io.EOF
}

// parseChunkSize reads a chunk's first line: hexadecimal digits, and extensions, which have no meaning here. White space
// is allowed only behind the semicolon: readers differ on what it means before.
func parseChunkSize(line string) (int64, error) {
	digits, extensions, _ := strings.Cut(line, ";")
	if digits == "" || len(digits) > 15 || !isValue(extensions) {
		return 0, bad("a chunk's size is none")
	}
	var size int64
	for i := range len(digits) {
		digit, valid := hexDigit(digits[i])
		if !valid {
			return 0, bad("a chunk's size is none")
		}
		size = size<<4 | int64(digit)
	}
	return size, nil
}

func hexDigit(c byte) (value byte, valid bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// readTrailer reads the fields behind the last chunk. Those that must not be there (RFC 9110, 6.5.1) are dropped: a
// reader that takes them over into the head would read another message.
func (b *body) readTrailer() error {
	var section []byte
	for {
		line, err := b.from.line(maxTrailers)
		if err != nil {
			return err
		}
		if line == "" && section == nil {
			return nil
		}
		section = append(append(section, line...), "\r\n"...)
		if line == "" {
			break
		}
		if len(section) > maxTrailers {
			return bad("the trailers are larger than 16 KiB")
		}
	}
	if err := b.trailer.parse(string(section), maxFields); err != nil {
		return err
	}
	b.trailer.lines = slices.DeleteFunc(b.trailer.lines, func(f field) bool {
		return isHopByHop(f.id) || slices.Contains([]fieldID{contentLength, host, trailer, transferEncoding, upgrade}, f.id)
	})
	return nil
}

// chunkOverhead is how many bytes a chunk takes beside its data, at most.
const chunkOverhead = 16 + 2 + 2

// appendChunk writes data as one chunk.
func appendChunk(out, data []byte) []byte {
	out = strconv.AppendUint(out, uint64(len(data)), 16)
	out = append(out, "\r\n"...)
	out = append(out, data...)
	return append(out, "\r\n"...)
}

// appendLastChunk ends a chunked body.
func appendLastChunk(out []byte, trailer *fields) []byte {
	out = append(out, "0\r\n"...)
	out = trailer.appendTo(out)
	return append(out, "\r\n"...)
}
