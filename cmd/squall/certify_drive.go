package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/certify"
)

// driving says how the client is had, and made to call.
type driving struct {
	command string  // the client; "" = it runs already
	url     string  // calls it; "" = nobody does
	rate    float64 // calls a second, of the URL or else of the command; 0 = it calls by itself
}

// How many calls may be under way at once: each of the client's URL is a goroutine, each of a command some processes.
const (
	maxActiveCalls    = 2000
	maxActiveCommands = 50
)

// driven is a client that is being driven.
type driven struct {
	rate         float64 // of the calls; 0 = nobody knows
	made, missed int
	failed       failures      // of the commands that are one call
	load, client chan struct{} // closed when it has ended; nil = there is none
}

// start starts and drives the client until ctx is done. A client that ends before is a reason to stop.
func (d *driving) start(ctx context.Context, stop context.CancelCauseFunc, sys system, variable string) *driven {
	running := &driven{rate: d.rate}
	if d.command != "" && (d.url != "" || d.rate == 0) {
		running.client = make(chan struct{})
		go d.runClient(ctx, stop, sys, variable, running.client)
	}
	if d.rate > 0 {
		running.load = make(chan struct{})
		go d.runLoad(ctx, variable, running)
	}
	return running
}

// wait waits until all has ended, and tells how many calls were made, and how many were not though they were due.
func (d *driven) wait() (made, missed int) {
	for _, ended := range []chan struct{}{d.load, d.client} {
		if ended != nil {
			<-ended
		}
	}
	return d.made, d.missed
}

// runClient runs the command as a client that goes on for the whole course.
func (d *driving) runClient(ctx context.Context, stop context.CancelCauseFunc, sys system, variable string, ended chan<- struct{}) {
	defer close(ended)
	var end tail
	cmd := d.shell(ctx, io.MultiWriter(sys.err, &end), variable)
	cmd.Stdout = cmd.Stderr // the same writer, which so has one user
	err := cmd.Run()
	if ctx.Err() != nil {
		return
	}
	how := "exit status 0"
	if err != nil {
		how = commandFailure(err, &end).Error()
	}
	stop(fmt.Errorf("the client has ended before the course did (%s); for a command that is one call give --rate", how))
}

// runLoad makes the calls.
func (d *driving) runLoad(ctx context.Context, variable string, running *driven) {
	defer close(running.load)
	load := certify.Load{Rate: d.rate, MaxActive: maxActiveCommands, Call: func(ctx context.Context, n int) {
		var end tail
		// What it makes of a fault is its own; that it cannot be run at all is not.
		if err := d.shell(ctx, &end, variable, "SQUALL_CALL="+strconv.Itoa(n)).Run(); failedByItself(ctx, err) {
			running.failed.add(commandFailure(err, &end))
		}
	}}
	if d.url != "" {
		transport := &http.Transport{MaxIdleConnsPerHost: maxActiveCalls}
		defer transport.CloseIdleConnections()
		load.MaxActive, load.Call = maxActiveCalls, func(ctx context.Context, n int) { d.get(ctx, transport, n) }
	}
	running.made, running.missed = load.Run(ctx)
}

// get calls the client once.
func (d *driving) get(ctx context.Context, transport http.RoundTripper, n int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.ReplaceAll(d.url, "{n}", strconv.Itoa(n)), nil)
	if err != nil {
		return
	}
	reply, err := transport.RoundTrip(request)
	if err != nil {
		return // the client's answer is for its callers to judge
	}
	_, _ = io.Copy(io.Discard, reply.Body) // likewise
	_ = reply.Body.Close()
}
