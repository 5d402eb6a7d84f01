package imports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// isBareFault reports whether an object is an HTTPFault without its type.
func (m *Importer) isBareFault(p place) bool {
	for _, name := range []string{"delay", "abort", "response_rate_limit"} {
		if len(p.get(name).members()) > 0 && p.get("@type").text() == "" {
			return true
		}
	}
	return false
}

// walk looks for fault filters in whatever is part of an Envoy's configuration, and reports whether there was one.
func (m *Importer) walk(p place) (found bool) {
	kind := p.get("@type").text()
	filter := slices.Contains([]string{"envoy.filters.http.fault", "envoy.fault", "fault"}, p.get("name").text())
	switch {
	case strings.HasSuffix(kind, ".HTTPFault"):
		m.envoyFault(p)
		return true
	case strings.HasSuffix(kind, ".TypedStruct") && strings.HasSuffix(p.get("type_url").text(), ".HTTPFault"):
		m.envoyFault(p.get("value"))
		return true
	case filter && p.get("config").there():
		m.envoyFault(p.get("config"))
		return true
	}
	for _, item := range p.items() {
		found = m.walk(item) || found
	}
	for _, member := range p.members() {
		if !m.walk(member) {
			continue
		}
		found = true
		switch folded(member.element) {
		case "typedperfilterconfig", "perfilterconfig":
			m.note(member, "is for its route only: the route's match has no counterpart, the rule hits more")
		case "configpatches":
			for _, name := range []string{"workloadSelector", "targetRefs"} {
				if p.get(name).there() {
					m.note(p.get(name), "has no counterpart: rules are for proxies")
				}
			}
		}
	}
	return found
}

// envoyFault makes rules of an HTTPFault. As in Envoy the rate holds for an abort's answer, too, and what delays, aborts
// and slows down is rolled apart.
func (m *Importer) envoyFault(p place) {
	m.unknown(p, "@type", "delay", "abort", "response_rate_limit", "headers", "downstream_nodes", "max_active_faults")
	f := fault{name: "fault", match: conditions{}}
	for _, matcher := range p.get("headers").items() {
		m.headerMatcher(matcher, &f)
	}
	if nodes := p.get("downstream_nodes").items(); len(nodes) > 0 {
		var names []string
		for _, node := range nodes {
			names = append(names, node.text())
		}
		f.match.set("headers", "x-envoy-downstream-service-node", names)
	}
	if most := p.get("max_active_faults"); most.there() {
		f.maxActive = most.text()
		m.note(most, "counts for each rule by itself, not for all of the filter's together")
	}
	if limit := p.get("response_rate_limit"); limit.there() {
		m.unknown(limit, "fixed_limit", "header_limit", "percentage")
		m.byHeader(limit.get("header_limit"), "throttle")
		if fixed := limit.get("fixed_limit"); fixed.there() {
			kib, err := strconv.ParseUint(fixed.get("limit_kbps").text(), 10, 40)
			if err != nil {
				m.note(fixed, "limit_kbps: want a whole number of KiB per second")
			} else {
				f.kind, f.attributes, f.percent = "throttle", conditions{"rate": kib * 1024}, m.percentage(limit)
				m.add(limit, f)
			}
		}
	}
	if delay := p.get("delay"); delay.there() {
		m.unknown(delay, "fixed_delay", "header_delay", "percentage", "percent", "type")
		m.byHeader(delay.get("header_delay"), "delay")
		if fixed := delay.get("fixed_delay"); fixed.there() {
			f.kind, f.attributes, f.percent = "delay", conditions{"latency": duration(fixed)}, m.percentage(delay)
			m.add(delay, f)
		}
	}
	if abort := p.get("abort"); abort.there() {
		m.unknown(abort, "http_status", "grpc_status", "header_abort", "percentage", "percent")
		m.byHeader(abort.get("header_abort"), "abort")
		if attributes := m.abort(abort, "http_status", "grpc_status"); attributes != nil {
			f.kind, f.attributes, f.percent = "abort", attributes, m.percentage(abort)
			m.add(abort, f)
		}
	}
}

// byHeader notes what callers control.
func (m *Importer) byHeader(p place, kind string) {
	if p.node != nil {
		m.note(p, "callers control it: not a rule, but the proxy's setting caller_faults: {kinds: [%s]}", kind)
	}
}

// duration is a google.protobuf.Duration as rules write it.
func duration(p place) string {
	seconds, nanos := p.get("seconds"), p.get("nanos")
	if !seconds.there() && !nanos.there() {
		return p.text()
	}
	whole, _ := strconv.ParseInt(seconds.text(), 10, 32)
	part, _ := strconv.ParseInt(nanos.text(), 10, 32)
	return fmt.Sprint(time.Duration(whole)*time.Second + time.Duration(part))
}

// headerMatcher adds an envoy.config.route.v3.HeaderMatcher to a fault's conditions.
func (m *Importer) headerMatcher(p place, f *fault) {
	name := strings.ToLower(p.get("name").text())
	how, present, ok := m.headerForm(p)
	if !ok {
		return
	}
	var condition any = anything
	if how.how != "" {
		condition = how.condition()
	}
	to := f.match
	switch inverted := p.get("invert_match").isTrue(); {
	case !present && !inverted, present && how.how == "" && inverted:
		condition = map[string]bool{"absent": true}
	case !present:
	case inverted && len(f.except) > 0:
		m.note(p, "a rule has one except: the rule hits more")
		return
	case inverted:
		f.except = conditions{}
		to = f.except
	}
	switch {
	case name == ":method" && how.how == "exact":
		to["methods"] = []string{how.text}
	case name == ":path" && how.how != "" && !strings.Contains(how.text, "?"):
		to["path"] = how.path()
	case name == ":authority" && how.how != "":
		to["host"] = condition
	case strings.HasPrefix(name, ":"):
		m.note(p, "has no counterpart: the rule hits more")
	default:
		if named, _ := to["headers"].(conditions); named[name] != nil {
			m.note(p, "a second condition on one field has no counterpart: the rule hits more")
			return
		}
		to.set("headers", name, condition)
	}
}

// headerForm reads how a HeaderMatcher compares; without a form the field only has to be present, or absent.
func (m *Importer) headerForm(p place) (f form, present, ok bool) {
	present = true
	for _, field := range p.members() {
		switch folded(field.element) {
		case "name", "invertmatch":
		case "presentmatch":
			present = field.isTrue()
		case "exactmatch", "prefixmatch", "suffixmatch", "containsmatch":
			f = form{how: strings.TrimSuffix(folded(field.element), "match"), text: field.text()}
		case "regexmatch":
			f = form{how: "regex", text: field.text()}
		case "saferegexmatch":
			f = form{how: "regex", text: field.get("regex").text()}
		case "stringmatch":
			f = m.envoyString(field)
		default:
			m.note(field, "has no counterpart: the rule hits more")
			return f, present, false
		}
	}
	return f, present, true
}

// envoyString reads an envoy.type.matcher.v3.StringMatcher.
func (m *Importer) envoyString(p place) (f form) {
	for _, field := range p.members() {
		switch folded(field.element) {
		case "exact", "prefix", "suffix", "contains":
			f.how, f.text = folded(field.element), field.text()
		case "saferegex":
			f.how, f.text = "regex", field.get("regex").text()
		case "ignorecase":
			f.ignoreCase = field.isTrue()
		default:
			m.note(field, "has no counterpart: the rule hits more")
		}
	}
	return f
}
