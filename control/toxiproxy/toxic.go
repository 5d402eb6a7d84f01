package toxiproxy

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/squall-proxy/squall/faults"
)

// Toxic is a toxic as answers have it, in this order.
type Toxic struct {
	Attributes Attributes `json:"attributes"`
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Stream     string     `json:"stream"`   // as it was given, in any case
	Toxicity   float32    `json:"toxicity"` // as it was given, in bounds or not
}

// readToxic reads a toxic that is to be made, without its attributes: see readAttributes.
func readToxic(body []byte) (Toxic, error) {
	type ToxicWrapper struct { // named in errors
		Attributes any     `json:"attributes"`
		Name       string  `json:"name"`
		Type       string  `json:"type"`
		Stream     string  `json:"stream"`
		Toxicity   float32 `json:"toxicity"`
	}
	read := ToxicWrapper{Attributes: &NoopToxic{}, Stream: "downstream", Toxicity: 1}
	if err := decode(body, &read); err != nil {
		return Toxic{}, err
	}
	t := Toxic{Name: read.Name, Type: read.Type, Stream: read.Stream, Toxicity: read.Toxicity}
	if streamOf(t.Stream) == "" {
		return Toxic{}, ErrStream
	}
	if t.Name == "" {
		t.Name = t.Type + "_" + t.Stream
	}
	if t.Attributes = newAttributes(t.Type); t.Attributes == nil {
		return Toxic{}, ErrToxicType
	}
	if err := faults.CheckName(t.Name); err != nil {
		return Toxic{}, badName("name", err)
	}
	return t, nil
}

// readAttributes reads what a document says of the attributes, whose type is known by now, over what the toxic has.
func (t *Toxic) readAttributes(body []byte) error {
	return decode(body, &struct {
		Attributes any `json:"attributes"`
	}{t.Attributes})
}

// update gives the toxic as a document wants it, of which only attributes and toxicity count. The attributes are written into
// those that the toxic has, which are nobody else's: see ToxicOf.
func (t Toxic) update(body []byte) (Toxic, error) {
	read := struct {
		Attributes any     `json:"attributes"`
		Toxicity   float32 `json:"toxicity"`
	}{t.Attributes, t.Toxicity}
	err := decode(body, &read)
	t.Toxicity = read.Toxicity
	return t, err
}

// decode reads the first value of a body.
func decode(body []byte, out any) error {
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(out); err != nil {
		return badBody(err)
	}
	return nil
}

// streamOf reads a direction, in any case; "" for what is none.
func streamOf(text string) faults.Stream {
	switch stream := faults.Stream(strings.ToLower(text)); stream {
	case faults.Downstream, faults.Upstream:
		return stream
	}
	return ""
}

// Rule is the rule that a toxic is. It keeps what it was given only where that is more than the rule can say.
func (t Toxic) Rule(proxyName string) faults.Rule {
	r := faults.Rule{
		Name: t.Name, Proxy: proxyName, Kind: t.Type, Stream: streamOf(t.Stream), Percent: percentOf(t.Toxicity),
		Attributes: t.Attributes.fault(), Enabled: true,
	}
	if derived := derive(&r); !reflect.DeepEqual(derived, t) {
		r.Toxic = &faults.Toxic{Stream: t.Stream, Toxicity: t.Toxicity, Attributes: numbersOf(t.Attributes)}
	}
	return r
}

// derive gives the toxic that means most nearly what a rule does.
func derive(r *faults.Rule) Toxic {
	return Toxic{
		Attributes: fromFault(r.Attributes), Name: r.Name, Type: r.Kind, Stream: string(r.Stream), Toxicity: toxicityOf(r.Percent),
	}
}

// ToxicOf gives the toxic that a rule is; false for a rule that Toxiproxy cannot express: one of HTTP, of another kind, or
// for all proxies; with a match or a selection, a distribution, or a time of less than a millisecond; switched off, or in
// shadow. A time to live, a lease and an owner are no matter: such a toxic is one for as long as it lasts.
//
// It shares nothing with the rule. A rule is a toxic if that toxic's rule is this one. So there is nothing to be forgotten about when a rule is changed.
func ToxicOf(r *faults.Rule) (Toxic, bool) {
	if r.Proxy == "" {
		return Toxic{}, false
	}
	if given := r.Toxic; given != nil {
		t := Toxic{
			Attributes: attributesOf(r.Kind, given.Attributes), Name: r.Name, Type: r.Kind,
			Stream: given.Stream, Toxicity: given.Toxicity,
		}
		if t.Attributes != nil && t.means(r) {
			return t, true
		}
	}
	t := derive(r)
	return t, t.Attributes != nil && t.means(r)
}

// means reports that a rule is what the toxic asks for.
func (t Toxic) means(r *faults.Rule) bool {
	own, asked := *r, t.Rule(r.Proxy)
	own.Attributes = plain(own.Attributes)
	own.TTL, own.Lease, own.Owner = 0, nil, ""
	own.Toxic, asked.Toxic = nil, nil
	return reflect.DeepEqual(own, asked)
}
