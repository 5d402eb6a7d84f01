package house

import "strings"

// floor is one row of the import table.
type floor struct {
	tree       string   // our packages of this row: a folder and all below it
	ours       []string // trees of ours that it may import, besides itself and internal
	thirdParty []string // modules that it may import
}

// floors is the import table: what a package decides, moves, changes, asks or wires says what it may know.
var floors = []floor{
	{tree: "faults", thirdParty: []string{
		"go.uber.org/ratelimit", "github.com/evanphx/json-patch/v5", "github.com/klauspost/compress", "github.com/andybalholm/brotli",
	}},
	{tree: "proxy", ours: []string{"faults"}, thirdParty: []string{"golang.org/x/net", "golang.org/x/sys"}},
	{tree: "control", ours: []string{"faults", "proxy"}, thirdParty: []string{"golang.org/x/sys"}}, // flock
	{tree: "verdict", ours: []string{"faults", "proxy"}},
	{tree: "config", ours: []string{"faults", "proxy", "control"}},
	{tree: "admin", ours: []string{"faults", "proxy", "control", "verdict"}, thirdParty: []string{
		"github.com/gorilla/mux", "github.com/rs/zerolog", "github.com/rs/xid",
		"github.com/prometheus/client_golang", "go.opentelemetry.io/otel",
	}},
	{tree: "experiments", ours: []string{"faults", "verdict"}, thirdParty: []string{
		"github.com/HdrHistogram/hdrhistogram-go", "github.com/theory/jsonpath", "github.com/rs/zerolog",
	}},
	{tree: "certify", ours: []string{"faults", "verdict"}},
	{tree: "squalltest", ours: []string{"faults", "proxy", "control"}},
	{
		tree: "cmd",
		ours: []string{
			"faults", "proxy", "control", "verdict", "config", "admin", "certify", "experiments", "squalltest", "client", "services",
		},
		thirdParty: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/rs/zerolog", "github.com/prometheus/client_golang", "golang.org/x/sys"}, // isatty
	},
	{tree: "bench", ours: []string{"faults", "proxy", "control", "config", "admin"}},
	{tree: "accuracy", ours: []string{"faults", "admin"}},
	{tree: "."}, // the tests of the container files
	{tree: "client", thirdParty: []string{
		"github.com/failsafe-go/failsafe-go", "github.com/maypok86/otter/v2", "github.com/pquerna/cachecontrol",
	}},
	{tree: "services", thirdParty: []string{"github.com/gorilla/mux", "github.com/rs/zerolog"}},
	{tree: "internal/yaml", thirdParty: []string{"github.com/goccy/go-yaml"}},
	{tree: "internal/browser", thirdParty: []string{"github.com/chromedp/chromedp", "github.com/chromedp/cdproto"}}, // for tests
	{tree: "internal"},
}

// randomTrees may import math/rand, for the jitter of load and of backoff. All other chance goes through faults.Roll.
var randomTrees = []string{"client", "experiments"}

// floorOf finds the row of a package, given by its folder.
func floorOf(dir string) (floor, bool) {
	for _, f := range floors {
		if within(dir, f.tree) {
			return f, true
		}
	}
	return floor{}, false
}

// within says that path is tree or below it.
func within(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}

// withinAny says that path is one of trees or below it.
func withinAny(path string, trees []string) bool {
	for _, tree := range trees {
		if within(path, tree) {
			return true
		}
	}
	return false
}
