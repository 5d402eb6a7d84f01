package tcp_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/faults"
)

// FuzzToxics carries out a script over one connection, real sockets at both ends: toxics come, go, change and change places
// under traffic in both directions. Every byte arrives once and in order; where a toxic of the script loses data or ends the
// connection, what arrives is the beginning of what was sent, without a hole. And nothing stays: no goroutine, no descriptor.
func FuzzToxics(f *testing.F) {
	for _, script := range []string{
		"\x00\x01\x03\x20\x04\x20\x01\x01\x03\x20",                         // a latency comes under traffic, and goes
		"\x03\xff\x04\xff\x00\x0a\x03\xff\x02\x00\x00\x12\x04\xff\x05\x03", // a rate, then a slicer before it
		"\x00\x3f\x03\x10\x04\x10\x05\x03\x01\x3f",                         // nothing passes for a while
		"\x03\x80\x04\x80\x07\x01\x03\x80\x05\x03\x01\x01\x04\x80",         // a timeout loses data, and goes
		"\x04\xff\x07\x02\x04\xff\x05\x02",                                 // a limit
		"\x03\x10\x07\x03\x03\x10\x05\x01",                                 // a reset
		"\x00\x04\x00\x05\x00\x06\x00\x07\x03\xff\x04\xff\x02\x01\x02\x02\x05\x02\x06\x00\x04\x10",
	} {
		f.Add([]byte(script))
	}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = upstream.Close() })
	r := start(f, upstream.Addr().String())
	f.Fuzz(func(t *testing.T, script []byte) {
		nothingStays(t)
		newFuzzer(t, *r, upstream).run(script[:min(len(script), 64)])
	})
}

// nothingStays checks, when all else of a test is over, that no goroutine and no descriptor is there that was not before.
func nothingStays(t *testing.T) {
	t.Helper()
	before, descriptors := goleak.IgnoreCurrent(), openDescriptors(t)
	t.Cleanup(func() {
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
		if after := openDescriptors(t); after > descriptors { // fewer: pipes of earlier tests, which the collector closes
			t.Errorf("%d descriptors are open, %d were", after, descriptors)
		}
	})
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// fuzzer is a connection through a proxy, and what a script has made of it.
type fuzzer struct {
	rig
	ends   [2]*fuzzedEnd // the client and the upstream
	toxics []string      // the names of those in force
	rule   map[string]string
	lossy  bool // one of them was of those that lose data
}

// fuzzedEnd writes what a script says and reads whatever comes.
type fuzzedEnd struct {
	conn  *net.TCPConn
	sizes chan int // to write
	sent  int
	got   bytes.Buffer
}

// newFuzzer opens a connection through a proxy that goes on afterwards. Its toxics count anew.
func newFuzzer(t *testing.T, r rig, upstream net.Listener) *fuzzer {
	t.Helper()
	r.t, r.counters = t, map[string]*faults.Counter{}
	f := &fuzzer{rig: r, rule: map[string]string{}}
	f.ends[0] = &fuzzedEnd{conn: f.dial(), sizes: make(chan int, 64)}
	accepted, err := upstream.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepted.Close() })
	_ = accepted.SetDeadline(time.Now().Add(patience))
	f.ends[1] = &fuzzedEnd{conn: accepted.(*net.TCPConn), sizes: make(chan int, 64)}
	return f
}

func (f *fuzzer) run(script []byte) {
	var flowing sync.WaitGroup
	for _, end := range f.ends {
		flowing.Go(end.write)
		flowing.Go(func() { _, _ = end.got.ReadFrom(end.conn) })
	}
	for ; len(script) >= 2; script = script[2:] {
		f.step(script[0]%8, script[1])
	}
	f.rules() // so that all that waits goes
	for _, end := range f.ends {
		close(end.sizes)
	}
	flowing.Wait()
	f.record() // it is over
	f.compare("upstream", f.ends[0], f.ends[1])
	f.compare("downstream", f.ends[1], f.ends[0])
}

// step carries out one operation of a script.
func (f *fuzzer) step(operation, parameter byte) {
	switch operation {
	case 0:
		f.add(lossless(parameter))
	case 1:
		f.remove(int(parameter))
	case 2:
		if len(f.toxics) > 1 { // the last one takes another place
			last, rest := f.toxics[len(f.toxics)-1], f.toxics[:len(f.toxics)-1]
			f.toxics = slices.Insert(rest, int(parameter)%len(rest), last)
		}
		f.apply()
	case 3, 4:
		f.ends[operation-3].sizes <- int(parameter) * 200
	case 5:
		time.Sleep(time.Duration(parameter%4) * time.Millisecond)
	case 6:
		f.toxics = nil
		f.apply()
	case 7:
		f.lossy = true
		f.add(lossy(parameter))
	}
}

// add puts a toxic in force, or another in place of the one of its name.
func (f *fuzzer) add(name, rule string) {
	if !slices.Contains(f.toxics, name) {
		f.toxics = append(f.toxics, name)
	}
	f.rule[name] = rule
	f.apply()
}

func (f *fuzzer) remove(i int) {
	if n := len(f.toxics); n > 0 {
		f.toxics = slices.Delete(f.toxics, i%n, i%n+1)
	}
	f.apply()
}

func (f *fuzzer) apply() {
	rules := make([]string, len(f.toxics))
	for i, name := range f.toxics {
		rules[i] = f.rule[name]
	}
	f.rules(rules...)
}

// lossless makes a toxic of a parameter that delivers everything: three bits for the kind, two for how much, and others for the
// stream and the percentage.
func lossless(parameter byte) (name, rule string) {
	much := int(parameter>>3&3) + 1
	kinds := []string{
		fmt.Sprintf(`"latency":"%dms"`, much),
		fmt.Sprintf(`"latency":{"latency":"%dms","jitter":"%dms"}`, much, much),
		fmt.Sprintf(`"bandwidth":"%dMB"`, much*much),
		fmt.Sprintf(`"slicer":{"average_size":%d,"size_variation":%d,"delay":"10us"}`, much*700, much*300),
		fmt.Sprintf(`"stall":{"every":"%dms","for":"1ms"}`, much+1),
		fmt.Sprintf(`"slow_close":"%dms"`, much),
		fmt.Sprintf(`"bandwidth":{"rate":"%dMB","scope":"proxy"}`, much),
		`"bandwidth":0`,
	}
	name = fmt.Sprint("lossless-", parameter&7)
	return name, spelt(name, kinds[parameter&7], parameter)
}

// lossy makes one that loses data, or ends the connection.
func lossy(parameter byte) (name, rule string) {
	much := int(parameter>>3&3) * 2
	kinds := []string{
		fmt.Sprintf(`"timeout":"%dms"`, much),
		`"timeout":"0s"`,
		fmt.Sprintf(`"limit_data":"%dKB"`, much*10),
		fmt.Sprintf(`"reset_peer":"%dms"`, much),
		fmt.Sprintf(`"limit_time":"%dms"`, much+1),
	}
	name = fmt.Sprint("lossy-", int(parameter&7)%len(kinds))
	return name, spelt(name, kinds[int(parameter&7)%len(kinds)], parameter)
}

func spelt(name, kind string, parameter byte) string {
	stream, percent := "downstream", 100
	if parameter&0x20 != 0 {
		stream = "upstream"
	}
	if parameter&0x40 != 0 {
		percent = 50
	}
	return fmt.Sprintf(`{"name":%q,%s,"stream":%q,"percent":%d}`, name, kind, stream, percent)
}

// write sends what it is told to, and ends the stream.
func (e *fuzzedEnd) write() {
	for size := range e.sizes {
		n, _ := e.conn.Write(pattern(e.sent, size)) // that it fails shows at the other end
		e.sent += n
	}
	_ = e.conn.CloseWrite()
}

// pattern is a piece of a stream in which bytes tell where they belong.
func pattern(from, size int) []byte {
	piece := make([]byte, size)
	for i := range piece {
		at := from + i
		piece[i] = byte(at ^ at>>7*31 ^ at>>14*17)
	}
	return piece
}

// compare holds what has come at one end against what was sent at the other.
func (f *fuzzer) compare(stream string, sender, receiver *fuzzedEnd) {
	got := receiver.got.Len()
	if !bytes.Equal(receiver.got.Bytes(), pattern(0, got)) {
		f.t.Errorf("%s: the %d bytes that have come are not the first of the %d that were sent", stream, got, sender.sent)
	}
	if got != sender.sent && !f.lossy {
		f.t.Errorf("%s: %d of %d bytes have come", stream, got, sender.sent)
	}
}
