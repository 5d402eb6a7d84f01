package verdict

import (
	"maps"
	"slices"
	"strings"
)

// scopeDetectors look at what a failure drags along.
func scopeDetectors() []detector {
	return []detector{
		{
			id: "D21", name: "breaker scope too wide",
			needs:    "a fault that fails one route and leaves another well, and a steady demand with 50 exchanges of that one",
			limits:   []Threshold{{"drop", 0.2, "of the load"}, {"exchanges", 50, "exchanges"}},
			evaluate: tooWide, mend: mendScope(),
		},
	}
}

// maxDepth is how many segments of paths are looked at to tell routes apart, and maxRoutes how many routes of one depth.
const (
	maxDepth  = 4
	maxRoutes = 1000
)

// routeOf is the attempt's method, host and the first segments of its path.
func routeOf(a *attempt, depth int) string {
	segments := strings.SplitN(strings.TrimPrefix(a.Path, "/"), "/", depth+1)
	return a.Method + " " + a.Host + "/" + strings.Join(segments[:min(depth, len(segments))], "/")
}

// routes groups attempts; none if they are more than are looked at.
func routes(attempts []*attempt, depth int) map[string][]*attempt {
	groups := map[string][]*attempt{}
	for _, a := range attempts {
		route := routeOf(a, depth)
		groups[route] = append(groups[route], a)
		if len(groups) > maxRoutes {
			return nil
		}
	}
	return groups
}

// The share of failures up to which a route is well.
const wellShare = 0.05

// tooWide looks at the routes that are well while others fail: is their load still what it was in the baseline?
func tooWide(s *scene, f *finding) {
	if _, reason := s.steady(); reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	usual, length := s.baseline()
	if length == 0 {
		f.inconclusive("there is no baseline to hold the load of routes against")
		return
	}
	lowest, looked, which := 1.0, 0, ""
	for _, t := range s.faults() {
		well, depth := partlyWell(t.attempts, usual)
		before := routes(usual, depth)
		for _, route := range slices.Sorted(maps.Keys(well)) {
			expected := perSecond(len(before[route]), length) * t.length().Seconds()
			if expected < f.limit("exchanges") {
				continue
			}
			looked++
			if left := float64(len(well[route])) / expected; left < lowest {
				lowest, which, f.Evidence, f.LeftOut = left, route, nil, 0
				f.show(well[route]...)
			}
		}
	}
	f.figure("load left", lowest, "of the load")
	switch {
	case looked == 0:
		f.inconclusive("no fault failed one route and left another well, with %s exchanges of it", number(f.limit("exchanges")))
	case lowest < 1-f.limit("drop"):
		f.fail("%s fell to %s of its load while only other routes failed", which, percent(lowest))
	default:
		f.pass("routes that were well kept %s of their load or more while others failed", percent(lowest))
	}
}

// partlyWell gives, at the least depth of paths at which some route fails and others do not, those that do not: also those
// of the baseline that are not asked for any more.
func partlyWell(attempts, usual []*attempt) (well map[string][]*attempt, depth int) {
	for depth := 1; depth <= maxDepth; depth++ {
		asked, well, failing := routes(attempts, depth), map[string][]*attempt{}, 0
		for route, group := range asked {
			switch bad := badShare(group); {
			case bad <= wellShare:
				well[route] = group
			case bad >= outageShare:
				failing++
			}
		}
		if failing == 0 {
			continue
		}
		for route := range routes(usual, depth) {
			if asked[route] == nil {
				well[route] = nil
			}
		}
		if len(well) > 0 {
			return well, depth
		}
	}
	return nil, 0
}
