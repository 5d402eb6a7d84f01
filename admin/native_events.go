package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy"
)

// Bounds of a stream of events.
const (
	stallTimeout     = 10 * time.Second       // for what is written to be taken
	gatherTime       = 100 * time.Millisecond // between two writes: what happens meanwhile goes out at once
	reconnectAfter   = time.Second            // what readers are told
	maxShownTexts    = 256                    // bytes of each text of an exchange in the feed
	maxShownRules    = 50                     // decisions of an exchange in the feed
	maxChangeInEvent = 64 << 10               // bytes of what a change changed
)

// helloEvent is the first of every stream.
type helloEvent struct {
	Version
	Revision uint64 `json:"revision"`
}

// endEvent is the last one, where squall ends the stream.
type endEvent struct {
	Reason string `json:"reason"`
}

// getEvents answers GET /admin/events, a stream of server-sent events (HTML Living Standard, 9.2) that ends when the reader
// leaves, after ?for=, or when squall does.
func (d *desk) getEvents(r *http.Request) (answer, error) {
	p, err := readParams(r, "for")
	if err != nil {
		return answer{}, err
	}
	most := time.Duration(0)
	if text, given := p["for"]; given {
		if most, err = time.ParseDuration(text); err != nil || most <= 0 || most > time.Duration(faults.MaxDuration) {
			return answer{}, refusef(http.StatusBadRequest, "for", `want a duration of up to %v, such as "10s", got %q`, faults.MaxDuration, shorten(text, maxLogged))
		}
	}
	if d.Live == nil {
		return answer{}, refusef(http.StatusNotFound, "", "there is no feed")
	}
	if r.Method == http.MethodHead {
		return answer{stream: func(http.ResponseWriter, *http.Request) {}, kind: eventStream}, nil
	}
	reader, err := d.Live.Feed.Read(r.Header.Get("Last-Event-ID"))
	if err != nil {
		return answer{}, refusef(http.StatusServiceUnavailable, "", "%v: close a dashboard", err)
	}
	return answer{kind: eventStream, stream: func(w http.ResponseWriter, r *http.Request) {
		defer reader.Close()
		d.streamEvents(w, r, reader, most)
	}}, nil
}

const eventStream = "text/event-stream"

// streamEvents writes what a reader reads until one of both has enough.
func (d *desk) streamEvents(w http.ResponseWriter, r *http.Request, reader *live.Reader, most time.Duration) {
	ctx := r.Context()
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, most, errStreamOver)
		defer cancel()
	}
	out := eventWriter{w, http.NewResponseController(w)}
	hello, _ := json.Marshal(helloEvent{d.Version, d.Controller.State().Revision})
	err := out.write(fmt.Sprintf("retry: %d\n", reconnectAfter.Milliseconds()) + eventText(reader.Position(), "hello", hello))
	for err == nil {
		var b live.Batch
		if b, err = reader.Next(ctx); err == nil {
			err = out.batch(b)
		}
		if err == nil {
			err = wait.For(ctx, gatherTime)
		}
	}
	switch {
	case errors.Is(err, errStreamOver), errors.Is(err, errShuttingDown):
		last, _ := json.Marshal(endEvent{err.Error()})
		_ = out.write(eventText("", "end", last)) // fails only when the client has left
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.log.stalled(r)
	}
}

// errStreamOver is the cause with which a stream ends that was asked for a time.
var errStreamOver = errors.New("the time that was asked for is over")

// eventWriter writes events to a client.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// batch writes what a reader was given.
func (o eventWriter) batch(b live.Batch) error {
	var text strings.Builder
	if b.Gap != nil {
		gap, _ := json.Marshal(b.Gap)
		text.WriteString(eventText(b.Last, "gap", gap))
	}
	for _, e := range b.Events {
		text.WriteString(eventText(e.ID, e.Kind, e.Data))
	}
	return o.write(text.String())
}

// write sends a text, within stallTimeout. Not every ResponseWriter has a deadline, or can flush: a test's has none.
func (o eventWriter) write(text string) error {
	_ = o.control.SetWriteDeadline(time.Now().Add(stallTimeout))
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := o.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// eventText is an event on the wire. JSON has no line breaks.
func eventText(id, kind string, data []byte) string {
	text := "event: " + kind + "\ndata: " + string(data) + "\n\n"
	if id != "" {
		text = "id: " + id + "\n" + text
	}
	return text
}

// ShownExchange is what the feed shows of an exchange: as [Exchange], with texts and decisions cut short.
type ShownExchange struct {
	Exchange
	MoreFaults int `json:"more_faults,omitempty"` // decisions that are left out
}

// ShowExchange makes of an exchange what the feed shows of it. It is what [live.Watch] asks for as View.
func ShowExchange(e proxy.Exchange) any {
	for _, text := range []*string{&e.Client, &e.Method, &e.Host, &e.Path, &e.RequestID, &e.Error} {
		*text = clip(*text, maxShownTexts)
	}
	decisions, more := e.Faults.Decisions(), 0
	if len(decisions) > maxShownRules {
		slices.SortStableFunc(decisions, func(a, b faults.Decision) int { return weight(a) - weight(b) })
		decisions, more = decisions[:maxShownRules], len(decisions)-maxShownRules
	}
	return ShownExchange{exchangeView(e, decisions), more}
}

// weight puts the decisions first that say most.
func weight(d faults.Decision) int {
	switch {
	case d.Outcome != faults.Skip:
		return 0
	case d.Why != faults.WhyMatch && d.Why != faults.WhyDisabled:
		return 1
	}
	return 2
}

// tell feeds a change. What it changed is left out where that is much.
func tell(feed *live.Feed, c Change) {
	kind := live.KindChange
	if c.Ended != nil || c.Error != "" {
		kind = live.KindExpiry
	}
	if c.size() > maxChangeInEvent {
		c.Before, c.After = nil, nil
	}
	if data, err := json.Marshal(c); err == nil { // always: its parts are JSON
		feed.Add(kind, data)
	}
}
