// Package yaml reads YAML files into the tree that [document] reads JSON into: a squall.yaml, an experiment, a configuration
// of others. It is the one package of internal that leans on a library.
package yaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	goyaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxFile and MaxWords bound a file: its size in bytes and, in YAML, its words and signs. The YAML parser takes
// time quadratic in these; at the bound that is two seconds.
const (
	MaxFile  = 1 << 20
	MaxWords = 50_000
)

// ReadFile reads a file that [Parse] can read: at most [MaxFile] bytes, and not empty.
func ReadFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return data, nil
}

// Parse reads one YAML document into a tree that decodes as JSON does. JSON is read as what it is. Errors are
// [document.Error] values with line and column.
//
// Of YAML is refused what means more, or something else, than it seems to: anchors and aliases (a few lines of them can
// stand for gigabytes), tags, directives, and numbers that JSON writes otherwise (010 is 8).
func Parse(data []byte) (*document.Node, error) {
	roots, err := parse(data, 1)
	if err != nil {
		return nil, err
	}
	return roots[0], nil
}

// ParseAll is [Parse] for a file of one document or several.
func ParseAll(data []byte) ([]*document.Node, error) { return parse(data, MaxWords) }

// parse reads one document at least, and as many as are allowed.
func parse(data []byte, most int) ([]*document.Node, error) {
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	switch {
	case len(data) > MaxFile:
		return nil, document.Errorf("", "at most %d bytes, got more", MaxFile)
	case json.Valid(data):
		root, err := document.ParseJSONWithin(data, document.MaxValues)
		return []*document.Node{root}, err
	case !utf8.Valid(data):
		return nil, notUTF8(string(data))
	}
	if err := checkTokens(lexer.Tokenize(string(data)), most > 1); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	var roots []*document.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		root, err := convert(doc.Body, 0)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		return []*document.Node{{Kind: document.Null, Line: 1, Column: 1}}, nil
	}
	return roots, nil
}

// FromJSON writes a JSON text as YAML.
func FromJSON(data []byte) ([]byte, error) { return goyaml.JSONToYAML(data) }

func notUTF8(text string) error {
	good := text[:len(text)-len(strings.TrimLeftFunc(text, func(r rune) bool { return r != utf8.RuneError }))]
	line := strings.Count(good, "\n")
	column := utf8.RuneCountInString(good[strings.LastIndexByte(good, '\n')+1:])
	return &document.Error{Reason: "a byte that is not UTF-8", Line: line + 1, Column: column + 1}
}

// checkTokens refuses, before the parser sees it, what the parser would take too long for, and what is not supported.
func checkTokens(tokens token.Tokens, several bool) error {
	if len(tokens) > MaxWords {
		return refuse(*tokens[MaxWords].Position, "too large: at most %d words and signs", MaxWords)
	}
	open, dashes, line := 0, 0, 0
	for i, t := range tokens {
		at := *t.Position
		if at.Line != line {
			line, dashes = at.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open--
		case token.SequenceEntryType:
			dashes++
		case token.DocumentHeaderType, token.DocumentEndType:
			if i > 0 && !several {
				return refuse(at, "one document is wanted, here it ends")
			}
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return refuse(at, "anchors and aliases are not supported")
		case token.TagType:
			return refuse(at, "tags are not supported")
		case token.DirectiveType:
			return refuse(at, "directives are not supported")
		case token.MappingKeyType:
			return refuse(at, "keys that begin with a question mark are not supported")
		}
		if open+dashes > document.MaxDepth {
			return refuse(at, "nested more than %d levels deep", document.MaxDepth)
		}
	}
	return nil
}

func syntaxError(err error) error {
	refusal := &document.Error{Reason: err.Error()}
	var syntax *goyaml.SyntaxError
	if errors.As(err, &syntax) {
		refusal.Reason = syntax.Message
		refusal.Line, refusal.Column = syntax.Token.Position.Line, syntax.Token.Position.Column
	}
	return refusal
}

func refuse(at token.Position, format string, args ...any) error {
	refusal := document.Errorf("", format, args...)
	refusal.Line, refusal.Column = at.Line, at.Column
	return refusal
}
