package browser_test

import (
	"bytes"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/internal/browser"
)

var chromium browser.Browser

func TestMain(m *testing.M) { goleak.VerifyTestMain(chromium.Around(m)) }

// serve answers every path with a page.
func serve(t *testing.T, page string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAPageThatIsWellHasNothingToComplainOf(t *testing.T) {
	url := serve(t, `<title>well</title><link rel="icon" href="data:,"><p>here`)
	page := chromium.Open(t, url)
	if title := browser.Get(t, page, chromedp.Title()); title != "well" {
		t.Errorf("its title is %q", title)
	}
	if found := page.Complaints(); len(found) != 0 {
		t.Errorf("complaints: %q", found)
	}
	if asked := page.Requests(); len(asked) != 1 || asked[0] != url+"/" {
		t.Errorf("asked for %q, want only the page itself", asked)
	}
	picture, err := png.Decode(bytes.NewReader(page.Screenshot(t, "well")))
	if err != nil {
		t.Fatal(err)
	}
	if width := picture.Bounds().Dx(); width != 1280 {
		t.Errorf("the picture is %d wide, want 1280", width)
	}
}

func TestWhatAPageComplainsOfIsFound(t *testing.T) {
	page := chromium.Open(t, serve(t, `<link rel="icon" href="data:,">
		<script>console.log("not this"); console.error("that", 7)</script>
		<script>throw new Error("thrown")</script>
		<img src="http://outside.example/x.png">`))
	found := strings.Join(page.Complaints(), "\n")
	for _, want := range []string{`error: "that" 7`, "exception: Uncaught Error: thrown", "outside request: http://outside.example/x.png", "net::ERR_NAME_NOT_RESOLVED"} {
		if !strings.Contains(found, want) {
			t.Errorf("%q is missing in:\n%s", want, found)
		}
	}
	if strings.Contains(found, "not this") {
		t.Errorf("what is only logged is no complaint:\n%s", found)
	}
}

func TestAPageSeesWhatTheUserPrefers(t *testing.T) {
	page := chromium.Open(t, serve(t, `<link rel="icon" href="data:,">`))
	dark := chromedp.Evaluate[bool](`matchMedia("(prefers-color-scheme: dark)").matches`)
	if browser.Get(t, page, dark) {
		t.Error("dark before it was asked for")
	}
	page.Prefer(t, "prefers-color-scheme", "dark")
	if !browser.Get(t, page, dark) {
		t.Error("not dark")
	}
}

func TestTabsShareNoStorage(t *testing.T) {
	url := serve(t, `<link rel="icon" href="data:,">`)
	one, other := chromium.Open(t, url), chromium.Open(t, url)
	browser.Get(t, one, chromedp.Evaluate[string](`localStorage.x = "seen"`))
	if browser.Get(t, other, chromedp.Evaluate[bool](`"x" in localStorage`)) {
		t.Error("a tab sees another one's storage")
	}
}
