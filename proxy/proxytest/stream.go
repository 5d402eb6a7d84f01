package proxytest

import (
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// What is streamed.
const (
	pieces = 5
	piece  = "data: piece\n\n"
)

// stream shows that pieces arrive as they come: every piece is sent only after the one before has arrived, so that a
// proxy that keeps one back stands still.
func (s suite) stream(t *testing.T) {
	for _, test := range []struct {
		name   string
		header http.Header
	}{
		{"Events", http.Header{"Content-Type": {"text/event-stream"}}},
		{"Chunked", http.Header{"Content-Type": {"text/plain"}}},
		{"WithALength", http.Header{"Content-Length": {strconv.Itoa(pieces * len(piece))}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			arrived := make(chan struct{})
			r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				for name, values := range test.header {
					w.Header()[name] = values
				}
				flush := http.NewResponseController(w).Flush
				_ = flush() // the head comes alone
				for range pieces {
					select {
					case <-arrived:
					case <-r.Context().Done():
						return
					}
					_, _ = io.WriteString(w, piece)
					_ = flush()
				}
			}))
			reply, err := r.client.Get(r.url)
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			buffer := make([]byte, len(piece))
			for i := range pieces {
				select {
				case arrived <- struct{}{}:
				case <-time.After(patience):
					t.Fatal("the upstream was cut off")
				}
				if _, err := io.ReadFull(reply.Body, buffer); err != nil {
					t.Fatalf("piece %d: %v", i, err)
				}
			}
			if _, err := reply.Body.Read(buffer); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			equal(t, "response bytes", r.exchange().ResponseBytes, pieces*int64(len(piece)))
		})
	}
	t.Run("Upload", s.streamUpload)
}

func (s suite) streamUpload(t *testing.T) {
	arrived := make(chan struct{})
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, len(piece))
		for range pieces {
			if _, err := io.ReadFull(r.Body, buffer); err != nil {
				return
			}
			arrived <- struct{}{}
		}
	}))
	c := r.dial()
	c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "")
	for range pieces {
		c.send(strconv.FormatInt(int64(len(piece)), 16), piece, "")
		within(t, "a piece of an upload", arrived)
	}
	c.send("0", "", "")
	reply, _ := c.reply(http.MethodPost)
	equal(t, "status", reply.StatusCode, 200)
}
