package main

import (
	"strconv"
	"strings"
	"testing"
)

// section finds the table under a title, without it.
func section(t *testing.T, text, title string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n\n"+title)
	if !found {
		t.Fatalf("no %q in:\n%s", title, text)
	}
	table, _, _ := strings.Cut(rest, "\n\n")
	return table
}

// rowOf finds the line of a table that begins with a name, and gives what follows it.
func rowOf(t *testing.T, table, name string) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok && !strings.HasPrefix(rest, "A/A") && !strings.HasPrefix(rest, "/") {
			return rest
		}
	}
	t.Fatalf("no row for %q in:\n%s", name, table)
	return ""
}

// checkSpreads wants so many figures in a row, within bounds.
func checkSpreads(t *testing.T, name, row string, want int, least, most float64) {
	t.Helper()
	cells := spreadText.FindAllStringSubmatch(row, -1)
	if len(cells) != want {
		t.Errorf("%s: %d figures, want %d: %q", name, len(cells), want, row)
	}
	for _, cell := range cells {
		if !plausible(cell, least, most) {
			t.Errorf("%s: %q", name, cell[0])
		}
	}
}

// plausible reports whether lowest, median and highest stand in order between two bounds.
func plausible(cell []string, least, most float64) bool {
	var figures [3]float64
	for i, text := range cell[1:] {
		figures[i], _ = strconv.ParseFloat(text, 64)
	}
	median, low, high := figures[0], figures[1], figures[2]
	return least <= low && low <= median && median <= high && high <= most
}

// checkVerdict wants one if there is a target, and none otherwise.
func checkVerdict(t *testing.T, name, row string, target float64) {
	t.Helper()
	if judged := strings.Contains(row, ": met") || strings.Contains(row, ": NOT met"); judged != (target > 0) {
		t.Errorf("%s: target %v, but the row is %q", name, target, row)
	}
}

func TestReportHoldsRatiosAgainstTargets(t *testing.T) {
	field := []contender{
		{name: "old", start: startReverseProxy},
		{name: "old A/A", start: startReverseProxy, twin: "old"},
		{name: "new", start: startReverseProxy, against: []comparison{{"old", 0.50}, {"gone", 0.1}, {"new", 0}}},
		{name: "dear", start: startReverseProxy, against: []comparison{{"old", 1.10}}},
	}
	r := result{task: task{connections: 7, exchanges: 10, field: field}, rate: 250, latency: map[string][]latency{"new": {{10, 30}, {20, 50}}}}
	for _, old := range []float64{100, 200, 400} {
		r.rounds = append(r.rounds, round{"old": {proxy: old}, "old A/A": {proxy: 2 * old}, "new": {proxy: old / 2}, "dear": {proxy: 100 * 1.2}})
	}
	var out strings.Builder
	printResult(&out, 3, r)
	for _, want := range []string{
		"\nsmall exchanges, keep-alive connections: 7, GOMAXPROCS=3\nCPU in µs per exchange, 10 exchanges a round; p50 and p99 in µs at 250/s\n",
		"\nnew                      100.0 (50.0–200.0)          0.0 (0.0–0.0)               15 (10–20)                 40 (30–50)\n",
		"\nnew / old                                0.500 (0.500–0.500)    2.000 (2.000–2.000)    at most 0.50: met\n",
		"\nnew / new                                1.000 (1.000–1.000)    -\n",
		"\ndear / old                               0.600 (0.300–1.200)    2.000 (2.000–2.000)    at most 1.10: met\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "gone") {
		t.Errorf("a comparison with nobody:\n%s", &out)
	}
}

func TestReportGivesLongRepliesPerGB(t *testing.T) {
	r := result{
		task:   task{reply: 10 << 20, connections: 4, exchanges: 40, field: []contender{{name: "x", start: startReverseProxy}}},
		rounds: []round{{"x": {proxy: 10_485.76, rest: 20_971.52}}}, // 10 MiB in as many µs: one second for 1 GB
	}
	var out strings.Builder
	printResult(&out, 1, r)
	if want := "CPU in ms per GB, 40 exchanges a round\n"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, &out)
	}
	if row := strings.Fields(rowOf(t, out.String(), "x")); row[0] != "1000.0" || row[2] != "2000.0" {
		t.Errorf("got %q", row)
	}
}
