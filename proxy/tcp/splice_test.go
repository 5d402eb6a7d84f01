package tcp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// counting is a stream of numbers, in which each byte has its place.
type counting struct{ next uint64 }

// Read gives whole numbers only.
func (c *counting) Read(p []byte) (int, error) {
	n := 0
	for ; n+8 <= len(p); n += 8 {
		binary.BigEndian.PutUint64(p[n:], c.next)
		c.next++
	}
	return n, nil
}

// check reads so many numbers.
func (c *counting) check(r io.Reader, numbers int) error {
	buffer := make([]byte, 64<<10)
	for numbers > 0 {
		part := buffer[:min(len(buffer), 8*numbers)]
		if _, err := io.ReadFull(r, part); err != nil {
			return err
		}
		for ; len(part) > 0; part = part[8:] {
			if got := binary.BigEndian.Uint64(part); got != c.next {
				return fmt.Errorf("number %d is %d", c.next, got)
			}
			c.next++
			numbers--
		}
	}
	return nil
}

// flood is a proxy before an upstream that sends numbers to who connects, for as long as that one takes them.
type flood struct {
	t        *testing.T
	executor Executor
	engine   proxy.Engine
	endpoint proxy.Endpoint
}

func startFlood(t *testing.T) *flood {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var pouring sync.WaitGroup
	pouring.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			pouring.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, &counting{})
			})
		}
	})
	f := &flood{t: t}
	f.engine.Executors = map[string]proxy.Executor{proxy.TCP: &f.executor}
	f.endpoint.Config = proxy.Defaults()
	c := &f.endpoint.Config
	c.Name, c.Protocol, c.Listen, c.Upstream = "p", proxy.TCP, "127.0.0.1:0", ln.Addr().String()
	f.rules("")
	t.Cleanup(func() {
		_ = f.engine.Shutdown(context.Background())
		_ = ln.Close()
		pouring.Wait()
		if left := f.executor.pipes.count.Load(); left != 0 {
			t.Errorf("%d pipes are left", left)
		}
	})
	return f
}

// rules puts one in force, or none, and gives the time that takes.
func (f *flood) rules(text string) time.Duration {
	f.t.Helper()
	config := faults.Config{}
	if text != "" {
		node, err := document.ParseJSON([]byte(text))
		var rule faults.Rule
		if err == nil {
			err = document.Decode(node, &rule)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		rule.Name = rule.Kind
		config.Entries = []faults.Entry{{Rule: rule, Counter: faults.NewCounter()}}
	}
	set, err := faults.Compile(config)
	if err != nil {
		f.t.Fatal(err)
	}
	f.endpoint.Faults = set
	begun := time.Now()
	change, err := f.engine.Prepare([]proxy.Endpoint{f.endpoint})
	if err != nil {
		f.t.Fatal(err)
	}
	change.Commit()
	return time.Since(begun)
}

func (f *flood) dial() net.Conn {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.engine.Addr("p").String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

func (f *flood) awaitPipes(want int32) {
	f.t.Helper()
	for end := time.Now().Add(10 * time.Second); f.executor.pipes.count.Load() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("%d pipes, want %d", f.executor.pipes.count.Load(), want)
		}
	}
}

// TestBulkUnderChangingRules: every byte comes once and in its place, whatever a change of rules interrupts.
func TestBulkUnderChangingRules(t *testing.T) {
	f := startFlood(t)
	conn := f.dial()
	var numbers counting
	spliced := 0
	for _, rule := range []string{`{"latency":"1ms"}`, `{"bandwidth":"500MB"}`, `{"slicer":20000}`, `{"noop":{}}`, `{"latency":"1ms","stream":"upstream"}`, `{"stall":{"every":"5ms","for":"2ms"}}`} {
		for range 3 {
			f.rules("")
			if err := numbers.check(conn, 512<<10); err != nil { // 4 MiB
				t.Fatalf("before %s: %v", rule, err)
			}
			spliced += int(f.executor.pipes.count.Load())
			f.rules(rule)
			if err := numbers.check(conn, 16<<10); err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
		}
	}
	if spliced == 0 {
		t.Error("nothing was spliced")
	}
}

// TestAChangeReachesBulkThatIsStuck in the pipe behind a client that does not read, and what was in there is not lost.
func TestAChangeReachesBulkThatIsStuck(t *testing.T) {
	f := startFlood(t)
	conn := f.dial()
	var numbers counting
	for f.executor.pipes.count.Load() == 0 { // until it is bulk
		if err := numbers.check(conn, 32<<10); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(300 * time.Millisecond) // until all buffers are full
	if took := f.rules(`{"latency":"1h"}`); took > time.Second {
		t.Errorf("a change took %v", took)
	}
	f.awaitPipes(0) // the link has taken the change over, although nobody reads
	f.rules("")
	if err := numbers.check(conn, 4<<20); err != nil {
		t.Error(err)
	}
	f.rules(`{"reset_peer":{}}`)
	if _, err := io.Copy(io.Discard, conn); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reset: %v", err)
	}
}

// TestPipesAreBounded, and given back.
func TestPipesAreBounded(t *testing.T) {
	var p pipes
	var all []*pipe
	for range maxPipes {
		all = append(all, p.open())
	}
	if more := p.open(); more != nil || all[maxPipes-1] == nil {
		t.Errorf("%v, one more %v", all, more)
	}
	for _, one := range all {
		p.close(one)
	}
	if one := p.open(); one == nil || p.count.Load() != 1 {
		t.Error("none is given back")
	} else {
		p.close(one)
	}
}
