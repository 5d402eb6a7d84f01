package http1

import (
	"io"
	"net/http"
	"strconv"

	"github.com/squall-proxy/squall/proxy"
)

// direct is from how many bytes on a piece of a body is written as it is, and not copied behind what is written anyway.
const direct = 8 << 10

// passInterim passes an interim reply on (RFC 9110, 15.2).
func (x *exchange) passInterim() {
	x.out = append(x.out[:0], "HTTP/1.1 "...)
	x.out = strconv.AppendInt(x.out, int64(x.reply.status), 10)
	x.out = append(append(x.out, ' '), x.reply.reason...)
	x.out = append(x.out, "\r\n"...)
	x.head.lines = x.head.lines[:0]
	for _, line := range x.reply.lines {
		if !isHopByHop(line.id) && line.id != contentLength && line.id != transferEncoding {
			x.head.lines = append(x.head.lines, line)
		}
	}
	x.out = append(x.head.appendTo(x.out), "\r\n"...)
	x.flush()
}

// clientFraming is how the client will find the end of the reply's body.
func (x *exchange) clientFraming() framing {
	framed := x.reply.framing
	if framed == chunked || framed == untilEnd {
		if x.request.minor == 0 {
			return untilEnd
		}
		return chunked
	}
	if framed == sized && x.setsTrailer() {
		return chunked
	}
	return framed
}

// pass lets the upstream's reply go to the client. The last of it is not sent yet when it returns: first the upstream's
// connection is given back, so that whoever has got the reply finds it there.
func (x *exchange) pass() {
	if x.reply.status == http.StatusSwitchingProtocols {
		x.tunnel()
		return
	}
	framed := x.clientFraming()
	if framed == untilEnd {
		x.persist = false
	}
	x.composeReply(framed)
	x.startReply(x.reply.status, x.reply.reason)
	x.relay(framed)
	switch {
	case x.cut != nil && x.writeErr == nil && (x.readErr == nil || x.cut.reached):
		x.endAfterCut()
	case x.readErr != nil:
		x.breakOff(framed)
	}
}

// relay carries the body from the upstream to the client, up to its end or its cut.
func (x *exchange) relay(framed framing) {
	for {
		data, err := x.download.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			x.readErr = err
			return
		}
		if x.cut != nil {
			data = x.cut.limit(data, x.sent)
		}
		if err := x.sendPieces(framed, data); err != nil {
			x.readErr = err
			return
		}
		if x.cut != nil && x.cut.isReached(x.sent) {
			return
		}
	}
	if framed == chunked && x.cut == nil {
		x.editTrailer()
		x.out = appendLastChunk(x.out, &x.download.trailer)
	}
}

// sendBody sends a piece of the body, or puts it behind what is to be sent.
func (x *exchange) sendBody(framed framing, data []byte) {
	x.sent += int64(len(data))
	if x.marked {
		x.marks.Body(data)
	}
	if framed == chunked {
		x.sendChunks(data)
		return
	}
	if len(x.out)+len(data) > bodyBuffer {
		x.flush()
	}
	if len(data) >= direct && len(x.out) == 0 {
		x.noteFirstByte()
		if x.writeErr == nil {
			x.writeErr = x.conn.write(data)
		}
		return
	}
	x.reserve(len(data))
	x.out = append(x.out, data...)
}

// sendChunks is sendBody for a chunked body. A piece is copied behind its size: that costs less than writing twice.
func (x *exchange) sendChunks(data []byte) {
	for len(data) > 0 {
		piece := data[:min(len(data), bodyBuffer-chunkOverhead)]
		data = data[len(piece):]
		if len(x.out)+len(piece)+chunkOverhead > bodyBuffer {
			x.flush()
		}
		x.reserve(len(piece) + chunkOverhead)
		x.out = appendChunk(x.out, piece)
	}
}

// reserve makes room for more bytes in what is to be written, in a buffer from the pool.
func (x *exchange) reserve(n int) {
	if n += len(x.out); n > cap(x.out) {
		larger := append(x.server.buffers.get(n)[:0], x.out...)
		x.server.buffers.put(x.out)
		x.out = larger
	}
}

// breakOff ends the client's connection because the upstream's reply broke off: what has come of it arrives, and then the
// client sees an error. Where nothing but the end of the connection ends the body that takes a reset.
func (x *exchange) breakOff(framed framing) {
	x.flush()
	x.persist = false
	if framed == untilEnd {
		proxy.Reset(x.conn.client)
	} else {
		_ = x.conn.client.Close() // the body is short, which tells
	}
}
