package faults

import (
	"encoding/json"
	"errors"

	"github.com/squall-proxy/squall/internal/document"
)

// Body changes the whole body of the reply: it replaces it, or edits it, in one of the ways that are given; see
// [Body.Apply]. The executor withdraws it (see [Plan.Withdraw]) where there is no body, where the reply is a stream and
// Streams is not set, and where Apply says [ErrUnchanged].
type Body struct {
	Replace     []byte // the new body, when not nil
	ContentType string // of the new body; "" = as it was
	Streams     bool   // replaces streams, too

	Merge json.RawMessage // a merge patch (RFC 7396), when not nil
	Patch json.RawMessage // a JSON patch (RFC 6902), when not nil
	Lists *int            // lists are cut to so many items, when not nil
	Drop  []string        // JSON pointers to what is taken away
	Null  []string        // JSON pointers to what becomes null

	Header    []Field // set on the reply; without the content type
	Otherwise *Answer // the answer when the body cannot be changed; nil = it passes as it came
}

func (Body) action() {}

// ErrUnchanged is what [Body.Apply] says of a body that is as it should be already.
var ErrUnchanged = errors.New("the edit changes nothing")

// errNotJSON is that of a body that no edit is about.
var errNotJSON = errors.New("the body is not JSON")

// Edits reports whether the new body is made of the one that came.
func (b Body) Edits() bool { return b.Replace == nil }

// Apply edits a body that came in a content coding, and gives it back in the same: gzip, br, zstd, or "" for none. A body
// that cannot be edited is an error, upon which the executor does what b.Otherwise says, or [ErrUnchanged]. body is not
// changed.
//
// Beside body, it takes one text for an edit and up to three for a patch, each as large as the body at the most; with a
// coding that, two more, and what the coding takes for itself: for 10 MB in br 90 MB in all.
func (b Body) Apply(coding string, body []byte) ([]byte, error) {
	if !b.Edits() {
		return b.Replace, nil
	}
	plain, err := decode(coding, body)
	if err != nil {
		return nil, err
	}
	if !json.Valid(plain) {
		return nil, errNotJSON
	}
	edited, changed, err := b.edit(plain)
	switch {
	case err != nil:
		return nil, err
	case !changed:
		return nil, ErrUnchanged
	}
	encoded, err := encode(coding, edited)
	if err == nil && len(encoded) > MaxDegradeBody {
		err = errTooLong
	}
	return encoded, err
}

// edit edits a JSON text.
func (b Body) edit(text []byte) (edited []byte, changed bool, err error) {
	var e *editor
	switch {
	case b.Patch != nil:
		n, err := document.ParseJSON(b.Patch)
		if err != nil {
			return nil, false, err
		}
		patch, err := parsePatch(n)
		if err != nil {
			return nil, false, err
		}
		return applyPatch(text, patch)
	case b.Merge != nil:
		n, failed := document.ParseJSON(b.Merge)
		if failed != nil {
			return nil, false, failed
		}
		e, err = edit(text, nil, mergeOf(n))
	case b.Lists != nil:
		e, err = cutLists(text, *b.Lists)
	default:
		e, err = b.editPlaces(text)
	}
	if err != nil {
		return nil, false, err
	}
	return e.out, e.changed, nil
}

// editPlaces edits what pointers lead to.
func (b Body) editPlaces(text []byte) (*editor, error) {
	leaf, places := change{drop: true}, b.Drop
	if places == nil {
		leaf, places = change{text: []byte("null")}, b.Null
	}
	pointers := make([][]string, len(places))
	for i, place := range places {
		var err error
		if pointers[i], err = parsePointer(place); err != nil {
			return nil, err
		}
	}
	return edit(text, nil, changeAt(leaf, pointers...))
}
