package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/control"
)

const eventsPath = "/admin/events"

// maxEvent bounds an event that a Client reads, in bytes. The largest is that of many proxies' figures.
const maxEvent = 4 << 20

// ErrStreamEnded says that a stream of events has ended: its reader may ask for what follows.
var ErrStreamEnded = errors.New("the stream has ended")

// Events reads the feed from the event behind lastID on ("" = from now on), and gives each event to take, until take or the
// connection fails. It gives the ID of the last event taken. The error is [ErrStreamEnded] where the server has ended it.
func (c *Client) Events(ctx context.Context, lastID string, take func(live.Event) error) (string, error) {
	request, err := c.request(ctx, control.Request{}, http.MethodGet, eventsPath, nil)
	if err != nil {
		return lastID, fmt.Errorf("admin client: %w", err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return lastID, fmt.Errorf("admin client: %w", err)
	}
	defer func() { _ = reply.Body.Close() }() // a stream that nobody reads on
	if reply.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(reply.Body, maxBodyOfRefusal))
		return lastID, refusalIn(reply, data)
	}
	lines := bufio.NewScanner(reply.Body)
	lines.Buffer(nil, maxEvent)
	for {
		e, err := readEvent(lines)
		if err != nil {
			return lastID, fmt.Errorf("admin client: %w", err)
		}
		if e.ID != "" {
			lastID = e.ID
		}
		if err := take(e); err != nil {
			return lastID, err
		}
	}
}

// maxBodyOfRefusal bounds what is read of a refusal, in bytes.
const maxBodyOfRefusal = 64 << 10

// readEvent reads one event of those that squall writes: a line of data each.
func readEvent(lines *bufio.Scanner) (live.Event, error) {
	var e live.Event
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "":
			if e.Kind != "" {
				return e, nil
			}
		case "id":
			e.ID = value
		case "event":
			e.Kind = value
		case "data":
			e.Data = []byte(value)
		}
	}
	if err := lines.Err(); err != nil {
		return e, err
	}
	return e, ErrStreamEnded
}
