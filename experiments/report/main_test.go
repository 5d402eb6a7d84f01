package report

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/internal/browser"
)

// chromium is for all tests of the package.
var chromium browser.Browser

func TestMain(m *testing.M) { goleak.VerifyTestMain(chromium.Around(m)) }
