package faults

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/faults.md anew")

const reference = "../docs/faults.md"

// link is one of a comment's links.
var link = regexp.MustCompile(`\[([A-Z][A-Za-z.]*)\]`)

// TestReference holds docs/faults.md: it says what the kind table and the comments in the code say.
func TestReference(t *testing.T) {
	want := writeReference(t)
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code says: go test ./faults -run TestReference -update", reference)
	}
}

func writeReference(t *testing.T) string {
	types := parseTypes(t)
	var out strings.Builder
	out.WriteString("# Faults\n\nEvery kind of fault that this version carries out, and its attributes. Written from the code by\n" +
		"`go test ./faults -run TestReference -update`.\n\nDurations are texts such as `\"250ms\"`; sizes are bytes, or texts such as `\"10KB\"`" +
		" (1 KB = 1000 B). The short form of a rule sets the\nmain attribute: `{\"delay\": \"300ms\"}`, `{\"abort\": 503}`.\n\n" +
		"On HTTP/2 every ending (reset, empty, malformed, truncate but for \"hang\", blackhole) is RST_STREAM INTERNAL_ERROR behind what was\nto" +
		" arrive, and the connection lives on.\n")
	for _, k := range Kinds() {
		if !k.Available() {
			continue
		}
		name := reflect.TypeOf(k.New()).Elem().Name()
		spec := types[name]
		if spec.fields == nil {
			t.Fatalf("kind %s: no struct %s", k.Name, name)
		}
		fmt.Fprintf(&out, "\n## %s\n%s\n%s. Main attribute: %s.\n", k.Name, paragraphsOf(spec.doc), phasesOf(k), mainOf(k))
		writeAttributes(t, &out, k, spec)
	}
	return out.String()
}

// typeSpec is a struct in the code.
type typeSpec struct {
	doc    string
	fields *ast.StructType
}

// parseTypes reads the package's structs with their comments.
func parseTypes(t *testing.T) map[string]typeSpec {
	t.Helper()
	types := map[string]typeSpec{}
	files, err := filepath.Glob("[ht]*_*.go") // http_*.go, tcp_*.go
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range append(files, "tls.go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.TYPE {
				continue
			}
			spec := general.Specs[0].(*ast.TypeSpec)
			if fields, ok := spec.Type.(*ast.StructType); ok {
				types[spec.Name.Name] = typeSpec{general.Doc.Text(), fields}
			}
		}
	}
	return types
}

// writeAttributes writes a row for each attribute; those that are refused until later have none.
func writeAttributes(t *testing.T, out *strings.Builder, k Kind, spec typeSpec) {
	rows := 0
	for _, field := range spec.fields.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json")
		attribute, _, _ := strings.Cut(tag, ",")
		text := field.Comment.Text()
		if text == "" {
			text = field.Doc.Text()
		}
		switch text = wordsOf(text); {
		case text == "":
			t.Errorf("kind %s: attribute %s has no comment in the code", k.Name, attribute)
		case strings.HasPrefix(text, "later"):
			continue
		}
		if rows++; rows == 1 {
			out.WriteString("\n| attribute | |\n|---|---|\n")
		}
		fmt.Fprintf(out, "| `%s` | %s |\n", attribute, strings.ReplaceAll(text, "|", `\|`))
	}
}

// paragraphsOf is a comment as Markdown.
func paragraphsOf(text string) string {
	text = link.ReplaceAllString(text, "$1")
	return string(new(comment.Printer).Markdown(new(comment.Parser).Parse(text)))
}

// wordsOf is a comment as a text of one line, without the brackets of its links.
func wordsOf(text string) string {
	return link.ReplaceAllString(strings.ReplaceAll(strings.TrimSpace(text), "\n", " "), "$1")
}

func phasesOf(k Kind) string {
	if k.shapes() {
		return "Stream: downstream, upstream"
	}
	var names []string
	for _, phase := range k.Phases() {
		names = append(names, string(phase))
	}
	return "Phases: " + strings.Join(names, ", ")
}

func mainOf(k Kind) string {
	if k.Main == "" {
		return "none"
	}
	return "`" + k.Main + "`"
}
