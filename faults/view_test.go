package faults

import (
	"net/url"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCleanPath(t *testing.T) {
	for given, want := range map[string]string{
		"":                   "/",
		"/":                  "/",
		"//":                 "/",
		"a":                  "/a",
		"*":                  "/*",
		"/a":                 "/a",
		"/a/":                "/a/",
		"/a//b///":           "/a/b/",
		"//a":                "/a",
		"/a/./b/../c":        "/a/c",
		"/a/..":              "/",
		"/a/../":             "/",
		"/../../etc/passwd":  "/etc/passwd",
		"/health/../admin":   "/admin",
		"/a/./":              "/a/",
		"/a b/ü":             "/a b/ü",
		"/a/b/c/d/e/f/":      "/a/b/c/d/e/f/",
		"/\x00/..\\windows/": "/\x00/..\\windows/",
	} {
		if got := CleanPath(given); got != want {
			t.Errorf("CleanPath(%q) = %q, want %q", given, got, want)
		}
		if again := CleanPath(want); again != want {
			t.Errorf("CleanPath(%q) = %q: cleaning twice changes it", want, again)
		}
	}
	for _, clean := range []string{"/a/b", "/a/b/"} {
		if n := testing.AllocsPerRun(100, func() { CleanPath(clean) }); n != 0 {
			t.Errorf("CleanPath(%q), which is clean, allocates %v times", clean, n)
		}
	}
}

func TestHostName(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "stock": "stock", "Stock.Test:8080": "stock.test", "10.0.0.1:80": "10.0.0.1", "[::1]:80": "[::1]", "[::1]": "[::1]",
	} {
		if got := (&View{Host: given}).hostName(); got != want {
			t.Errorf("host %q: got %q, want %q", given, got, want)
		}
	}
}

// TestCutParameterReadsAsURLDoes compares with net/url, which allocates.
func TestCutParameterReadsAsURLDoes(t *testing.T) {
	query := rapid.StringOfN(rapid.SampledFrom([]rune("ab&&==%+;2561")), 0, 20, -1)
	rapid.Check(t, func(t *rapid.T) {
		query := query.Draw(t, "query")
		want, _ := url.ParseQuery(query)
		for _, name := range []string{"a", "b", "", "a b", "a=", "%"} {
			var got []string
			for value, rest, found := cutParameter(query, name); found; value, rest, found = cutParameter(rest, name) {
				got = append(got, value)
			}
			if !slices.Equal(got, want[name]) {
				t.Fatalf("%q of %q: %q, want %q", name, query, got, want[name])
			}
		}
	})
}
