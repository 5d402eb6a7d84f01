package experiments

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Toxic is a fault of TCP in Toxiproxy's words.
type Toxic struct {
	Toxic  ToxicSettings   `json:"toxic"`
	For    faults.Duration `json:"for"`
	Target string          `json:"target,omitempty"`
	Rule   faults.Rule     `json:"-"` // what it is here
}

// ToxicSettings are what Toxiproxy's POST /proxies/{proxy}/toxics takes, and the proxy.
type ToxicSettings struct {
	Proxy      string                 `json:"proxy"`
	Name       string                 `json:"name,omitempty"` // type_stream by default
	Type       string                 `json:"type"`
	Stream     string                 `json:"stream,omitempty"`   // downstream by default
	Toxicity   *float64               `json:"toxicity,omitempty"` // 0 to 1, 1 by default
	Attributes map[string]json.Number `json:"attributes,omitempty"`
}

// toxicUnit is the unit of Toxiproxy's whole numbers, for each attribute of each of its toxics; "" = bytes.
func toxicUnit(kind, attribute string) string {
	switch attribute {
	case "latency", "jitter", "timeout":
		return "ms"
	case "rate":
		return "KB" // a second
	case "delay":
		if kind == "slicer" {
			return "us"
		}
		return "ms"
	}
	return ""
}

// name is that of the rule that the toxic is, which may have been refused.
func (t *Toxic) name() string { return cmp.Or(t.Rule.Name, t.Toxic.Name) }

func (t *Toxic) check() error {
	if err := t.translate(); err != nil {
		return document.At(err, "toxic")
	}
	return checkFor(t.For)
}

// translate makes the rule that the toxic is.
func (t *Toxic) translate() error {
	s := &t.Toxic
	if s.Proxy == "" {
		return document.Errorf("proxy", "missing: want the proxy that the toxic is for")
	}
	if faults.LayerOf(s.Type) != faults.TCP {
		return document.Errorf("type", "%q is no toxic", s.Type)
	}
	if s.Stream == "" {
		s.Stream = string(faults.Downstream)
	}
	if s.Name == "" {
		s.Name = s.Type + "_" + s.Stream
	}
	percent := 100.0
	if s.Toxicity != nil {
		percent = math.Round(*s.Toxicity*1e6) / 1e4
	}
	if percent < 0 || percent > 100 {
		return document.Errorf("toxicity", "must be 0 to 1, got %v", *s.Toxicity)
	}
	return t.Rule.DecodeDocument(s.document(percent))
}

// document writes the toxic as a rule's document.
func (s *ToxicSettings) document(percent float64) *document.Node {
	attributes := &document.Node{Kind: document.Object}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		value := &document.Node{Kind: document.Number, Text: s.Attributes[name].String()}
		if unit := toxicUnit(s.Type, name); unit != "" {
			value = text(value.Text + unit)
		}
		attributes.Members = append(attributes.Members, document.Member{Name: name, Value: value})
	}
	share, _ := json.Marshal(percent)
	return &document.Node{Kind: document.Object, Members: []document.Member{
		{Name: "name", Value: text(s.Name)},
		{Name: "proxy", Value: text(s.Proxy)},
		{Name: "kind", Value: text(s.Type)},
		{Name: "stream", Value: text(s.Stream)},
		{Name: "percent", Value: &document.Node{Kind: document.Number, Text: string(share)}},
		{Name: "attributes", Value: attributes},
	}}
}

func text(s string) *document.Node { return &document.Node{Kind: document.String, Text: s} }
