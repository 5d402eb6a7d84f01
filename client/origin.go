package client

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// HeaderSource marks every answer that is not the service's normal one: "degraded", "cached" or "canned". A Client
// removes it from what the service sends, so that it can be believed.
const HeaderSource = "X-Squall-Source"

// Origin is where an answer came from.
type Origin int

const (
	Fresh    Origin = iota // the service, now; errors that it answered with as well
	Degraded               // the service, now, and it says itself that this is its fallback mode
	Cached                 // last-good data in place of a failure; Age and Cache-Status (RFC 9211) say how old
	Canned                 // Fallback.Canned in place of a failure
)

func (o Origin) String() string {
	switch o {
	case Degraded:
		return "degraded"
	case Cached:
		return "cached"
	case Canned:
		return "canned"
	}
	return "fresh"
}

// Source tells where an answer that a Client returned came from.
func Source(resp *http.Response) Origin {
	mark := resp.Header.Get(HeaderSource)
	if mark == "" {
		return Fresh
	}
	for _, o := range []Origin{Degraded, Cached, Canned} {
		if mark == o.String() {
			return o
		}
	}
	return Fresh
}

// DegradedMarker is the usual Fallback.Degraded: the header "X-Service-Mode: fallback", or a JSON object whose
// "message" contains "degraded mode", which is all that the lab's service says.
func DegradedMarker(header http.Header, body []byte) bool {
	if strings.EqualFold(header.Get("X-Service-Mode"), "fallback") {
		return true
	}
	const phrase = "degraded mode"
	if !bytes.Contains(body, []byte(phrase)) { // spares healthy answers the decoding
		return false
	}
	var answer struct {
		Message string `json:"message"`
	}
	return json.Unmarshal(body, &answer) == nil && strings.Contains(answer.Message, phrase)
}
