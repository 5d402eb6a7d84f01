package faults

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// WebSocket breaks WebSockets: it refuses the upgrade, holds its 101 back, or ends an open one. No other request matches, nor
// does a WebSocket over HTTP/2 (RFC 8441), which squall does not carry. Where the upstream does not upgrade, what was to be
// done to the WebSocket has not hit.
//
// CutAfter counts what the upstream sends behind its 101: bytes, frames' heads included, or whole messages. A message may
// come in several frames, and control frames (ping, pong, close) are none. The connection ends right behind the last byte
// that is let through, without a Close frame: to the client that is 1006, an abnormal closure.
type WebSocket struct {
	Refuse   int      `json:"refuse,omitempty"`    // answers with this status, 200 to 599; the upstream is never contacted
	Delay    Duration `json:"delay,omitempty"`     // holds the 101 for so long
	CutAfter *Traffic `json:"cut_after,omitempty"` // bytes, a size such as "10KB", or {"messages": 3}
	How      string   `json:"how,omitempty"`       // of cut_after: "close" (default), "reset", "hang"
}

// Traffic is how much of a WebSocket passes.
type Traffic struct {
	Bytes    Size
	Messages uint64 // instead of Bytes, where not 0
}

// DecodeDocument reads a [Size], or a number of messages.
func (a *Traffic) DecodeDocument(n *document.Node) error {
	*a = Traffic{}
	if n.Kind != document.Object {
		return a.Bytes.DecodeDocument(n)
	}
	var given struct {
		Messages uint64 `json:"messages"`
	}
	if err := document.Decode(n, &given); err != nil {
		return err
	}
	if given.Messages == 0 {
		return document.Errorf("messages", "must be 1 to %d", uint64(MaxCount))
	}
	a.Messages = given.Messages
	return nil
}

// MarshalJSON writes the bytes, or the number of messages.
func (a Traffic) MarshalJSON() ([]byte, error) {
	if a.Messages > 0 {
		return json.Marshal(map[string]uint64{"messages": a.Messages})
	}
	return json.Marshal(a.Bytes)
}

func newWebSocket() Attributes { return &WebSocket{} }

func (w *WebSocket) check(Phase) error {
	_, known := ways[w.How]
	switch {
	case w.Refuse == 0 && w.Delay == 0 && w.CutAfter == nil:
		return document.Errorf("", "want refuse, or delay and cut_after, or one of them")
	case w.Refuse != 0 && (w.Refuse < 200 || w.Refuse > 599):
		return document.Errorf("refuse", "must be a status from 200 to 599, got %d", w.Refuse)
	case w.Refuse != 0 && (w.Delay != 0 || w.CutAfter != nil):
		return document.Errorf("refuse", "not beside delay or cut_after: there is no WebSocket then")
	case w.Delay < 0 || w.Delay > MaxDuration:
		return document.Errorf("delay", "must be 0s to %v, got %v", MaxDuration, w.Delay)
	case !known:
		return document.Errorf("how", "want close, reset or hang, got %q", clip(w.How))
	case w.How != "" && w.CutAfter == nil:
		return document.Errorf("how", "only beside cut_after")
	case w.CutAfter == nil:
		return nil
	case w.CutAfter.Messages > MaxCount || w.CutAfter.Messages > 0 && w.CutAfter.Bytes != 0:
		return document.Errorf("cut_after", "want bytes, or 1 to %d messages", uint64(MaxCount))
	}
	return document.At(w.CutAfter.Bytes.check(), "cut_after")
}

func (w *WebSocket) decide(hit) Action {
	if w.Refuse != 0 {
		body, contentType := statusBody(w.Refuse)
		return Answer{Status: w.Refuse, Body: body, ContentType: contentType}
	}
	action := Socket{Delay: time.Duration(w.Delay)}
	if w.CutAfter != nil {
		action.Cut, action.How = true, ways[w.How]
		action.Bytes, action.Messages = int64(w.CutAfter.Bytes), w.CutAfter.Messages
	}
	return action
}

// concerns leaves all requests alone that do not ask for a WebSocket (RFC 6455, 4.1).
func (w *WebSocket) concerns(method string, header Fields) bool {
	if method != http.MethodGet {
		return false
	}
	upgrades := fieldLines(header, "Upgrade")
	if len(upgrades) != 1 || !strings.EqualFold(upgrades[0], "websocket") {
		return false
	}
	for _, line := range fieldLines(header, "Connection") {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return true
			}
		}
	}
	return false
}
