package faults

import (
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxField bounds the name and the value of a header field that a rule sets, in bytes each.
const MaxField = 8192

// written lists the fields that say where a message ends, belong to one connection (RFC 9110, 7.6.1) or name the
// server: the executor writes them, never a rule.
var written = []string{
	"connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}

// checkFields refuses header fields that would break the message, or that belong to the connection.
func checkFields(fields map[string]string) error {
	seen := make(map[string]bool, len(fields))
	for _, name := range sortedNames(fields) {
		err := checkFieldName(name)
		if err == nil {
			err = checkFieldValue(fields[name])
		}
		lower := strings.ToLower(name)
		if err == nil && seen[lower] {
			err = document.Errorf("", "given twice, in other letters")
		}
		if err != nil {
			return document.At(err, name)
		}
		seen[lower] = true
	}
	return nil
}

func checkFieldName(name string) error {
	if !isToken(name) || len(name) > MaxField {
		return document.Errorf("", "%q is not a header name", clip(name))
	}
	if slices.Contains(written, strings.ToLower(name)) {
		return document.Errorf("", "%s is written by the proxy and cannot be changed", name)
	}
	return nil
}

// checkFieldValue refuses what RFC 9110, 5.5 does not allow in a value, line breaks above all.
func checkFieldValue(value string) error {
	if len(value) > MaxField {
		return document.Errorf("", "at most %d bytes, got %d", MaxField, len(value))
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return document.Errorf("", "must not contain control characters, got %q", clip(value))
		}
	}
	return nil
}

// sortedFields gives header fields in a stable order; nil for none.
func sortedFields(fields map[string]string) []Field {
	var sorted []Field
	for _, name := range sortedNames(fields) {
		sorted = append(sorted, Field{name, fields[name]})
	}
	return sorted
}

// splitContentType gives the fields of an answer without its content type, and that by itself: the one among the
// fields, or the one given.
func splitContentType(fields map[string]string, given string) (others []Field, contentType string) {
	contentType = given
	for _, field := range sortedFields(fields) {
		if strings.EqualFold(field.Name, "content-type") {
			contentType = field.Value
		} else {
			others = append(others, field)
		}
	}
	return others, contentType
}
