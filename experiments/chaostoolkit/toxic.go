package chaostoolkit

import (
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// renamed is an argument under its name there, and the attribute that it is.
type renamed struct{ there, here string }

// toxicOf says which toxic a function of chaostoxi.toxic.actions adds, and which of its arguments are attributes.
func toxicOf(function string) (kind string, attributes []renamed) {
	switch function {
	case "create_latency_toxic":
		return "latency", []renamed{{"latency", "latency"}, {"jitter", "jitter"}}
	case "create_bandwith_degradation_toxic": // so it is spelt
		return "bandwidth", []renamed{{"rate", "rate"}}
	case "create_slow_connection_close_toxic":
		return "slow_close", []renamed{{"delay", "delay"}}
	case "create_timeout_toxic":
		return "timeout", []renamed{{"timeout", "timeout"}}
	case "create_slicer_toxic":
		return "slicer", []renamed{{"average_size", "average_size"}, {"size_variation", "size_variation"}, {"delay", "delay"}}
	case "create_limiter_toxic":
		return "limit_data", []renamed{{"bytes_limit", "bytes"}}
	}
	return "", nil
}

// pythonOf is a toxic, if the function adds one; nil = it is left out.
func (t *translation) pythonOf(p *document.Node, at string) (*document.Node, error) {
	if err := members(p, at, "module", "func", "arguments"); err != nil {
		return nil, err
	}
	module, function, arguments := p.Get("module"), p.Get("func"), p.Get("arguments")
	if module == nil || function == nil {
		return nil, document.Errorf(at, "a python provider has a module and a func")
	}
	kind, attributes := toxicOf(function.Text)
	general := function.Text == "create_toxic"
	if module.Text != "chaostoxi.toxic.actions" || kind == "" && !general {
		return nil, t.unknown(at+".module", "%s, function %s: a Python module, which has no counterpart here", module.Text, function.Text)
	}
	for _, name := range []string{"for_proxy", "toxic_name"} {
		if arguments.Get(name) == nil {
			return nil, document.Errorf(at+".arguments."+name, "missing")
		}
	}
	settings := object("proxy", arguments.Get("for_proxy"), "name", arguments.Get("toxic_name"))
	if general {
		for _, a := range []renamed{{"toxic_type", "type"}, {"stream", "stream"}, {"toxicity", "toxicity"}, {"attributes", "attributes"}} {
			put(settings, a.here, arguments.Get(a.there))
		}
		return object("toxic", settings), nil
	}
	values := &document.Node{Kind: document.Object}
	for _, a := range attributes {
		put(values, a.here, arguments.Get(a.there))
	}
	put(settings, "type", text(kind))
	put(settings, "attributes", values)
	return object("toxic", settings), nil
}

// deleted is the toxic that a provider takes away, "*" = all, "" = none.
func deleted(p *document.Node) string {
	module, function := p.Get("module"), p.Get("func")
	if module == nil || function == nil || !strings.HasPrefix(module.Text, "chaostoxi.") {
		return ""
	}
	switch function.Text {
	case "delete_toxic":
		arguments := p.Get("arguments")
		if proxy, name := arguments.Get("for_proxy"), arguments.Get("toxic_name"); proxy != nil && name != nil {
			return proxy.Text + "/" + name.Text
		}
	case "reset":
		return "*"
	}
	return ""
}
