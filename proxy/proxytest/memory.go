package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// memory: the limits are of what the whole test takes, with clients and upstream.
func (s suite) memory(t *testing.T) {
	const limit = 100 << 20
	t.Run("LargeReply", func(t *testing.T) {
		size := int64(256 << 20)
		if !testing.Short() && !raceEnabled {
			size = 1 << 30
		}
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
			piece := make([]byte, 1<<16)
			for range size / int64(len(piece)) {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		}))
		before := system()
		reply, err := r.client.Get(r.url)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		n, err := io.Copy(io.Discard, reply.Body)
		if err != nil || n != size {
			t.Fatalf("got %d bytes, %v", n, err)
		}
		if grown := system() - before; grown > limit {
			t.Errorf("%d MiB more than before", grown>>20)
		}
	})
	t.Run("RecordsKeepNoHead", s.recordsKeepNoHead)
	t.Run("IdleClients", func(t *testing.T) {
		const clients = 1000
		upstream, _ := counted(t)
		r := s.start(t, upstream)
		before := system()
		idle := make([]*peer, clients)
		for i := range idle {
			idle[i] = r.dial()
			idle[i].send("GET / HTTP/1.1", "Host: x", "", "")
			idle[i].reply(http.MethodGet)
		}
		if grown := system() - before; grown > limit {
			t.Errorf("%d MiB more than before", grown>>20)
		}
		for _, c := range idle { // all of them are still there
			_ = c.SetDeadline(time.Now().Add(patience))
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			c.reply(http.MethodGet)
		}
	})
}

// recordsKeepNoHead: what is kept of an exchange is not a part of its request's head, which would be kept as a whole.
func (s suite) recordsKeepNoHead(t *testing.T) {
	const calls = 300
	upstream, _ := counted(t)
	r := s.start(t, upstream)
	kept := make([]proxy.Exchange, 0, calls)
	long, c := strings.Repeat("x", 12<<10), r.dial()
	before := live()
	for i := range calls {
		c.send(fmt.Sprintf("GET /%d?%s HTTP/1.1", i, long), fmt.Sprintf("Host: h%d", i), fmt.Sprintf("X-Request-Id: %d", i), "X-Long: "+long, "", "")
		c.reply(http.MethodGet)
		kept = append(kept, r.exchange())
	}
	if grown := live() - before; grown > calls*4096 {
		t.Errorf("%d bytes of each exchange are kept", grown/calls)
	}
	runtime.KeepAlive(kept)
}

// live gives the bytes on the heap that somebody holds.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// system gives the memory that the process holds, in bytes.
func system() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
