package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Page is an open tab. One goroutine at a time uses it.
type Page struct {
	ctx  context.Context
	stop func()

	mu         sync.Mutex // guards what follows, which the tab's own goroutine notes
	requests   []string
	complaints []string
	disturbed  int // so often a request was broken off because an interface of this machine came or went
}

// Do does what chromedp's actions say, in order, within a minute.
func (p *Page) Do(t testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	Get(t, p, chromedp.Steps(actions...))
}

// Get does an action of chromedp within a minute, and gives what it found.
func Get[T any](t testing.TB, p *Page, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Prefer says what the user prefers, as media queries see it: ("prefers-color-scheme", "dark").
func (p *Page) Prefer(t testing.TB, feature, value string) {
	t.Helper()
	p.Do(t, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return err
	}))
}

// Named is a node of the accessibility tree: what a screen reader says of a part of the page.
type Named struct{ Role, Name string }

// Accessible lists what a screen reader finds on the page, in its order.
func (p *Page) Accessible(t testing.TB) []Named {
	t.Helper()
	var found []Named
	p.Do(t, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		tree, err := cdp.Call(ctx, tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return err
		}
		for _, node := range tree.Nodes {
			if !node.Ignored {
				found = append(found, Named{text(node.Role), text(node.Name)})
			}
		}
		return nil
	}))
	return found
}

// text is a value of the accessibility tree that is a text; "" = it is none.
func text(v *accessibility.Value) string {
	var s string
	if v == nil || json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return s
}

// Screenshot gives the whole page as a PNG, which is kept as name.png where go test's -artifacts says.
func (p *Page) Screenshot(t testing.TB, name string) []byte {
	t.Helper()
	picture := Get(t, p, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
	return picture
}

// Requests are the addresses that the page has asked for, itself included, in order. Data that it holds itself (data:,
// blob:) is not asked for.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Complaints are the errors and warnings on the page's console, what it threw and nobody caught, and its requests that
// leave loopback, in order.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// networkChanged is with what Chromium breaks off requests, to loopback as well, when an interface of this machine comes or goes,
// as those of containers do beside the tests: no page can help it.
const networkChanged = "net::ERR_NETWORK_CHANGED"

// load opens a URL, again where that was disturbed.
func (p *Page) load(t testing.TB, url string) {
	t.Helper()
	for tries := 0; ; tries++ {
		before := p.disturbances()
		ctx, cancel := context.WithTimeout(p.ctx, timeLimit)
		_, err := chromedp.Run(ctx, chromedp.Navigate(url))
		cancel()
		disturbed := p.disturbances() > before || err != nil && strings.Contains(err.Error(), networkChanged)
		switch {
		case disturbed && tries < 10:
		case err != nil:
			t.Fatal(err)
		default:
			return
		}
	}
}

func (p *Page) disturbances() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disturbed
}

// listen notes what the tab does.
func (p *Page) listen(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.asked(e.Request.URL)
	case *network.EventWebSocketCreated:
		p.asked(e.URL)
	case *runtime.EventExceptionThrown:
		p.complain("exception", exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if level := string(e.Type); slices.Contains([]string{"error", "warning", "assert"}, level) {
			p.complain(level, arguments(e.Args))
		}
	case *log.EventEntryAdded:
		if level := string(e.Entry.Level); slices.Contains([]string{"error", "warning"}, level) {
			p.complain(level, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// asked notes a request.
func (p *Page) asked(address string) {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "data" || u.Scheme == "blob") {
		return
	}
	p.mu.Lock()
	p.requests = append(p.requests, address)
	p.mu.Unlock()
	if err != nil || !local(u) {
		p.complain("outside request", address)
	}
}

// local says that what is at u is on this machine.
func local(u *url.URL) bool {
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback() || host == "" && u.Scheme == "file"
}

func (p *Page) complain(kind, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(what, networkChanged) {
		p.disturbed++
		return
	}
	p.complaints = append(p.complaints, kind+": "+what)
}

// exception is an exception's text, and where it was thrown.
func exception(e *runtime.ExceptionDetails) string {
	text := e.Text
	if e.Exception != nil && e.Exception.Description != "" {
		text += " " + e.Exception.Description
	}
	return fmt.Sprintf("%s (%s:%d)", text, e.URL, e.LineNumber+1)
}

// arguments is what was given to the console, as far as it is short.
func arguments(args []*runtime.RemoteObject) string {
	text := ""
	for _, a := range args {
		if text != "" {
			text += " "
		}
		if a.Description != "" {
			text += a.Description
		} else {
			text += string(a.Value)
		}
	}
	return text
}
