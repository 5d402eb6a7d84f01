package faults_test

import (
	"fmt"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// An executor reads, asks what goes when, waits, sends and tells. Here the clock is a variable.
func ExampleLink() {
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{
		{Rule: decode(`{"name":"slow","bandwidth":1000}`)},
		{Rule: decode(`{"name":"far","latency":"1s"}`)},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	begin := time.Unix(0, 0)
	link := set.Link(&faults.View{Proxy: "redis", Connection: 1, Nth: 1, Now: begin}, faults.Downstream)
	defer link.Done()
	head := faults.Head{Number: 1, Bytes: 60, Arrived: begin}
	for now := begin; head.Bytes > 0; {
		piece := link.Next(head, now)
		if piece.At.After(now) {
			now = piece.At // here it waits
			continue
		}
		fmt.Println(piece.Bytes, "bytes after", now.Sub(begin))
		link.Sent(piece, now)
		head.Bytes -= piece.Bytes
	}
	// Output:
	// 25 bytes after 1.025s
	// 25 bytes after 1.05s
	// 10 bytes after 1.06s
}

// flow prints what a rule does to three reads of 10 bytes, 20 ms apart, and to the end of the stream 20 ms later.
func flow(text string) {
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: decode(text)}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	begin := time.Unix(0, 0)
	link := set.Link(&faults.View{Proxy: "redis", Connection: 1, Nth: 1, Now: begin}, faults.Downstream)
	defer link.Done()
	if at, how, ends := link.Deadline(begin); ends {
		fmt.Printf("%s at %v\n", endings[how], at.Sub(begin))
	}
	now := begin
	for i, size := range []int{10, 10, 10, 0} {
		head := faults.Head{Number: uint64(i + 1), Bytes: size, Arrived: begin.Add(time.Duration(i) * 20 * time.Millisecond)}
		for first := true; first || head.Bytes > 0; first = false {
			piece := link.Next(head, now)
			if now = later(now, piece.At); now.Sub(begin) > time.Hour {
				fmt.Println("nothing more")
				return
			}
			fmt.Printf("%v: %s\n", now.Sub(begin), spell(piece))
			link.Sent(piece, now)
			head.Bytes -= piece.Bytes
			if piece.Then != faults.LinkGoesOn {
				return
			}
		}
	}
}

var endings = map[faults.LinkEnd]string{faults.LinkCloses: "closes", faults.LinkResets: "resets"}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func spell(p faults.Piece) string {
	text := fmt.Sprintf("%d bytes", p.Bytes)
	switch {
	case p.Head.Bytes == 0:
		text = "end"
	case p.Drop:
		text += " lost"
	}
	if p.Then != faults.LinkGoesOn {
		text += ", " + endings[p.Then]
	}
	return text
}

func ExampleLatency() {
	flow(`{"latency":"300ms"}`)
	flow(`{"name":"far","latency":{"p50":"20ms","p99":"300ms"}}`)
	// Output:
	// 300ms: 10 bytes
	// 320ms: 10 bytes
	// 340ms: 10 bytes
	// 360ms: end
	// 35.506245ms: 10 bytes
	// 56.200516ms: 10 bytes
	// 70.547522ms: 10 bytes
	// 111.007817ms: end
}

func ExampleBandwidth() {
	flow(`{"bandwidth":200}`)
	flow(`{"bandwidth":0}`)
	// Output:
	// 25ms: 5 bytes
	// 50ms: 5 bytes
	// 75ms: 5 bytes
	// 100ms: 5 bytes
	// 125ms: 5 bytes
	// 150ms: 5 bytes
	// 150ms: end
	// nothing more
}

func ExampleSlowClose() {
	flow(`{"slow_close":"1s"}`)
	// Output:
	// 0s: 10 bytes
	// 20ms: 10 bytes
	// 40ms: 10 bytes
	// 1.06s: end
}

func ExampleTimeout() {
	flow(`{"timeout":"1s"}`)
	// Output:
	// closes at 1s
	// 0s: 10 bytes lost
	// 20ms: 10 bytes lost
	// 40ms: 10 bytes lost
	// 60ms: end
}

func ExampleResetPeer() {
	flow(`{"reset_peer":"1s"}`)
	// Output:
	// resets at 1s
	// 0s: 10 bytes lost
	// 20ms: 10 bytes lost
	// 40ms: 10 bytes lost
	// nothing more
}

func ExampleSlicer() {
	flow(`{"slicer":{"average_size":4,"delay":"5ms"}}`)
	// Output:
	// 0s: 4 bytes
	// 5ms: 4 bytes
	// 10ms: 2 bytes
	// 20ms: 4 bytes
	// 25ms: 4 bytes
	// 30ms: 2 bytes
	// 40ms: 4 bytes
	// 45ms: 4 bytes
	// 50ms: 2 bytes
	// 60ms: end
}

func ExampleLimitData() {
	flow(`{"limit_data":15}`)
	// Output:
	// 0s: 10 bytes
	// 20ms: 5 bytes, closes
}

func ExampleLimitTime() {
	flow(`{"limit_time":"1m"}`)
	// Output:
	// closes at 1m0s
	// 0s: 10 bytes
	// 20ms: 10 bytes
	// 40ms: 10 bytes
	// 60ms: end
}

func ExampleStall() {
	flow(`{"stall":{"every":"20ms","for":"15ms"}}`)
	// Output:
	// 0s: 10 bytes
	// 35ms: 10 bytes
	// 55ms: 10 bytes
	// 75ms: end
}

// A Noop counts the connections that it matches, and lets them alone.
func ExampleNoop() {
	flow(`{"noop":{}}`)
	// Output:
	// 0s: 10 bytes
	// 20ms: 10 bytes
	// 40ms: 10 bytes
	// 60ms: end
}

func ExampleConnect() {
	show(`{"connect":"refuse"}`)
	show(`{"connect":{"as":"delay","latency":"2s"}}`)
	show(`{"connect":{"as":"hang","for":"1m"}}`)
	// Output:
	// end 1 raw "" body false bytes 0 fraction 0
	// faults.Wait {For:2s}
	// faults.Hold {For:1m0s}
}
