package verdict

import "strings"

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

// route is what attempts have in common of which it is asked whether they are well.
type route struct{ method, host, path string }

// routeOf is the attempt's route: of its path so many segments.
func routeOf(a *attempt, depth int) route {
	end := 0
	for range depth {
		next := strings.IndexByte(a.Path[min(end+1, len(a.Path)):], '/')
		if next < 0 {
			end = len(a.Path)
			break
		}
		end += 1 + next
	}
	return route{a.Method, a.Host, a.Path[:end]}
}

// routes groups attempts; none if they are more than are looked at.
func routes(attempts []*attempt, depth int) map[route][]*attempt {
	groups := map[route][]*attempt{}
	for _, a := range attempts {
		r := routeOf(a, depth)
		groups[r] = append(groups[r], a)
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
	var before [maxDepth + 1]map[route][]*attempt // by depth
	for depth := 1; depth <= maxDepth; depth++ {
		before[depth] = routes(usual, depth)
	}
	lowest, looked, which := 1.0, 0, ""
	for _, t := range s.faults() {
		well, depth := partlyWell(t, before[:])
		for r, group := range well {
			expected := perSecond(len(before[depth][r]), length) * t.length().Seconds()
			if expected < f.limit("exchanges") {
				continue
			}
			looked++
			path := r.method + " " + r.path
			if left := float64(len(group)) / expected; left < lowest || left == lowest && path < which {
				lowest, which = left, path
				f.showOnly(group)
			}
		}
	}
	if looked == 0 {
		f.inconclusive("no fault failed one route and left another well, with %s exchanges of it", number(f.limit("exchanges")))
		return
	}
	f.figure("load left", lowest, "of the load")
	if lowest < 1-f.limit("drop") {
		f.fail("%s fell to %s of its load while only other routes failed", which, percent(lowest))
		return
	}
	f.pass("routes that were well kept %s of their load or more while others failed", percent(lowest))
}

// partlyWell gives, at the least depth of paths at which some route fails and others do not, those that do not: also those
// of the baseline, given by depth, that are not asked for any more.
func partlyWell(t stretch, usual []map[route][]*attempt) (well map[route][]*attempt, depth int) {
	if t.bad == 0 {
		return nil, 0
	}
	for depth := 1; depth <= maxDepth; depth++ {
		asked, well, failing := routes(t.attempts, depth), map[route][]*attempt{}, 0
		for r, group := range asked {
			switch bad := badShare(group); {
			case bad <= wellShare:
				well[r] = group
			case bad >= outageShare:
				failing++
			}
		}
		if failing == 0 {
			continue
		}
		for r := range usual[depth] {
			if asked[r] == nil {
				well[r] = nil
			}
		}
		if len(well) > 0 {
			return well, depth
		}
	}
	return nil, 0
}
