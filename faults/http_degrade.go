package faults

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxDegradeBody bounds the body that a fault rewrites, in bytes, before and after; a larger one passes as it came.
const MaxDegradeBody = 10_000_000

// MaxPointers bounds the places that a rule names in a body.
const MaxPointers = 1000

// Degrade makes a reply worse: it replaces or edits the body. With Body in phase before, the upstream is not called.
//
// An edit leaves the rest of the text as it stands: members keep their order and numbers their digits, only white space
// may go. Bodies in gzip, br or zstd are decoded, edited, and encoded again; other codings, and several at once, are none
// that can be edited, nor are bodies of more than 10 MB, before, after or decoded, or of more than 100 times the size when
// decoded, those that are not whole within the proxy's timeout, what is not JSON, and what a patch does not fit. Otherwise
// says what becomes of them. Where an edit changes nothing the rule has not hit.
//
// Of the head, the length is put right, and what cannot be is taken away: ETag, Accept-Ranges, and the digests. A reply to
// HEAD loses its length. What has no body (204, 205, 304), a part of one (206) and a WebSocket pass, and so do streams
// (events, NDJSON, gRPC, multipart/x-mixed-replace) unless Streams is set: the rule has not hit.
//
// With Stale the upstream is called, and the client gets the last good reply of before: its fields and its body as they were,
// with an Age. So a rule that hits always shows every reply one call late. Good is status 200, whole and up to 1 MiB with its
// header, to GET or HEAD, without Set-Cookie and not a stream; no-store counts for nothing here. The rule remembers such a
// reply of every request that it matches, also where it does not hit, or stands in for certain replies only
// (match.response). Replies are told apart by proxy, method, host, path and query, by the request's Authorization, Cookie,
// X-Api-Key, X-Auth-Token, Origin, Accept, Accept-Encoding and Accept-Language, by what the reply varies by (Vary), and by
// the rule's key: where another field tells users apart, name it there. They are in memory only, up to 64 MiB of all rules
// together, then those that were not asked for longest are forgotten; so are those of a rule that is taken away or counts
// anew. Where there is none to give, Otherwise says what becomes of the reply. Other methods pass: the rule has not hit.
type Degrade struct {
	Body    *document.Node    `json:"body,omitempty"`    // the new body: JSON, or a text
	Patch   *document.Node    `json:"patch,omitempty"`   // a JSON patch (RFC 6902) of at most 100 operations
	Merge   *document.Node    `json:"merge,omitempty"`   // a merge patch (RFC 7396)
	Lists   *int              `json:"lists,omitempty"`   // how many items are left in each list, in lists in lists, too
	Drop    []string          `json:"drop,omitempty"`    // JSON pointers (RFC 6901) to what is taken away; indexes are those before
	Null    []string          `json:"null,omitempty"`    // JSON pointers to what becomes null
	Stale   *Duration         `json:"stale,omitempty"`   // the last good reply is given again, if it is at most so old, up to 24h
	Headers map[string]string `json:"headers,omitempty"` // set on the reply

	Otherwise string `json:"otherwise,omitempty"` // a body that cannot be edited, no reply to give again: "pass" (default) or "abort" (503)
	Streams   bool   `json:"streams,omitempty"`   // beside body: streams are replaced, too
}

func newDegrade() Attributes { return &Degrade{} }

// DecodeDocument reads the attributes.
func (d *Degrade) DecodeDocument(n *document.Node) error {
	type plain Degrade
	err := document.Decode(n, (*plain)(d))
	d.Body, d.Merge, d.Patch = unplaced(d.Body), unplaced(d.Merge), unplaced(d.Patch)
	return err
}

func (d *Degrade) check(phase Phase) error {
	given := 0
	for _, way := range []bool{
		d.Body != nil, d.Patch != nil, d.Merge != nil, d.Lists != nil, d.Drop != nil, d.Null != nil, d.Stale != nil,
	} {
		if way {
			given++
		}
	}
	switch {
	case given != 1:
		return document.Errorf("", "want exactly one of body, patch, merge, lists, drop, null, stale")
	case d.Stale != nil && (*d.Stale <= 0 || *d.Stale > MaxDuration):
		return document.Errorf("stale", "must be more than 0s and at most %v, got %v", MaxDuration, *d.Stale)
	case phase == Before && d.Body == nil:
		return document.Errorf("", "in phase before there is no reply to edit: want body, or phase after")
	case d.Lists != nil && (*d.Lists < 0 || *d.Lists > MaxDegradeBody):
		return document.Errorf("lists", "must be 0 to %d, got %d", MaxDegradeBody, *d.Lists)
	case d.Otherwise != "" && d.Otherwise != "pass" && d.Otherwise != "abort":
		return document.Errorf("otherwise", "want pass or abort, got %q", clip(d.Otherwise))
	case d.Otherwise != "" && d.Body != nil:
		return document.Errorf("otherwise", "not beside body, which replaces whatever came")
	case d.Streams && (d.Body == nil || phase == Before):
		return document.Errorf("streams", "only beside body, in phase after: a stream has no whole that could be edited")
	}
	if err := d.checkPlaces(); err != nil {
		return err
	}
	return document.At(checkFields(d.Headers), "headers")
}

func (d *Degrade) checkPlaces() error {
	if d.Patch != nil {
		if _, err := parsePatch(d.Patch); err != nil {
			return document.At(err, "patch")
		}
	}
	if err := checkPointers(d.Drop); err != nil {
		return document.At(err, "drop")
	}
	if slices.Contains(d.Drop, "") {
		return document.Errorf("drop", "the whole body cannot be taken away")
	}
	return document.At(checkPointers(d.Null), "null")
}

func checkPointers(pointers []string) error {
	if pointers != nil && len(pointers) == 0 || len(pointers) > MaxPointers {
		return document.Errorf("", "want 1 to %d JSON pointers, got %d", MaxPointers, len(pointers))
	}
	for i, pointer := range pointers {
		if _, err := parsePointer(pointer); err != nil {
			return document.At(err, fmt.Sprintf("[%d]", i))
		}
	}
	return nil
}

func (d *Degrade) decide(h hit) Action {
	var body []byte
	var contentType string
	if d.Body != nil {
		body, contentType = renderBody(d.Body)
	}
	header, contentType := splitContentType(d.Headers, contentType)
	if h.phase == Before {
		return Answer{Status: http.StatusOK, Header: header, ContentType: contentType, Body: body}
	}
	if d.Stale != nil {
		return d.recall(h)
	}
	action := Body{
		Replace: body, ContentType: contentType, Header: header, Streams: d.Streams,
		Drop: slices.Clone(d.Drop), Null: slices.Clone(d.Null),
	}
	if d.Merge != nil {
		action.Merge, _ = d.Merge.MarshalJSON() // a parsed document always marshals
	}
	if d.Patch != nil {
		action.Patch, _ = d.Patch.MarshalJSON() // likewise
	}
	if d.Lists != nil {
		most := *d.Lists
		action.Lists = &most
	}
	if d.Otherwise == "abort" {
		action.Otherwise = unavailable()
	}
	return action
}

// recall gives again what was found. Where that is nothing, the rule has hit because it has an answer for that.
func (d *Degrade) recall(h hit) Action {
	if h.verdict.reply == nil {
		return Recall{Otherwise: unavailable()}
	}
	action := h.verdict.reply.recall(h.now)
	action.Set = sortedFields(d.Headers)
	return action
}

func unavailable() *Answer {
	body, contentType := statusBody(http.StatusServiceUnavailable)
	return &Answer{Status: http.StatusServiceUnavailable, Body: body, ContentType: contentType}
}
