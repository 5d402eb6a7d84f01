// Package imports turns the faults of other proxies' configurations into rules: Istio's VirtualServices, and Envoy's HTTP
// fault filter wherever it stands. What has no counterpart is noted, with its place.
package imports

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

// Result is what configurations give.
type Result struct {
	Rules []faults.Rule     // in the order in which they have to be decided
	Notes []*document.Error // what has no counterpart: the rules do less, or hit more, than what they come from
}

// Importer reads configurations, one after the other; the names of all rules differ.
type Importer struct {
	Proxy string // that the rules are for; "" = all

	result Result
	noted  map[document.Error]bool // what stands in a file is noted once, also where it makes several rules
	names  map[string]bool
}

// Read reads a file: YAML with one document or several, or JSON. It adds to what was read before, and gives what this file
// gave. The error is a [document.Error], with its place, of a file that is neither.
func (m *Importer) Read(data []byte) (Result, error) {
	roots, err := yaml.ParseAll(data)
	if err != nil {
		return Result{}, err
	}
	m.result, m.noted = Result{}, make(map[document.Error]bool)
	if m.names == nil {
		m.names = make(map[string]bool)
	}
	for _, root := range roots {
		m.document(place{node: root})
	}
	return m.result, nil
}

// document reads one document: a Kubernetes object, a list of them, or something of Envoy's.
func (m *Importer) document(p place) {
	kind := p.get("kind").text()
	switch {
	case p.node.Kind == document.Null:
	case p.node.Kind != document.Object && p.node.Kind != document.List:
		m.note(p, "no configuration: want an object, got %s", p.node.Kind)
	case kind == "List", p.node.Kind == document.List && p.get("kind").node == nil && isKubernetes(p):
		items := p
		if kind == "List" {
			items = p.get("items")
		}
		for _, item := range items.items() {
			m.document(item)
		}
	case kind == "VirtualService":
		m.virtualService(p)
	case m.isBareFault(p):
		m.envoyFault(p)
	case !m.walk(p):
		m.note(p, "no fault is found here")
	}
}

// isKubernetes reports whether a list is one of Kubernetes' objects.
func isKubernetes(p place) bool {
	items := p.items()
	return len(items) > 0 && items[0].get("apiVersion").node != nil
}

// note notes what has no counterpart.
func (m *Importer) note(p place, format string, args ...any) {
	note := p.refuse(document.Errorf("", format, args...))
	if !m.noted[*note] {
		m.noted[*note] = true
		m.result.Notes = append(m.result.Notes, note)
	}
}

// unknown notes the members of an object that are not among those known.
func (m *Importer) unknown(p place, known ...string) {
	for _, member := range p.members() {
		if !isAmong(member.element, known) {
			m.note(member, "has no counterpart")
		}
	}
}

// Text is rules as a squall.yaml has them.
func Text(rules []faults.Rule) ([]byte, error) {
	text, err := json.Marshal(map[string]any{"rules": append([]faults.Rule{}, rules...)})
	if err != nil {
		return nil, err
	}
	return yaml.FromJSON(text)
}

// conditions are those of a rule, as in its document.
type conditions map[string]any

// fault is one rule to be made.
type fault struct {
	name          string // of what it comes from
	kind          string
	attributes    conditions
	percent       float64
	match, except conditions
	maxActive     string // as written; "" = none
}

// add makes a rule of what stands at a place.
func (m *Importer) add(p place, f fault) {
	written := map[string]any{"name": m.unique(f.name + "-" + f.kind), "kind": f.kind, "attributes": f.attributes, "percent": f.percent}
	if m.Proxy != "" {
		written["proxy"] = m.Proxy
	}
	for name, given := range map[string]conditions{"match": f.match, "except": f.except} {
		if len(given) > 0 {
			written[name] = given
		}
	}
	if f.maxActive != "" {
		written["max_active"] = json.Number(f.maxActive)
	}
	text, err := json.Marshal(written)
	var root *document.Node
	if err == nil {
		root, err = document.ParseJSON(text)
	}
	var rule faults.Rule
	if err == nil {
		err = rule.DecodeDocument(root)
	}
	if err != nil {
		m.note(p, "cannot be made a rule: %v", err)
		return
	}
	m.result.Rules = append(m.result.Rules, rule)
}

// unique makes a name that no other rule has.
func (m *Importer) unique(name string) string {
	runes := []rune(strings.Map(func(c rune) rune {
		if c == '/' || !strconv.IsPrint(c) {
			return '-'
		}
		return c
	}, strings.ToValidUTF8(name, "-")))
	const room = 10 // for a number
	if len(runes) > faults.MaxName-room {
		runes = runes[:faults.MaxName-room]
	}
	name = string(runes)
	for i, base := 2, name; m.names[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	m.names[name] = true
	return name
}
