// Package browser opens pages in a headless Chromium, for tests of what squall shows: what a page complains of, what it asks
// for, and how it looks.
package browser

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// timeLimit is for whatever is asked of a page, in one go. The machine may have other work.
const timeLimit = 60 * time.Second

// Browser is a Chromium with a profile of its own, which is thrown away. It starts when the first page is opened and serves
// all tests of a package; tests may use it side by side. The zero value is ready. It reaches loopback only.
type Browser struct {
	// Here are names that lead to this machine, for tests of pages that come from elsewhere. It is set before the first use.
	Here []string

	mu   sync.Mutex
	ctx  context.Context // nil until it has started
	stop func()
}

// Around runs a package's tests and ends the browser behind them, before leaks are looked for:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(chromium.Around(m)) }
func (b *Browser) Around(m interface{ Run() int }) Suite { return Suite{b, m} }

// Suite is the tests of a package, with the browser that they share.
type Suite struct {
	browser *Browser
	tests   interface{ Run() int }
}

// Run runs the tests.
func (s Suite) Run() int {
	defer s.browser.Close()
	return s.tests.Run()
}

// Close ends the browser, if it has started, and waits until it is gone.
func (b *Browser) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		b.stop()
		b.ctx, b.stop = nil, nil
	}
}

// start starts the browser unless it runs.
func (b *Browser) start() (context.Context, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx != nil {
		return b.ctx, nil
	}
	rules := ""
	for _, name := range b.Here {
		rules += "MAP " + name + " 127.0.0.1, "
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("no-proxy-server", true),
		// A name is looked up nowhere, so that a page which asks for the outside does not get there.
		chromedp.Flag("host-resolver-rules", rules+"MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]"))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endFirst := chromedp.NewContext(allocator)
	stop := func() {
		endFirst()
		end()
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("chromium does not start (scripts/setup installs it): %w", err)
	}
	b.ctx, b.stop = ctx, stop
	return ctx, nil
}

// Open opens a page in a tab that shares no cookie and no storage with others, and waits until it is loaded. The tab is
// closed when the test ends.
func (b *Browser) Open(t testing.TB, url string) *Page {
	t.Helper()
	ctx, err := b.start()
	if err != nil {
		t.Fatal(err)
	}
	p := &Page{}
	p.ctx, p.stop = chromedp.NewContext(ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	t.Cleanup(p.stop)
	if err := chromedp.Do(p.ctx); err != nil { // the tab lives as long as the context of its first call
		t.Fatal(err)
	}
	p.load(t, url)
	return p
}
