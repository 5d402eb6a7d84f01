package chaostoolkit

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// provided makes the members of a step, or of a check, of what an activity's provider says; nil = it is left out.
func (t *translation) provided(a *document.Node, at string) (*document.Node, error) {
	p := a.Get("provider")
	at += ".provider"
	if p == nil {
		return nil, document.Errorf(at, "missing")
	}
	kind := p.Get("type")
	switch {
	case kind == nil:
		return nil, document.Errorf(at+".type", "missing: want http, process or python")
	case kind.Text == "http":
		return httpOf(p, at)
	case kind.Text == "process":
		return processOf(p, at)
	case kind.Text == "python":
		return t.pythonOf(p, at)
	}
	return nil, document.Errorf(at+".type", "want http, process or python, got %q", kind.Text)
}

// members refuses members of a provider that are not known.
func members(p *document.Node, at string, known ...string) error {
	known = append(known, "type", "secrets", "config")
	for _, m := range p.Members {
		found := false
		for _, name := range known {
			found = found || name == m.Name
		}
		if !found {
			return under(document.Unknown(m, known), at)
		}
	}
	return nil
}

// httpOf is a request; expected_status becomes a tolerance.
func httpOf(p *document.Node, at string) (*document.Node, error) {
	if err := members(p, at, "url", "method", "headers", "arguments", "expected_status", "timeout"); err != nil {
		return nil, err
	}
	address, method := p.Get("url"), p.Get("method")
	if address == nil {
		return nil, document.Errorf(at+".url", "missing")
	}
	request := object("url", address, "method", method, "headers", p.Get("headers"))
	if arguments := p.Get("arguments"); arguments != nil {
		if method == nil || strings.EqualFold(method.Text, "GET") {
			request.Members[0].Value = withQuery(address.Text, arguments)
		} else {
			body, err := bodyOf(p, arguments)
			if err != nil {
				return nil, under(err, at+".arguments")
			}
			put(request, "body", body)
		}
	}
	timeout, err := seconds(p.Get("timeout"), at+".timeout")
	if err != nil {
		return nil, err
	}
	if timeout > 0 {
		put(request, "timeout", span(timeout))
	}
	return object("http", request, "tolerance", p.Get("expected_status")), nil
}

// form writes arguments as a form. What stands for a variable stays as it is.
func form(arguments *document.Node) string {
	var parts []string
	for _, m := range arguments.Members {
		values := []*document.Node{m.Value}
		if m.Value.Kind == document.List {
			values = m.Value.Items
		}
		for _, v := range values {
			parts = append(parts, url.QueryEscape(m.Name)+"="+url.QueryEscape(scalar(v)))
		}
	}
	return regexp.MustCompile(`%24%7B([A-Za-z0-9_.-]+)%7D`).ReplaceAllString(strings.Join(parts, "&"), "$${$1}")
}

func withQuery(address string, arguments *document.Node) *document.Node {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return text(address + separator + form(arguments))
}

// bodyOf is the body that arguments make: a text as it is, JSON where the header says so, else a form.
func bodyOf(p, arguments *document.Node) (*document.Node, error) {
	if arguments.Kind == document.String {
		return arguments, nil
	}
	if headers := p.Get("headers"); headers != nil {
		for _, m := range headers.Members {
			if strings.EqualFold(m.Name, "Content-Type") && strings.Contains(m.Value.Text, "json") {
				written, err := json.Marshal(arguments)
				return text(string(written)), err
			}
		}
	}
	return text(form(arguments)), nil
}

// scalar is a value as it stands in a form or on a command line.
func scalar(n *document.Node) string {
	if n.Kind == document.Bool {
		if n.Bool {
			return "True" // as Python writes it
		}
		return "False"
	}
	return n.Text
}

// processOf is a program.
func processOf(p *document.Node, at string) (*document.Node, error) {
	if err := members(p, at, "path", "arguments", "timeout"); err != nil {
		return nil, err
	}
	if p.Get("path") == nil {
		return nil, document.Errorf(at+".path", "missing")
	}
	args, err := argumentsOf(p.Get("arguments"))
	if err != nil {
		return nil, under(err, at+".arguments")
	}
	timeout, err := seconds(p.Get("timeout"), at+".timeout")
	if err != nil {
		return nil, err
	}
	process := object("path", p.Get("path"), "args", args)
	if timeout == 0 {
		timeout = time.Hour // Chaos Toolkit waits for as long as it takes
	}
	put(process, "timeout", span(timeout))
	return object("process", process), nil
}

// argumentsOf are a program's arguments: a text that is split as a shell would, a list, or names with values.
func argumentsOf(n *document.Node) (*document.Node, error) {
	if n == nil {
		return nil, nil
	}
	args := list()
	switch n.Kind {
	case document.List:
		for _, item := range n.Items {
			args.Items = append(args.Items, text(scalar(item)))
		}
	case document.Object:
		for _, m := range n.Members {
			args.Items = append(args.Items, text(m.Name))
			if value := scalar(m.Value); value != "" {
				args.Items = append(args.Items, text(value))
			}
		}
	default:
		words, err := split(scalar(n))
		if err != nil {
			return nil, err
		}
		for _, w := range words {
			args.Items = append(args.Items, text(w))
		}
	}
	return args, nil
}

// split splits a command line as a shell does (POSIX 2.2), without expanding anything.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, inside := rune(0), false
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote != '\'' && r == '\\' && i+1 < len(runes) && (quote == 0 || strings.ContainsRune(`"\$`+"`", runes[i+1])):
			i++
			word.WriteRune(runes[i])
			inside = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 {
		return nil, document.Errorf("", "a %c without its end", quote)
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

// tolerance is a tolerance in our words; nil = it is left out.
func (t *translation) tolerance(n *document.Node, at string) (*document.Node, error) {
	if n.Kind != document.Object {
		return n, nil // the same rules
	}
	kind := n.Get("type")
	if kind == nil {
		return nil, document.Errorf(at+".type", "missing: want regex, jsonpath, range or probe")
	}
	switch kind.Text {
	case "regex":
		return object("regex", n.Get("pattern"), "target", n.Get("target")), nil
	case "jsonpath":
		return object("jsonpath", n.Get("path"), "expect", n.Get("expect"), "count", n.Get("count"), "target", n.Get("target")), nil
	case "range":
		return object("range", n.Get("range"), "target", n.Get("target")), nil
	case "probe":
		provider := n.Get("provider")
		if kind := provider.Get("type"); kind != nil && kind.Text == "process" {
			step, err := processOf(provider, at+".provider")
			if err != nil {
				return nil, err
			}
			t.note(at, "the program gets the probe's answer on its standard input, not as an argument")
			return step, nil
		}
		return nil, t.unknown(at+".provider", "a tolerance by another probe is a process here%s", module(provider))
	}
	return nil, document.Errorf(at+".type", "want regex, jsonpath, range or probe, got %q", kind.Text)
}

// module names the Python module of a provider.
func module(p *document.Node) string {
	if m := p.Get("module"); m != nil {
		return ", and not Python's " + m.Text
	}
	return ""
}
