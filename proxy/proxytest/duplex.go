package proxytest

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// duplex: request and reply flow at the same time. Every piece is sent only after the echo of the one before has arrived,
// so a proxy that waits for the end of either stands still.
func (s suite) duplex(t *testing.T) {
	r := s.start(t, scripted(t, echoChunks))
	for range 2 {
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "")
		var body *bufio.Reader
		for i := range 20 {
			text := strings.Repeat(strconv.Itoa(i), 1+i*500)
			c.send(strconv.FormatInt(int64(len(text)), 16), text, "")
			if body == nil {
				reply, err := http.ReadResponse(c.reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer reply.Body.Close()
				body = bufio.NewReader(reply.Body)
			}
			got := make([]byte, len(text))
			if _, err := io.ReadFull(body, got); err != nil || string(got) != text {
				t.Fatalf("piece %d: got %q, %v, want %q", i, got, err, text)
			}
		}
		c.send("0", "", "")
		if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
			t.Fatalf("at the end: %q, %v", rest, err)
		}
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.OK)
		equal(t, "as much back as there", x.RequestBytes, x.ResponseBytes)
	}
}

// echoChunks is an upstream that sends every chunk back as it comes.
func echoChunks(p *peer) {
	for {
		if _, _, err := p.head(); err != nil {
			return
		}
		p.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "")
		for size := int64(-1); size != 0; {
			line, err := p.reader.ReadString('\n')
			if err != nil {
				return
			}
			if size, err = strconv.ParseInt(strings.TrimSpace(line), 16, 32); err != nil {
				return
			}
			chunk := make([]byte, size+2)
			if _, err := io.ReadFull(p.reader, chunk); err != nil {
				return
			}
			p.send(line + string(chunk))
		}
	}
}
