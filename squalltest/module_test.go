package squalltest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAnotherModuleCanImportIt does what the README says: another module, a replace directive, a test with a fault.
func TestAnotherModuleCanImportIt(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": "module example.com/checkout\n\ngo 1.26.8\n",
		"go.sum": string(sums),
		"checkout_test.go": `package checkout

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/squall-proxy/squall/squalltest"
)

func TestCheckout(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	stock := squalltest.New(t, server.URL)
	stock.Abort(503, squalltest.First(1))
	for _, want := range []int{503, 404} {
		response, err := http.Get(stock.URL)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Fatalf("%d, want %d", response.StatusCode, want)
		}
	}
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{
			"mod", "edit", "-require", "github.com/squall-proxy/squall@v0.0.0", "-replace", "github.com/squall-proxy/squall=" + root,
		},
		{"mod", "tidy"},
		{"test", "./..."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, output)
		}
	}
}
