package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// file is one Go file of the module.
type file struct {
	dir    string // slash-separated, from the module's root
	isTest bool
	set    *token.FileSet
	tree   *ast.File
}

// violation says what is wrong at a node of the file.
func (f *file) violation(at ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%v: %s", f.set.Position(at.Pos()), fmt.Sprintf(format, args...))
}

// check returns every rule that the file breaks.
func (f *file) check(module string) []string {
	broken := f.checkImports(module)
	for _, declaration := range f.tree.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			broken = append(broken, f.violation(fn, "func init: what must be set up is set up by its caller"))
		}
	}
	if !f.isTest {
		broken = append(broken, f.checkRandom()...)
		broken = append(broken, f.checkSleep()...)
		broken = append(broken, f.checkGoroutines()...)
	}
	return broken
}

// checkImports holds the file against its row of the import table. Third-party modules are free in tests.
func (f *file) checkImports(module string) []string {
	row, ok := floorOf(f.dir)
	if !ok {
		return []string{f.violation(f.tree, "%q has no row in the import table", f.dir)}
	}
	var broken []string
	for _, spec := range f.tree.Imports {
		path := importPath(spec)
		first, _, _ := strings.Cut(path, "/")
		switch {
		case within(path, module):
			dir := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
			if !withinAny(dir, row.ours) && !within(dir, row.tree) && !within(dir, "internal") {
				broken = append(broken, f.violation(spec, "%s must not import %s", row.tree, dir))
			}
		case !strings.Contains(first, "."): // the standard library
		case !f.isTest && !withinAny(path, row.thirdParty):
			broken = append(broken, f.violation(spec, "%s does not belong in %s", path, row.tree))
		}
	}
	return broken
}

func (f *file) checkRandom() []string {
	var broken []string
	for _, spec := range f.tree.Imports {
		if within(importPath(spec), "math/rand") && !withinAny(f.dir, randomTrees) {
			broken = append(broken, f.violation(spec, "math/rand: chance goes through faults.Roll"))
		}
	}
	return broken
}

func (f *file) checkSleep() []string {
	local := f.localName("time")
	var broken []string
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if name, ok := n.X.(*ast.Ident); ok && name.Name == local && n.Sel.Name == "Sleep" {
				broken = append(broken, f.violation(n, "time.Sleep: waiting goes through wait.For"))
			}
		case *ast.Ident:
			if local == "." && n.Name == "Sleep" {
				broken = append(broken, f.violation(n, "time.Sleep: waiting goes through wait.For"))
			}
		}
		return true
	})
	return broken
}

func (f *file) checkGoroutines() []string {
	var broken []string
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if statement, ok := n.(*ast.GoStmt); ok {
			if _, ok := ast.Unparen(statement.Call.Fun).(*ast.FuncLit); ok {
				broken = append(broken, f.violation(n, "go func literal: a goroutine runs a named function"))
			}
		}
		return true
	})
	return broken
}

// localName is the name under which the file knows a package of the standard library, "" if it does not import it.
func (f *file) localName(path string) string {
	for _, spec := range f.tree.Imports {
		if importPath(spec) != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path[strings.LastIndex(path, "/")+1:]
	}
	return ""
}

func importPath(spec *ast.ImportSpec) string {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // not reached: the parser has read it
	}
	return path
}

// checkPackageComment wants one file of each package to say what the package is. External test packages are exempt.
func checkPackageComment(files []*file) []string {
	commented, first := map[string]bool{}, map[string]*file{}
	for _, f := range files {
		name := f.tree.Name.Name
		if strings.HasSuffix(name, "_test") {
			continue
		}
		if first[name] == nil {
			first[name] = f
		}
		wanted := "Package " + name + " "
		if name == "main" {
			wanted = ""
		}
		text := f.tree.Doc.Text()
		commented[name] = commented[name] || text != "" && strings.HasPrefix(text, wanted)
	}
	var broken []string
	for name, f := range first {
		if !commented[name] {
			broken = append(broken, f.violation(f.tree, "package %s has no comment %q", name, "Package "+name+" …"))
		}
	}
	return broken
}
