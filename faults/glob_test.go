package faults

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// matches compiles a pattern and tests a path.
func matches(t testing.TB, pattern, path string) bool {
	t.Helper()
	compiled, err := glob(pattern)
	if err != nil {
		t.Fatalf("%q: %v", pattern, err)
	}
	return compiled(path)
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern    string
		yes, never []string
	}{
		{"/stock", []string{"/stock"}, []string{"/stock/", "/stock/7", "/stoc", "/"}},
		{"/stock/*", []string{"/stock/7", "/stock/", "/stock/a b"}, []string{"/stock", "/stock/7/8", "/stock/7/", "/stocks/7"}},
		{"/stock/**", []string{"/stock/", "/stock/7", "/stock/7/8/"}, []string{"/stock", "/stocks/7"}},
		{"/stock**", []string{"/stock", "/stocks/7", "/stock/7"}, []string{"/stoc"}},
		{"**", []string{"", "/", "/a/b"}, nil},
		{"**/health", []string{"/health", "/a/b/health"}, []string{"/health/", "/healthy", "/ahealt"}},
		{"/*/7", []string{"/a/7", "//7"}, []string{"/a/b/7", "/7", "/a/77"}},
		{"/a*b*c", []string{"/abc", "/aXbYc", "/abbcc", "/abcbc"}, []string{"/ab/c", "/abcX", "/acb"}},
		{"/a*b/c*d", []string{"/ab/cd", "/aXb/cYd", "/abb/cdd"}, []string{"/abX/cd", "/ab/c/d", "/aab/cdX"}},
		{"/*/x/**", []string{"/a/x/", "/a/x/b/c"}, []string{"/a/x", "/a/b/x/c", "/x/c"}},
		{"/a/**/z", []string{"/a//z", "/a/b/z", "/a/b/c/z"}, []string{"/a/z", "/a/b/zz"}},
		{"/**/*.json", []string{"/a/b.json", "/a/b/.json"}, []string{"/b.json", "/a/b.json/"}},
		{"/**a*b", []string{"/a/aXb", "/ab"}, []string{"/a/b", "/ab/"}},
		{"/**/a", []string{"/\n/a"}, []string{"/\na"}},
		{"/***", []string{"/", "/a/b"}, []string{""}},
		{"/a.c", []string{"/a.c"}, []string{"/abc"}},
		{"/(a|b)[x]+?", []string{"/(a|b)[x]+?"}, []string{"/a", "/ax"}},
		{"/**(+", []string{"/x/(+"}, []string{"/x"}},
		{"/**\xff*b", []string{"/\xffab", "/a/\xffb"}, []string{"/\xfeab", "/ab", "/\xff/b"}},
		{"/ü*", []string{"/ü", "/üä"}, []string{"/u"}},
	} {
		for _, path := range c.yes {
			if !matches(t, c.pattern, path) {
				t.Errorf("%q does not match %q", c.pattern, path)
			}
		}
		for _, path := range c.never {
			if matches(t, c.pattern, path) {
				t.Errorf("%q matches %q", c.pattern, path)
			}
		}
	}
}

// naive is what a pattern means, spelt out: exponential, and plainly right.
func naive(pattern, path string) bool {
	switch {
	case pattern == "":
		return path == ""
	case strings.HasPrefix(pattern, "**"):
		return naive(pattern[2:], path) || path != "" && naive(pattern, path[1:])
	case pattern[0] == '*':
		return naive(pattern[1:], path) || path != "" && path[0] != '/' && naive(pattern, path[1:])
	}
	return path != "" && path[0] == pattern[0] && naive(pattern[1:], path[1:])
}

func TestGlobMeansWhatItSays(t *testing.T) {
	long := rapid.StringMatching(`[ab]{60,70}`) // patterns beyond one word of states
	short := rapid.StringOfN(rapid.SampledFrom([]rune("ab/**")), 0, 9, -1)
	pattern := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "long") {
			return short.Draw(t, "head") + long.Draw(t, "literal") + short.Draw(t, "tail")
		}
		return short.Draw(t, "short")
	})
	path := rapid.StringOfN(rapid.SampledFrom([]rune("ab/")), 0, 9, -1)
	rapid.Check(t, func(t *rapid.T) {
		pattern, path := pattern.Draw(t, "pattern"), path.Draw(t, "path")
		if rapid.Bool().Draw(t, "near") { // a path that is, or nearly is, one that the pattern means
			path = strings.ReplaceAll(strings.ReplaceAll(pattern, "**", path), "*", "a")
		}
		compiled, err := glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := compiled(path), naive(pattern, path); got != want {
			t.Fatalf("%q on %q: %t, want %t", pattern, path, got, want)
		}
	})
}

// TestHostilePatternsStayLinear has a path as long as a request line may be. Backtracking as [naive] does would not
// come to an end here.
func TestHostilePatternsStayLinear(t *testing.T) {
	const size = 1 << 14
	long := "/" + strings.Repeat("a", size)
	for _, pattern := range []string{
		"/" + strings.Repeat("*a", 100) + "b",
		"/" + strings.Repeat("a*", 100) + "b",
		"/**" + strings.Repeat("*a", 20) + "b",
		strings.Repeat("**a", 20) + "b",
		"/" + strings.Repeat("*", 200) + "b",
	} {
		if matches(t, pattern, long) {
			t.Errorf("%q matches a path without a b", pattern)
		}
	}
	if matches(t, "/"+strings.Repeat("*/", 200)+"b", strings.Repeat("/a", size/2)) {
		t.Error("a pattern of 200 segments matches a longer path")
	}
	regex := `^(/a+)+(a|aa)+$|(a*)*b`
	tests, err := Values{{Regex: &regex}}.compile(glob)
	if err != nil {
		t.Fatal(err)
	}
	if tests.match(long + "!") {
		t.Error("the regular expression matches")
	}
}

func TestPatternsRefused(t *testing.T) {
	for _, pattern := range []string{"/" + strings.Repeat("a", MaxPattern), "/**b**" + strings.Repeat("a", MaxPattern)} {
		if _, err := Compile(Config{Protect: []string{pattern}}); err == nil || len(err.Error()) > 300 {
			t.Errorf("%.20q: got %.300v, want a short refusal", pattern, err)
		}
	}
}

func BenchmarkGlob(b *testing.B) {
	for _, pattern := range []string{"/api/v1/users", "/api/**", "/api/*/users", "/api/**/users"} {
		compiled, err := glob(pattern)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(pattern, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compiled("/api/v1/users")
			}
		})
	}
}

// BenchmarkGlob_Hostile has paths that keep the costliest patterns busy to their end.
func BenchmarkGlob_Hostile(b *testing.B) {
	path := "/" + strings.Repeat("a", 16<<10)
	for name, pattern := range map[string]string{
		"60B": strings.Repeat("**a", 20) + "b*a", "1KiB": strings.Repeat("**a", 340) + "b*a", "1KiB_literal": "/**" + strings.Repeat("a", 1000) + "b**a",
	} {
		compiled, err := glob(pattern)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compiled(path)
			}
		})
	}
}
