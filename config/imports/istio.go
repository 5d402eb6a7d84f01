package imports

import (
	"net"
	"strconv"
	"strings"
)

// block is one of the conditions under which a route is taken.
type block struct {
	place
	match  conditions
	except []conditions // any of them keeps it from being taken
	partly bool         // some of it has no counterpart
}

// virtualService reads the faults of the routes of a VirtualService.
func (m *Importer) virtualService(p place) {
	spec := p.get("spec")
	if m.Proxy == "" && spec.get("hosts").there() {
		m.note(spec.get("hosts"), "rules are for proxies, not for hosts: these hit on every proxy unless one is named")
	}
	if spec.get("gateways").there() {
		m.note(spec.get("gateways"), "has no counterpart")
	}
	routes := spec.get("http").items()
	last := -1
	for i, route := range routes {
		if route.get("fault").there() {
			last = i
		}
	}
	if last < 0 {
		m.note(p, "no fault is found here")
	}
	var earlier []block // the first route whose conditions hold is taken
	for i, route := range routes[:last+1] {
		blocks := m.blocks(route.get("match"))
		name := route.get("name").text()
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		name = p.get("metadata").get("name").text() + "-" + name
		for _, b := range blocks {
			if route.get("fault").there() {
				m.istioFault(route.get("fault"), strings.TrimPrefix(name, "-"), b, earlier)
			}
			earlier = join(append(earlier, b))
		}
	}
}

// blocks reads the conditions of a route; one without any is always taken.
func (m *Importer) blocks(p place) []block {
	if len(p.items()) == 0 {
		return []block{{place: p, match: conditions{}}}
	}
	var blocks []block
	for _, item := range p.items() {
		blocks = append(blocks, m.block(item))
	}
	return join(blocks)
}

// join makes one of the blocks that are about paths only.
func join(blocks []block) []block {
	var joined []block
	paths := -1
	for _, b := range blocks {
		path, onPath := b.match["path"].([]any)
		if !onPath || len(b.match) > 1 || len(b.except) > 0 || b.partly {
			joined = append(joined, b)
			continue
		}
		if paths < 0 {
			paths = len(joined)
			joined = append(joined, b)
			continue
		}
		known := joined[paths].match["path"].([]any)
		joined[paths].match = conditions{"path": append(known[:len(known):len(known)], path...)}
	}
	return joined
}

// block reads an HTTPMatchRequest.
func (m *Importer) block(p place) (b block) {
	b = block{place: p, match: conditions{}}
	before := len(m.result.Notes)
	defer func() { b.partly = len(m.result.Notes) > before }()
	for _, field := range p.members() {
		switch folded(field.element) {
		case "uri":
			if f, ok := m.stringMatch(field); ok {
				f.ignoreCase = p.get("ignoreUriCase").isTrue() && f.how != "regex"
				b.match["path"] = []any{f.path()}
			}
		case "method":
			if f, ok := m.stringMatch(field); ok && f.how == "exact" {
				b.match["methods"] = []string{f.text}
			} else if ok {
				m.note(field, "a method is compared as a whole: %s has no counterpart", f.how)
			}
		case "authority":
			m.authority(field, b.match)
		case "headers", "queryparams":
			part := map[string]string{"headers": "headers", "queryparams": "query"}[folded(field.element)]
			for _, member := range field.members() {
				if f, ok := m.stringMatch(member); ok {
					b.match.set(part, member.element, f.condition())
				} else if len(member.members()) == 0 {
					b.match.set(part, member.element, anything)
				}
			}
		case "withoutheaders":
			for _, member := range field.members() {
				without := conditions{}
				if f, ok := m.stringMatch(member); ok {
					without.set("headers", member.element, f.condition())
					b.except = append(b.except, without)
				} else if len(member.members()) == 0 {
					b.match.set("headers", member.element, map[string]bool{"absent": true})
				}
			}
		case "name", "ignoreuricase", "statprefix":
		default:
			m.note(field, "has no counterpart: the rule hits more than the route took")
		}
	}
	return b
}

// authority is compared without a port, in lower case.
func (m *Importer) authority(p place, match conditions) {
	f, ok := m.stringMatch(p)
	if !ok {
		return
	}
	if host, _, err := net.SplitHostPort(f.text); err == nil && f.how == "exact" {
		f.text = host
		m.note(p, "the port is not compared")
	}
	if f.how != "regex" {
		f.text = strings.ToLower(f.text)
	}
	match["host"] = f.condition()
}

// stringMatch reads a StringMatch; not ok where it is empty, or not one.
func (m *Importer) stringMatch(p place) (f form, ok bool) {
	for _, how := range p.members() {
		switch how.element {
		case "exact", "prefix", "regex":
			f, ok = form{how: how.element, text: how.text()}, true
		default:
			m.note(how, "has no counterpart")
		}
	}
	return f, ok
}

// istioFault makes rules of an HTTPFaultInjection: its delay and its abort are rolled apart, the delay comes first.
func (m *Importer) istioFault(p place, name string, b block, earlier []block) {
	m.unknown(p, "delay", "abort")
	f := fault{name: name, match: b.match}
	excepts := b.except
	for _, e := range earlier {
		switch {
		case e.partly || len(e.except) > 0:
			m.note(e.place, "the rule for a later route cannot leave out what this one takes")
		case len(e.match) == 0:
			m.note(p, "is never reached: an earlier route takes every request")
			return
		default:
			excepts = append(excepts, e.match)
		}
	}
	if len(excepts) > 0 {
		f.except = excepts[0]
	}
	if len(excepts) > 1 {
		m.note(p, "a rule has one except: requests of %d more earlier conditions are hit, too", len(excepts)-1)
	}
	if delay := p.get("delay"); delay.there() {
		m.unknown(delay, "fixedDelay", "percentage", "percent")
		if fixed := delay.get("fixedDelay"); fixed.there() {
			f.kind, f.attributes, f.percent = "delay", conditions{"latency": fixed.text()}, m.percentage(delay)
			m.add(delay, f)
		}
	}
	if abort := p.get("abort"); abort.there() {
		m.unknown(abort, "httpStatus", "grpcStatus", "percentage", "percent")
		if attributes := m.abort(abort, "httpStatus", "grpcStatus"); attributes != nil {
			f.kind, f.attributes, f.percent = "abort", attributes, m.percentage(abort)
			m.add(abort, f)
		}
	}
}

// abort reads the status of an abort, nil for none.
func (m *Importer) abort(p place, http, grpc string) conditions {
	switch status, code := p.get(http), p.get(grpc); {
	case status.there():
		number, err := strconv.Atoi(status.text())
		if err != nil {
			m.note(status, "want a status")
			return nil
		}
		return conditions{"status": number}
	case code.there():
		if number, err := strconv.Atoi(code.text()); err == nil {
			return conditions{"status": 200, "grpc_status": number}
		}
		return conditions{"status": 200, "grpc_status": code.text()}
	}
	return nil
}
