package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
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
	programs, err := find(peers(), true, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{programs: programs}
	for _, task := range slices.Concat(l.tasks(quick()), l.recordsTasks(quick()), []task{l.dashboardsTask(quick())}, l.tcpTasks(quick())) {
		table := section(t, out.String(), task.title(quick().procs[0]))
		for _, c := range task.field {
			checkContender(t, table, task, c)
		}
	}
	total := section(t, out.String(), "resident memory in MiB")
	idle := section(t, out.String(), "resident memory for each of 200 idle")
	slow := section(t, out.String(), "resident memory for each of 20 slow")
	for _, h := range memoryField() {
		if len(l.present([]contender{h.contender})) == 0 {
			continue
		}
		checkSpreads(t, h.name, rowOf(t, total, h.name), 5, 1, 1000)
		checkVerdict(t, h.name, rowOf(t, total, h.name), h.peak)
		checkSpreads(t, h.name, rowOf(t, idle, h.name), 1, 0, 1000)
		checkVerdict(t, h.name, rowOf(t, idle, h.name), h.idle)
		checkSpreads(t, h.name, rowOf(t, slow, h.name), 3, 0, 2000)
		checkVerdict(t, h.name, rowOf(t, slow, h.name), h.slow)
	}
}

// checkContender wants every figure of a contender where it belongs, and within what a machine can do.
func checkContender(t *testing.T, table string, task task, c contender) {
	t.Helper()
	want := 1 // upstream and load
	if c.start != nil {
		want++
	}
	if c.paced && task.reply == 0 {
		want += 2
	}
	checkSpreads(t, c.name, rowOf(t, table, c.name), want, 1, 1_000_000)
	for _, with := range c.against {
		if !slices.ContainsFunc(task.field, func(other contender) bool { return other.name == with.with }) {
			continue
		}
		row := rowOf(t, table, c.name+" / "+with.with)
		figures := 1
		if slices.ContainsFunc(task.field, func(other contender) bool { return other.twin == with.with }) {
			figures++
		}
		checkSpreads(t, c.name, row, figures, 0.01, 100)
		checkVerdict(t, c.name, row, with.target)
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
		{"-tcp", "-records"},
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
