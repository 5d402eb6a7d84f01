package imports

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// imported is what a file gives, as the command prints it.
func imported(t *testing.T, importer *Importer, data []byte) string {
	t.Helper()
	result, err := importer.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Text(result.Rules)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, note := range result.Notes {
		fmt.Fprintf(&out, "# %d:%d: %v\n", note.Line, note.Column, note)
	}
	return out.String() + string(text)
}

// TestImport holds what the examples of the documentations give, and what has no counterpart, against golden files, and
// shows that a squall.yaml of these rules loads.
func TestImport(t *testing.T) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, path := range paths {
		if filepath.Ext(path) == ".golden" {
			continue
		}
		tested++
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := imported(t, &Importer{}, data)
			golden := path + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
			}
			if _, err := config.Parse(golden, []byte(got)); err != nil {
				t.Errorf("does not load: %v", err)
			}
		})
	}
	if tested < 6 {
		t.Errorf("%d files were found", tested)
	}
}

func TestImportForAProxy(t *testing.T) {
	importer := Importer{Proxy: "stock"}
	data := []byte(`{"abort": {"http_status": 503, "percentage": {"numerator": 1}}}`)
	first, second := imported(t, &importer, data), imported(t, &importer, data)
	if !strings.Contains(first, "name: fault-abort\n") || !strings.Contains(second, "name: fault-abort-2\n") ||
		!strings.Contains(first, "proxy: stock\n") {
		t.Errorf("got\n%s\nand\n%s", first, second)
	}
	if strings.Contains(imported(t, &importer, []byte("kind: VirtualService\nspec: {hosts: [a], http: [{fault: {}}]}")), "spec.hosts") {
		t.Error("hosts are noted although a proxy is named")
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, text := range []string{"{", "a: &x 1", "a: !tag 1", "\xff"} {
		if _, err := (&Importer{}).Read([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// FuzzImport: whatever is read makes no panic, and the rules that come of it load as they are.
func FuzzImport(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*")
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil && filepath.Ext(path) != ".golden" {
			for part := range bytes.SplitSeq(data, []byte("---\n")) {
				f.Add(part)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		result, err := (&Importer{}).Read(data)
		if err != nil || len(result.Rules) == 0 {
			return
		}
		text, err := Text(result.Rules)
		if err != nil {
			t.Fatal(err)
		}
		file, err := config.Parse("rules", text)
		if err != nil {
			if strings.Contains(err.Error(), "too large") { // for one file, or for one set of rules
				return
			}
			t.Fatalf("%v\n%s", err, text)
		}
		if !reflect.DeepEqual(file.Rules, result.Rules) {
			t.Fatalf("got %+v, want %+v", file.Rules, result.Rules)
		}
	})
}
