package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"
)

// rateAim is how far a rate may be off.
const rateAim = 0.02

// stream is a body under a rate.
type stream struct {
	name   string
	rule   document
	rate   float64 // bytes per second that were asked for
	upload bool    // a request's body
}

// streams are the bodies to measure.
func streams() []stream {
	var all []stream
	for _, s := range []struct {
		rate string
		n    float64
	}{{"10KB", 1e4}, {"100KB", 1e5}, {"1MB", 1e6}, {"10MB", 1e7}, {"100MB", 1e8}} {
		all = append(all, stream{"throttle " + s.rate, document{"throttle": s.rate}, s.n, false})
	}
	return append(all,
		stream{"throttle 1MB, request", document{"throttle": document{"rate": "1MB", "side": "request"}}, 1e6, true},
		stream{"throttle 1MB, shared", document{"throttle": document{"rate": "1MB", "scope": "rule"}}, 1e6, false},
		stream{"drip 1KB every 10ms", document{"drip": document{"chunk": "1KB", "interval": "10ms"}}, 1e5, false},
		stream{"drip 100B every 1ms", document{"drip": document{"chunk": 100, "interval": "1ms"}}, 1e5, false},
	)
}

func rateProxies() []proxy {
	var all []proxy
	for _, s := range streams() {
		all = append(all, proxy{name: s.name, rule: s.rule})
	}
	return all
}

const rateFormat = "%-24s %12s %12s %9s %14s  %s\n"

// measureRates lets a body flow under each rate.
func measureRates(ctx context.Context, r *rig, out io.Writer, s sizes) error {
	fmt.Fprintf(out, "\nrates in KB/s: bodies of %v worth; the rate is the slope of the line through all their pieces\n", s.transfers)
	row(out, rateFormat, "fault", "asked", "measured", "error", "longest pause", "aim for the error")
	for _, stream := range streams() {
		f, err := r.transfer(ctx, stream, int64(stream.rate*s.transfers.Seconds()))
		if err != nil {
			return fmt.Errorf("%s: %w", stream.name, err)
		}
		off := f.rate()/stream.rate - 1
		row(out, rateFormat, stream.name, fmt.Sprintf("%.0f", stream.rate/1e3), fmt.Sprintf("%.1f", f.rate()/1e3),
			fmt.Sprintf("%+.2f %%", 100*off), millis(f.pause), verdict(math.Abs(off) < rateAim, "under 2 %"))
	}
	return nil
}

// transfer has so many bytes flow, and says how they came.
func (r *rig) transfer(ctx context.Context, s stream, bytes int64) (flow, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	method, query, body := http.MethodGet, fmt.Sprint(bytes), io.Reader(http.NoBody)
	if s.upload {
		method, query, body = http.MethodPost, "", strings.NewReader(strings.Repeat("x", int(bytes)))
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+r.proxies[s.name]+"/?"+query, body)
	if err != nil {
		return flow{}, err
	}
	client := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	reply, err := client.Do(request)
	if err != nil {
		return flow{}, err
	}
	f, err := take(reply.Body)
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return flow{}, err
	}
	if s.upload {
		f = <-r.uploads
	}
	if f.bytes != bytes {
		return flow{}, fmt.Errorf("%d of %d bytes came", f.bytes, bytes)
	}
	return f, nil
}
