package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is this program in its roles, when a test has started it once more.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == roleArgument {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// spreadText is a cell of the tables: median (lowest–highest).
var spreadText = regexp.MustCompile(`([0-9.]+) \(([0-9.]+)–([0-9.]+)\)`)

func TestAQuickRunPrintsEveryRow(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick"}, &out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &out)
	head, rest, _ := strings.Cut(out.String(), "\nresident memory")
	tables := strings.Split(head, "\nkeep-alive connections: ")[1:]
	if len(tables) != len(quick().connections) {
		t.Fatalf("%d tables of CPU, want %d", len(tables), len(quick().connections))
	}
	for i, table := range tables {
		if want := strconv.Itoa(quick().connections[i]) + "\n"; !strings.HasPrefix(table, want) {
			t.Errorf("the table is for %.3q connections, want %q", table, want)
		}
		for _, c := range contenders() {
			checkCPU(t, c, row(t, table, c.name))
		}
	}
	for _, c := range contenders() {
		if c.memory {
			checkMemory(t, c, row(t, rest, c.name))
		}
	}
}

// row finds the line of a contender, and gives what follows the name.
func row(t *testing.T, table, name string) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, name+"  "); ok {
			return rest
		}
		if rest, ok := strings.CutPrefix(line, name+" "); ok && !strings.HasPrefix(rest, "A/A") {
			return rest
		}
	}
	t.Fatalf("no row for %q in:\n%s", name, table)
	return ""
}

// checkCPU wants every figure of a row where it belongs, and within what a machine can do.
func checkCPU(t *testing.T, c contender, row string) {
	t.Helper()
	cells := spreadText.FindAllStringSubmatch(row, -1)
	want := 1 // upstream and load
	if c.start != nil {
		want++
	}
	if c.against != "" {
		want++
		if ratio := cells[len(cells)-1]; !plausible(ratio, 0.01, 100) {
			t.Errorf("%s: ratio %q", c.name, ratio[0])
		}
		cells = cells[:len(cells)-1]
		want--
	}
	if len(cells) != want {
		t.Errorf("%s: %d figures of CPU, want %d: %q", c.name, len(cells), want, row)
	}
	for _, cell := range cells {
		if !plausible(cell, 1, 100_000) {
			t.Errorf("%s: CPU %q µs", c.name, cell[0])
		}
	}
	if met := strings.Contains(row, ": met") || strings.Contains(row, ": MISSED"); met != (c.target > 0) {
		t.Errorf("%s: target %v, but the row is %q", c.name, c.target, row)
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

func checkMemory(t *testing.T, c contender, row string) {
	t.Helper()
	cells := strings.Fields(row)
	if len(cells) < 5 {
		t.Fatalf("%s: %q", c.name, row)
	}
	var peak float64
	for _, cell := range cells[:5] {
		figure, err := strconv.ParseFloat(cell, 64)
		if err != nil || figure < 1 || figure > 1000 {
			t.Errorf("%s: memory %q MiB", c.name, cell)
		}
		peak = figure
	}
	if met := strings.Contains(row, "at most 100: met"); c.maxMiB > 0 && met != (peak <= c.maxMiB) {
		t.Errorf("%s: %q", c.name, row)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-pairs", "0"},
		{"-connections", "1,0"},
		{"-connections", ""},
		{"-exchanges", "3"},
		{"-body", "0"},
		{"-procs", "0"},
		{"more"},
		{roleArgument},
		{roleArgument, "127.0.0.1:0", "clown"},
	} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func TestRunStopsWhenItIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"-quick"}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
