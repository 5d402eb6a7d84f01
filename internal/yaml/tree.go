package yaml

import (
	"encoding/json"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/squall-proxy/squall/internal/document"
)

func position(n ast.Node) token.Position {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return *t.Position
	}
	return token.Position{}
}

// convert turns a YAML node, inside so many lists and objects, into the tree's form.
func convert(n ast.Node, depth int) (*document.Node, error) {
	at := position(n)
	node := &document.Node{Line: at.Line, Column: at.Column}
	var err error
	switch value := n.(type) {
	case *ast.NullNode:
		node.Kind = document.Null
	case *ast.BoolNode:
		node.Kind, node.Bool = document.Bool, value.Value
	case *ast.IntegerNode:
		err = number(node, value.Token)
	case *ast.FloatNode:
		err = number(node, value.Token)
	case *ast.StringNode:
		node.Kind, node.Text = document.String, value.Value
		if value.Token.Type == token.StringType && isNumber(value.Value) { // 1e3, and what is too large for 64 bits
			node.Kind = document.Number
		}
	case *ast.LiteralNode:
		node.Kind, node.Text = document.String, value.Value.Value
	case *ast.SequenceNode:
		err = list(node, value, depth+1)
	case *ast.MappingNode:
		err = object(node, value.Values, depth+1)
	case *ast.MappingValueNode:
		err = object(node, []*ast.MappingValueNode{value}, depth+1)
	default:
		err = refuse(at, "not supported here: %s", n.Type())
	}
	if err != nil {
		return nil, err
	}
	return node, nil
}

func number(node *document.Node, t *token.Token) error {
	if !isNumber(t.Value) {
		return refuse(*t.Position, "%q: write numbers as JSON does", t.Value)
	}
	node.Kind, node.Text = document.Number, t.Value
	return nil
}

// isNumber reports whether text is a number in JSON.
func isNumber(text string) bool {
	return strings.Trim(text, "+-.eE0123456789") == "" && json.Valid([]byte(text))
}

func list(node *document.Node, from *ast.SequenceNode, depth int) error {
	if depth > document.MaxDepth {
		return refuse(position(from), "nested more than %d levels deep", document.MaxDepth)
	}
	node.Kind = document.List
	for _, value := range from.Values {
		item, err := convert(value, depth)
		if err != nil {
			return err
		}
		node.Items = append(node.Items, item)
	}
	return nil
}

func object(node *document.Node, from []*ast.MappingValueNode, depth int) error {
	node.Kind = document.Object
	seen := make(map[string]bool, len(from))
	for i, pair := range from {
		at := position(pair.Key)
		if i == 0 { // the parser takes the colon for the place of an object
			node.Line, node.Column = at.Line, at.Column
		}
		if depth > document.MaxDepth {
			return refuse(at, "nested more than %d levels deep", document.MaxDepth)
		}
		name, err := keyText(pair.Key)
		if err != nil {
			return err
		}
		if seen[name] {
			return refuse(at, "the key %q stands here a second time", name)
		}
		seen[name] = true
		value, err := convert(pair.Value, depth)
		if err != nil {
			return err
		}
		node.Members = append(node.Members, document.Member{Name: name, Value: value, Line: at.Line, Column: at.Column})
	}
	return nil
}

// keyText is a key as it is written, quotes aside.
func keyText(key ast.MapKeyNode) (string, error) {
	switch value := key.(type) {
	case *ast.StringNode:
		return value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return key.GetToken().Value, nil
	}
	return "", refuse(position(key), "a key must be a plain word")
}
