package control

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary stand in for a squall that is killed, traced, or run beside another: see runChild.
func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		os.Exit(runChild(job, os.Getenv(childFile)))
	}
	goleak.VerifyTestMain(m)
}
