package config

import (
	"errors"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxFile bounds the size of a configuration, in bytes.
const MaxFile = 1 << 20

// maxDepth bounds the nesting of a configuration, as the JSON of the admin API is bounded.
const maxDepth = 64

// ParseYAML reads one YAML document into a tree that decodes as JSON does. JSON is YAML, so it reads that too. Errors are
// [document.Error] values with line and column. Anchors and aliases are refused: a few lines of them can stand for
// gigabytes.
func ParseYAML(data []byte) (*document.Node, error) {
	if len(data) > MaxFile {
		return nil, document.Errorf("", "at most %d bytes, got %d", MaxFile, len(data))
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return &document.Node{Kind: document.Null, Line: 1, Column: 1}, nil
	case len(file.Docs) > 1 && file.Docs[1].Body != nil:
		return nil, refuse(file.Docs[1].Body, "one document is wanted, here begins a second")
	}
	return convert(file.Docs[0].Body, 0)
}

func syntaxError(err error) error {
	refusal := &document.Error{Reason: err.Error()}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		refusal.Reason = syntax.Message
		refusal.Line, refusal.Column = syntax.Token.Position.Line, syntax.Token.Position.Column
	}
	return refusal
}

func refuse(n ast.Node, reason string) error {
	at := position(n)
	return &document.Error{Reason: reason, Line: at.Line, Column: at.Column}
}

func position(n ast.Node) token.Position {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return *t.Position
	}
	return token.Position{}
}

// convert turns a YAML node into the tree's form.
func convert(n ast.Node, depth int) (*document.Node, error) {
	if depth > maxDepth {
		return nil, refuse(n, "nested deeper than "+strconv.Itoa(maxDepth))
	}
	at := position(n)
	node := &document.Node{Line: at.Line, Column: at.Column}
	switch value := n.(type) {
	case *ast.NullNode:
		node.Kind = document.Null
	case *ast.BoolNode:
		node.Kind, node.Bool = document.Bool, value.Value
	case *ast.IntegerNode:
		node.Kind, node.Text = document.Number, integerText(value)
	case *ast.FloatNode:
		node.Kind, node.Text = document.Number, strconv.FormatFloat(value.Value, 'f', -1, 64)
	case *ast.StringNode:
		node.Kind, node.Text = document.String, value.Value
	case *ast.LiteralNode:
		node.Kind, node.Text = document.String, value.Value.Value
	case *ast.SequenceNode:
		return node, convertList(node, value, depth)
	case *ast.MappingNode:
		return node, convertObject(node, value.Values, depth)
	case *ast.MappingValueNode:
		return node, convertObject(node, []*ast.MappingValueNode{value}, depth)
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return nil, refuse(n, "anchors and aliases are not supported")
	default:
		return nil, refuse(n, "not supported here: "+n.Type().String())
	}
	return node, nil
}

func integerText(n *ast.IntegerNode) string {
	switch value := n.Value.(type) {
	case int64:
		return strconv.FormatInt(value, 10)
	case uint64:
		return strconv.FormatUint(value, 10)
	}
	return n.Token.Value
}

func convertList(node *document.Node, list *ast.SequenceNode, depth int) error {
	node.Kind = document.List
	for _, value := range list.Values {
		item, err := convert(value, depth+1)
		if err != nil {
			return err
		}
		node.Items = append(node.Items, item)
	}
	return nil
}

func convertObject(node *document.Node, values []*ast.MappingValueNode, depth int) error {
	node.Kind = document.Object
	seen := make(map[string]bool, len(values))
	for _, pair := range values {
		name, err := convert(pair.Key, depth+1)
		if err != nil {
			return err
		}
		if name.Kind == document.List || name.Kind == document.Object {
			return refuse(pair.Key, "a key must be a plain word")
		}
		key := pair.Key.GetToken().Value
		if name.Kind == document.String {
			key = name.Text
		}
		if seen[key] {
			return refuse(pair.Key, "the key "+strconv.Quote(key)+" stands here a second time")
		}
		seen[key] = true
		value, err := convert(pair.Value, depth+1)
		if err != nil {
			return err
		}
		node.Members = append(node.Members, document.Member{Name: key, Value: value, Line: name.Line, Column: name.Column})
	}
	return nil
}
