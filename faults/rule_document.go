package faults

import (
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// readOnly names what answers add to a rule, so that a rule that was read can be sent back.
var readOnly = []string{"status"}

// DecodeDocument reads a rule in its long or its short form, fills in the defaults and checks it whole.
func (r *Rule) DecodeDocument(n *document.Node) error {
	if n.Kind != document.Object {
		return document.Errorf("", "want an object, got %s", n.Kind)
	}
	f, err := splitRule(n)
	if err != nil {
		return err
	}
	type plain Rule
	*r = Rule{Percent: 100, Enabled: true}
	wrong := suggestKind(document.Decode(f.rest, (*plain)(r)))
	if wrong == nil {
		wrong = r.refuseZeros(f.rest)
	}
	if f.short != "" {
		r.Kind = f.short
	}
	k, err := lookup(r.Kind)
	switch {
	case err != nil && wrong != nil:
		return wrong // which may be why
	case err != nil:
		return f.asWritten(err)
	}
	f.wrap(k)
	r.Attributes = k.construct()
	wrong = document.Join(wrong, f.asWritten(document.At(document.Decode(f.attributes, r.Attributes), "attributes")))
	if wrong != nil {
		return wrong
	}
	if r.Phase == "" {
		r.Phase = k.defaultPhase(r.Attributes)
	}
	if r.Stream == "" && k.shapes() {
		r.Stream = Downstream
	}
	return f.asWritten(r.Validate())
}

// refuseZeros refuses limits of 0 that a document spells out: a time to live that was computed to be 0 would hold for
// ever.
func (r *Rule) refuseZeros(n *document.Node) error {
	for _, limit := range []struct {
		name string
		zero bool
	}{
		{"ttl", r.TTL == 0},
		{"first", r.First == 0},
		{"every", r.Every == 0},
		{"max_consecutive", r.MaxConsecutive == 0},
		{"max_total", r.MaxTotal == 0},
		{"max_active", r.MaxActive == 0},
	} {
		if limit.zero && n.Get(limit.name) != nil {
			return document.Errorf(limit.name, "must be more than 0: leave it out for no limit")
		}
	}
	return nil
}

// form is a rule's document taken apart.
type form struct {
	rest       *document.Node // the members that decode by themselves
	attributes *document.Node // nil = absent
	short      string         // of a short form: the kind, under whose name the attributes stand
	main       string         // of a short form that gives the main attribute alone: its name
}

func splitRule(n *document.Node) (*form, error) {
	f := &form{rest: &document.Node{Kind: document.Object, Line: n.Line, Column: n.Column}, attributes: n.Get("attributes")}
	for _, m := range n.Members {
		switch {
		case isKind(m.Name) && f.short != "":
			return nil, document.Errorf(m.Name, "a rule has one kind, and %s is given already", f.short)
		case isKind(m.Name):
			f.short, f.attributes = m.Name, m.Value
		case m.Name == "attributes", slices.Contains(readOnly, m.Name):
		default:
			f.rest.Members = append(f.rest.Members, m)
		}
	}
	for _, name := range []string{"kind", "attributes"} {
		if f.short != "" && n.Get(name) != nil {
			return nil, document.Errorf(name, "not beside the short form %q", f.short)
		}
	}
	return f, nil
}

// wrap makes attributes of the value of a short form: anything but an object stands for the main one.
func (f *form) wrap(k Kind) {
	n := f.attributes
	if f.short == "" || k.Main == "" || n.Kind == document.Object {
		return
	}
	f.main = k.Main
	f.attributes = &document.Node{
		Kind: document.Object, Line: n.Line, Column: n.Column,
		Members: []document.Member{{Name: k.Main, Value: n, Line: n.Line, Column: n.Column}},
	}
}

// asWritten gives err the field that the document has: where a short form was given, "delay.jitter" for
// "attributes.jitter", and "delay" for the main attribute that stood alone.
func (f *form) asWritten(err error) error {
	if f.short == "" {
		return err
	}
	return document.Each(err, func(e *document.Error) {
		rest, isAttribute := strings.CutPrefix(e.Field, "attributes")
		switch {
		case e.Field == "kind":
			e.Field = f.short
		case isAttribute && f.main != "":
			e.Field = f.short + strings.TrimPrefix(rest, "."+f.main)
		case isAttribute:
			e.Field = f.short + rest
		}
	})
}

// suggestKind adds the nearest kind to a refusal of an unknown member of a rule, which may be a misspelt short form.
func suggestKind(err error) error {
	return document.Each(err, func(e *document.Error) {
		if e.DidYouMean == "" && !strings.ContainsAny(e.Field, ".[") {
			e.DidYouMean = document.Nearest(e.Field, kindNames())
		}
	})
}
