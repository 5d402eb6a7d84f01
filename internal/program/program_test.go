package program_test

import (
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/internal/program"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStartSaysThatAProcessEnded(t *testing.T) {
	addr, err := program.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, err = program.Start(t.Context(), exec.Command("false"), addr)
	if err == nil || !strings.Contains(err.Error(), "false: ended before it accepted connections: exit status 1") {
		t.Errorf("got %v", err)
	}
}
