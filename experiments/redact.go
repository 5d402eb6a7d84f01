package experiments

import (
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// hidden stands for what may be a secret.
const hidden = "***"

// RedactURL hides what in a URL may be a secret: who asks, and the values of its query. A value that is a ${name} stays.
func RedactURL(address string) string {
	if scheme, rest, found := strings.Cut(address, "://"); found {
		authority := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			authority = rest[:end]
		}
		if at := strings.LastIndex(authority, "@"); at >= 0 {
			address = scheme + "://" + hidden + rest[at:]
		}
	}
	place, query, found := strings.Cut(address, "?")
	if !found {
		return address
	}
	query, fragment, _ := strings.Cut(query, "#")
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if name, value, _ := strings.Cut(part, "="); value != "" && !isVariable(value) {
			parts[i] = name + "=" + hidden
		}
	}
	if address = place + "?" + strings.Join(parts, "&"); fragment != "" {
		address += "#" + fragment
	}
	return address
}

// isVariable says that a text is one ${name}.
func isVariable(text string) bool {
	return strings.HasPrefix(text, "${") && strings.Index(text, "}") == len(text)-1
}

// Redacted is the file as it was read, with its URLs redacted: it is for reports.
func (e *Experiment) Redacted() *document.Node { return redacted("", e.source) }

// redacted copies the value of a member with the URLs in it redacted.
func redacted(name string, n *document.Node) *document.Node {
	clean := *n
	switch n.Kind {
	case document.String:
		if name == "url" || strings.Contains(n.Text, "://") && !strings.ContainsAny(n.Text, " \n") {
			clean.Text = RedactURL(n.Text)
		}
	case document.List:
		clean.Items = slices.Clone(n.Items)
		for i, item := range n.Items {
			clean.Items[i] = redacted("", item)
		}
	case document.Object:
		clean.Members = slices.Clone(n.Members)
		for i, m := range n.Members {
			clean.Members[i].Value = redacted(m.Name, m.Value)
		}
	}
	return &clean
}
