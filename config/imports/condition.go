package imports

import (
	"regexp"
	"strings"
)

// form is how a text is compared.
type form struct {
	how        string // exact, prefix, suffix, contains, regex
	text       string
	ignoreCase bool
}

// condition is a form as rules write it. Regular expressions of Istio and Envoy match whole texts.
func (f form) condition() any {
	if f.ignoreCase || f.how == "contains" {
		return map[string]string{"regex": f.expression()}
	}
	switch f.how {
	case "exact":
		return f.text
	case "regex":
		return map[string]string{"regex": f.expression()}
	}
	return map[string]string{f.how: f.text}
}

// path is the condition on a path, in which an exact text is a pattern.
func (f form) path() any {
	if f.how == "exact" && strings.Contains(f.text, "*") {
		return map[string]string{"regex": f.expression()}
	}
	return f.condition()
}

// expression is the form as a regular expression.
func (f form) expression() string {
	text := regexp.QuoteMeta(f.text)
	switch f.how {
	case "exact":
		text = "^" + text + "$"
	case "prefix":
		text = "^" + text
	case "suffix":
		text += "$"
	case "regex":
		text = "^(?:" + f.text + ")$"
	}
	if f.ignoreCase {
		text = "(?i)" + text
	}
	return text
}

// anything holds for every text that is there.
var anything = map[string]string{"prefix": ""}

// set puts a condition on a named header field or query parameter.
func (c conditions) set(part, name string, condition any) {
	named, ok := c[part].(conditions)
	if !ok {
		named = conditions{}
		c[part] = named
	}
	named[name] = condition
}
