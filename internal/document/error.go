package document

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is a refusal that names the place. Its JSON is what the admin API answers, beside the status.
type Error struct {
	Field      string `json:"field"`                  // path from the document's root, "" = the document itself
	Reason     string `json:"reason"`                 // what is wrong with it
	DidYouMean string `json:"did_you_mean,omitempty"` // the known name that comes nearest
	Line       int    `json:"line,omitempty"`         // 1-based, 0 = unknown
	Column     int    `json:"column,omitempty"`       // 1-based, in characters, 0 = unknown

	Next *Error `json:"-"` // what else is wrong with the document; nil = nothing more was found
}

// maxErrors bounds how many mistakes of a document are told at once.
const maxErrors = 100

// Join makes one error of all that are not nil: the first, with the others behind it. One that is no [*Error] becomes the reason of
// one.
func Join(errs ...error) error {
	var all []*Error
	for _, err := range errs {
		all = append(all, All(err)...)
	}
	if len(all) == 0 {
		return nil
	}
	all = all[:min(len(all), maxErrors)]
	for i, e := range all[1:] {
		all[i].Next = e
	}
	return all[0]
}

// All lists an error and those behind it, each by itself; none of nil.
func All(err error) []*Error {
	if err == nil {
		return nil
	}
	var all []*Error
	for e := asError(err); e != nil; e = e.Next {
		alone := *e
		alone.Next = nil
		all = append(all, &alone)
	}
	return all
}

// Each gives what change makes of an error and of each behind it; nil stays nil. change gets a copy.
func Each(err error, change func(e *Error)) error {
	var changed []error
	for _, e := range All(err) {
		change(e)
		changed = append(changed, e)
	}
	return Join(changed...)
}

// Error gives field, reason and suggestion, without the place: who knows the file's name puts name, line and column before it.
func (e *Error) Error() string {
	text := e.Reason
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.DidYouMean != "" {
		text += ", did you mean " + e.DidYouMean + "?"
	}
	return text
}

// Errorf refuses the value at field, a path relative to the value that is being read ("" = that value itself). Whoever
// hands the error on puts the path before it with [At].
func Errorf(field, format string, args ...any) *Error {
	return &Error{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// At returns err with one path element put before its field: a member's name, or an index such as "[3]". A name that could
// be misread in a path is quoted: a["x.y"]. An err that is not itself an [*Error] becomes the reason of one; nil stays nil.
func At(err error, field string) error {
	if isIndex(field) {
		return prefix(err, field)
	}
	return prefix(err, key(field))
}

// Unknown refuses a member by its name, at the name's place, with the nearest of the known names as a suggestion; where none is
// near, with all of them if they are few.
func Unknown(m Member, known []string) *Error {
	e := &Error{
		Field: key(m.Name), Reason: "unknown field", DidYouMean: Nearest(m.Name, known), Line: m.Line, Column: m.Column,
	}
	if e.DidYouMean == "" && 0 < len(known) && len(known) <= maxListed {
		e.Reason += ": want one of " + strings.Join(known, ", ")
	}
	return e
}

// maxListed is how many known names a refusal lists.
const maxListed = 16

// Locate gives err the line and column of the value in n that its field names, if it has none yet; of the innermost
// enclosing value where n does not have that field. It is for errors that come up after decoding, when only the path is
// known. An err that is not itself an [*Error] becomes the reason of one; nil stays nil.
func Locate(n *Node, err error) error {
	return Each(err, func(e *Error) {
		if e.Line == 0 {
			place := walk(n, e.Field)
			e.Line, e.Column = place.Line, place.Column
		}
	})
}

// InFile puts the file's name, line and column before an error, as compilers do, and before each behind it: they stand in the order
// of their places.
func InFile(name string, err error) error {
	var refusal *Error
	switch {
	case !errors.As(err, &refusal), refusal.Next == nil && refusal.Line == 0:
		return fmt.Errorf("%s: %w", name, err)
	case refusal.Next == nil:
		return fmt.Errorf("%s:%d:%d: %w", name, refusal.Line, refusal.Column, err)
	}
	all := All(refusal)
	slices.SortStableFunc(all, func(a, b *Error) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	placed := make([]error, len(all))
	for i, e := range all {
		placed[i] = InFile(name, e)
	}
	return errors.Join(placed...)
}

// refuse refuses the value n itself, at its place.
func refuse(n *Node, format string, args ...any) *Error {
	return &Error{Reason: fmt.Sprintf(format, args...), Line: n.Line, Column: n.Column}
}

// prefix returns err with a finished path element put before its field.
func prefix(err error, element string) error {
	return Each(err, func(e *Error) { e.Field = join(element, e.Field) })
}

// asError looks at err alone, not at what it wraps: the text of the wrapping is part of the reason.
func asError(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Reason: err.Error()}
}
