package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheModuleKeepsTheRules(t *testing.T) {
	root := moduleRoot(t)
	packages := parseModule(t, root)
	for _, dir := range []string{"internal/house", "internal/document"} {
		if len(packages[dir]) == 0 {
			t.Errorf("%s was not found below %s: the walk is broken", dir, root)
		}
	}
	module := modulePath(t, root)
	for _, files := range packages {
		for _, f := range files {
			for _, broken := range f.check(module) {
				t.Error(broken)
			}
		}
		for _, broken := range checkPackageComment(files) {
			t.Error(broken)
		}
	}
}

// moduleRoot is the nearest folder above with a go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !isModule(dir) {
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("there is no go.mod above this package")
		}
		dir = parent
	}
	return dir
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// modulePath reads the module's path from its go.mod.
func modulePath(t *testing.T, root string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(path)
		}
	}
	t.Fatal("go.mod names no module")
	return ""
}

// suites are the packages that other packages' tests run.
var suites = []string{"proxy/proxytest", "faults/faultstest", "verdict/verdicttest"}

// isTestCode tells test files, and the packages of suites that other packages' tests run.
func isTestCode(dir, name string) bool {
	return strings.HasSuffix(name, "_test.go") || withinAny(dir, suites)
}

// parseModule parses every Go file of the module, by folder. Folders that the go command passes over are passed over here:
// testdata, vendor, hidden ones, and modules inside the module.
func parseModule(t *testing.T, root string) map[string][]*file {
	t.Helper()
	packages := map[string][]*file{}
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (isPassedOver(name) || isModule(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || isPassedOver(name) {
			return nil
		}
		tree, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(relative)
		packages[dir] = append(packages[dir], &file{dir, isTestCode(dir, name), set, tree})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

func isPassedOver(name string) bool {
	return slices.Contains([]string{"testdata", "vendor", "node_modules"}, name) || name[0] == '.' || name[0] == '_'
}
