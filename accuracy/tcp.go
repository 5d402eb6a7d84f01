package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tcpLatency is what every read of a TCP stream is delayed by.
const tcpLatency = 10 * time.Millisecond

// tcpSizes are the bytes of the replies that are delayed.
var tcpSizes = []int{64, 64 << 10}

// tcpRates are bandwidths in bytes per second, and the pauses that are not to be longer; 0 = any may be.
var tcpRates = []struct {
	name  string
	rate  float64
	pause time.Duration
}{{"100KB", 1e5, 60 * time.Millisecond}, {"1MB", 1e6, 0}, {"100MB", 1e8, 0}}

const tcpLate = "tcp latency"

// tcpProxies are proxies of TCP with a toxic each.
func tcpProxies() []proxy {
	all := []proxy{{name: tcpLate, protocol: "tcp", rule: document{"latency": tcpLatency.String()}}}
	for _, r := range tcpRates {
		all = append(all, proxy{name: "tcp bandwidth " + r.name, protocol: "tcp", rule: document{"bandwidth": r.name}})
	}
	return all
}

// serveBytes answers each line, a number, with as many bytes, until the listener is closed.
func serveBytes(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go answerLines(conn)
	}
}

func answerLines(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		n, wrong := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || wrong != nil {
			return
		}
		if _, err := conn.Write(make([]byte, n)); err != nil {
			return
		}
	}
}

const tcpFormat = "%-22s %9s %7s %10s %10s %10s  %s\n"

// measureTCP holds a latency and bandwidths of TCP against what was asked for.
func measureTCP(ctx context.Context, r *rig, out io.Writer, s sizes) error {
	fmt.Fprintf(out, "\ntcp: what a client measured less the latency of %v, one reply after the other\n", tcpLatency)
	row(out, tcpFormat, "toxic", "bytes", "replies", "least", "p50", "p99", "aim for p99")
	var broken error
	for _, size := range tcpSizes {
		late, err := r.tcpLateness(ctx, size, s.waits/2)
		if err != nil {
			return err
		}
		p99 := quantile(late, 0.99)
		row(out, tcpFormat, "latency", fmt.Sprint(size), fmt.Sprint(len(late)), millis(late[0]), millis(quantile(late, 0.5)), millis(p99),
			verdict(p99 < lateAim, "under "+lateAim.String()))
		broken = join(broken, late[0] >= 0, "tcp latency, %d bytes: a reply came %v early", size, -late[0])
	}
	row(out, rateFormat, "toxic", "asked", "measured", "error", "longest pause", "aims")
	for _, b := range tcpRates {
		f, err := r.tcpFlow(ctx, "tcp bandwidth "+b.name, int64(b.rate*s.transfers.Seconds()))
		if err != nil {
			return err
		}
		off := f.rate()/b.rate - 1
		aims := verdict(math.Abs(off) < rateAim, "error under 2 %")
		if b.pause > 0 {
			aims += "; " + verdict(f.pause <= b.pause, "pauses up to "+b.pause.String())
		}
		row(out, rateFormat, "bandwidth "+b.name, fmt.Sprintf("%.0f", b.rate/1e3), fmt.Sprintf("%.1f", f.rate()/1e3),
			fmt.Sprintf("%+.2f %%", 100*off), millis(f.pause), aims)
	}
	return broken
}

// tcpLateness gives by how much longer than asked replies took, sorted.
func (r *rig) tcpLateness(ctx context.Context, size, replies int) ([]time.Duration, error) {
	conn, err := r.dialTCP(ctx, tcpLate)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var late []time.Duration
	for range replies {
		begun := time.Now()
		if _, err := fmt.Fprintln(conn, size); err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, conn, int64(size)); err != nil {
			return nil, err
		}
		late = append(late, time.Since(begun)-tcpLatency)
	}
	slices.Sort(late)
	return late, nil
}

// tcpFlow has so many bytes flow.
func (r *rig) tcpFlow(ctx context.Context, name string, bytes int64) (flow, error) {
	conn, err := r.dialTCP(ctx, name)
	if err != nil {
		return flow{}, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, bytes); err != nil {
		return flow{}, err
	}
	f, err := take(io.LimitReader(conn, bytes))
	if err == nil && f.bytes != bytes {
		err = fmt.Errorf("%s: %d of %d bytes came", name, f.bytes, bytes)
	}
	return f, err
}

// dialTCP connects to a proxy, for a minute at most.
func (r *rig) dialTCP(ctx context.Context, name string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", r.proxies[name])
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(time.Minute))
	}
	return conn, err
}
