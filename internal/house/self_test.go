package house

import (
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

const module = "example.org/m"

// source parses one file of an imagined module.
func source(t *testing.T, name, text string) *file {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return &file{path.Dir(name), isTestCode(path.Dir(name), path.Base(name)), set, tree}
}

// The rules themselves: each must catch what it is for, and let pass what it is not for.
func TestRules(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"faults/a.go", `import "example.org/m/proxy"`, "faults must not import proxy"},
		{"faults/a_test.go", `import "example.org/m/proxy"`, "faults must not import proxy"},
		{"faults/faultstest/a.go", `import "example.org/m/faults"`, ""},
		{"faults/a.go", `import "example.org/m/internal/wait"`, ""},
		{"faults/a.go", `import "example.org/m"`, "faults must not import "},
		{"proxy/tcp/a.go", `import ("example.org/m/faults"; "example.org/m/proxy")`, ""},
		{"proxy/tcp/a.go", `import "example.org/m/control"`, "proxy must not import control"},
		{"proxies/a.go", ``, `"proxies" has no row in the import table`},
		{"admin/a.go", `import "example.org/m/config"`, "admin must not import config"},
		{"admin/a.go", `import "example.org/m/controlroom"`, "admin must not import controlroom"},
		{"experiments/a.go", `import "example.org/m/control"`, "experiments must not import control"},
		{"internal/wait/a.go", `import "example.org/m/faults"`, "internal must not import faults"},
		{"client/a.go", `import "example.org/m/faults"`, "client must not import faults"},
		{"cmd/squall/a.go", `import ("example.org/m/admin"; "github.com/spf13/cobra")`, ""},

		{"faults/a.go", `import "github.com/klauspost/compress/zstd"`, ""},
		{"faults/a.go", `import "github.com/klauspost/compressor"`, "github.com/klauspost/compressor does not belong in faults"},
		{"faults/a.go", `import "github.com/rs/zerolog"`, "github.com/rs/zerolog does not belong in faults"},
		{"faults/a_test.go", `import "github.com/rs/zerolog"`, ""},
		{"proxy/proxytest/a.go", `import "github.com/rs/zerolog"`, ""},
		{"proxy/nethttp/a.go", `import "github.com/rs/zerolog"`, "does not belong"},
		{"internal/wait/a.go", `import "golang.org/x/sys/unix"`, "golang.org/x/sys/unix does not belong in internal"},
		{"control/a.go", `import "golang.org/x/sys/unix"`, ""},
		{"internal/yaml/a.go", `import "github.com/goccy/go-yaml/ast"`, ""},
		{"internal/wait/a.go", `import "github.com/goccy/go-yaml"`, "github.com/goccy/go-yaml does not belong in internal"},

		{"control/a.go", `func init() {}`, "func init"},
		{"control/a_test.go", `func init() {}`, "func init"},
		{"control/a.go", `type t int; func (t) init() {}`, ""},

		{"control/a.go", `import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
		{"control/a.go", `import "time"; var f = time.Sleep`, "time.Sleep"},
		{"control/a.go", `import clock "time"; func f() { clock.Sleep(1) }`, "time.Sleep"},
		{"control/a.go", `import . "time"; func f() { Sleep(1) }`, "time.Sleep"},
		{"control/a.go", `import "time"; func f() { clock.Sleep(time.Second) }`, ""},
		{"control/a_test.go", `import "time"; func f() { time.Sleep(1) }`, ""},

		{"faults/a.go", `import "math/rand"`, "math/rand"},
		{"services/flaky/a.go", `import "math/rand/v2"`, "math/rand"},
		{"faults/a.go", `import "math"`, ""},
		{"faults/a_test.go", `import "math/rand/v2"`, ""},
		{"client/a.go", `import "math/rand/v2"`, ""},
		{"experiments/load/a.go", `import "math/rand/v2"`, ""},

		{"proxy/a.go", `func f() { go func() {}() }`, "go func literal"},
		{"proxy/a.go", `func f() { go (func() {})() }`, "go func literal"},
		{"proxy/a.go", `func f() { func() { go func() {}() }() }`, "go func literal"},
		{"proxy/a.go", `func f() { go g(); go x.g(func() {}); defer func() {}() }`, ""},
		{"proxy/a_test.go", `func f() { go func() {}() }`, ""},
	} {
		got := strings.Join(source(t, test.name, "package p; "+test.text).check(module), "\n")
		if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: %s\ngot  %q\nwant %q", test.name, test.text, got, test.want)
		}
	}
}

func TestPackageCommentRule(t *testing.T) {
	for _, test := range []struct {
		texts []string
		want  bool // that the rule is broken
	}{
		{[]string{"package p"}, true},
		{[]string{"// Package p is good.\npackage p"}, false},
		{[]string{"package p", "// Package p is good.\npackage p", "package p"}, false},
		{[]string{"// Package q is elsewhere.\npackage p"}, true},
		{[]string{"// Package p is not attached.\n\npackage p"}, true},
		{[]string{"//go:build linux\n\npackage p"}, true},
		{[]string{"// Package p is good.\npackage p", "package p_test"}, false},
		{[]string{"package p_test"}, false},
		{[]string{"package main"}, true},
		{[]string{"// Command squall breaks things.\npackage main"}, false},
	} {
		var files []*file
		for _, text := range test.texts {
			files = append(files, source(t, "p/a.go", text))
		}
		if got := checkPackageComment(files); (len(got) > 0) != test.want {
			t.Errorf("%q: got %q", test.texts, got)
		}
	}
}
