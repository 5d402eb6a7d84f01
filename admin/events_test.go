package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/proxy"
)

// errSeen ends a stream of which a test has seen enough.
var errSeen = errors.New("seen")

// await reads a lab's feed behind lastID until an event of a kind comes, and gives it.
func await(t *testing.T, c *admin.Client, lastID, kind string) (event live.Event, last string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	last, err := c.Events(ctx, lastID, func(e live.Event) error {
		if e.Kind == kind {
			event = e
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Fatalf("no %s: %v", kind, err)
	}
	return event, last
}

// A change says who and what; who comes back hears what was missed, and only that.
func TestEventsOfChanges(t *testing.T) {
	l := newLab(t)
	c := l.client(t)
	_, last := await(t, c, "", "hello")
	l.must(t, "PUT", "/admin/faults", `{"mode":"failure"}`)
	e, last := await(t, c, last, live.KindChange)
	var change admin.Change
	if err := json.Unmarshal(e.Data, &change); err != nil {
		t.Fatal(err)
	}
	if change.Revision != 1 || !strings.HasPrefix(change.By, "127.0.0.1:") || string(change.Before["mode"]) != `"normal"` || string(change.After["mode"]) != `"failure"` {
		t.Errorf("%s", e.Data)
	}
	l.must(t, "PUT", "/admin/faults", `{"mode":"fallback","ttl":"10ms"}`)
	if e, last = await(t, c, last, live.KindChange); !strings.Contains(string(e.Data), `"revision":2`) {
		t.Errorf("missed: %s", e.Data)
	}
	if e, _ = await(t, c, last, live.KindExpiry); !strings.Contains(string(e.Data), `"by":"expiry","ended":["mode"]`) {
		t.Errorf("of an expiry: %s", e.Data)
	}
	if e, _ = await(t, c, "other-3", "gap"); !strings.Contains(string(e.Data), "started anew") {
		t.Errorf("from another start: %s", e.Data)
	}
}

// A change that is large is told of without its parts.
func TestEventsOfLargeChanges(t *testing.T) {
	l := newLab(t)
	c := l.client(t)
	_, last := await(t, c, "", "hello")
	big := `{"abort":{"status":503,"body":"` + strings.Repeat("x", 40_000) + `"}}`
	l.must(t, "PUT", "/admin/faults", `{"rules":[`+big+`],"profiles":{"odd":{"rules":[`+big+`]}}}`)
	if e, _ := await(t, c, last, live.KindChange); !strings.Contains(string(e.Data), `"before":null,"after":null`) {
		t.Errorf("%d bytes: %.300s", len(e.Data), e.Data)
	}
}

// Exchanges come with what was decided for them; texts that clients choose are cut.
func TestShownExchanges(t *testing.T) {
	l := newLab(t)
	l.must(t, "PUT", "/admin/faults/rules/slow", slow)
	for range 60 {
		l.must(t, "POST", "/admin/faults/rules", `{"abort":503,"match":{"path":"/other"}}`)
	}
	record := l.decide(t, "flaky", "/")
	shown := admin.ShowExchange(proxy.Exchange{ID: 1, Proxy: "flaky", Path: strings.Repeat("p", 1000), Faults: record}).(admin.ShownExchange)
	if len(shown.Faults) != 50 || shown.MoreFaults != 11 || shown.Faults[0].Rule != "slow" {
		t.Errorf("%d decisions and %d more, the first one of %q", len(shown.Faults), shown.MoreFaults, shown.Faults[0].Rule)
	}
	if len(shown.Path) > 300 {
		t.Errorf("a path of %d bytes", len(shown.Path))
	}
}

// When as many read as can, half of the connections are left for others, and one more is told so.
func TestEventsHaveSoManyReaders(t *testing.T) {
	l := newLab(t)
	for range live.MaxReaders {
		reply, err := l.http.Get(l.url + "/admin/events")
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
	}
	check(t, l.do(t, "GET", "/admin/events", ""), want{503, []string{"close a dashboard"}, nil})
	check(t, l.do(t, "PUT", "/admin/faults", `{"mode":"failure"}`), want{200, nil, nil})
}

// A server that ends says so to those who read, and does not wait for them.
func TestShutdownEndsStreams(t *testing.T) {
	l := newLab(t)
	url, stop := serve(t, &admin.Server{Controller: l.controller, Live: l.Live})
	defer stop()
	reply, err := l.http.Get(url + "/admin/events")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	lines := bufio.NewReader(reply.Body)
	if _, err := lines.ReadString('{'); err != nil { // of hello
		t.Fatal(err)
	}
	start := time.Now()
	stop()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if rest, err := io.ReadAll(lines); err != nil || !strings.Contains(string(rest), "event: end\ndata: {\"reason\":\"squall is shutting down\"}") {
		t.Errorf("%q, %v", rest, err)
	}
}

// A reader that takes nothing is dropped, and holds up nobody meanwhile.
func TestAStalledReader(t *testing.T) {
	l := newLab(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for !l.Live.Feed.Watched(time.Now()) {
		time.Sleep(time.Millisecond)
	}
	large, begun := make([]byte, 64<<10), time.Now()
	for range 1000 {
		l.Live.Feed.Add("filler", large)
	}
	if took := time.Since(begun); took > 5*time.Second { // it waits for nobody; a reader that stalls has 10 s
		t.Errorf("feeding took %v", took)
	}
	if got := l.must(t, "GET", "/healthz", ""); got.status != 200 {
		t.Error(got)
	}
}

func TestThePageAndItsPolicy(t *testing.T) {
	l := newLab(t, withToken)
	for _, path := range []string{"/", "/ui/main.js"} {
		got := l.do(t, "GET", path, "", "Accept: text/html,*/*")
		policy := got.header.Get("Content-Security-Policy")
		if got.status != http.StatusOK || !strings.Contains(policy, "default-src 'none'; script-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d with the policy %q", path, got.status, policy)
		}
	}
	check(t, l.do(t, "GET", "/", "", "Accept: text/html", "Host: evil.example"), want{421, nil, nil})
}

// What needs no token says whether the rest does: the page reads it there.
func TestWhetherATokenIsNeeded(t *testing.T) {
	if got := newLab(t, withToken).do(t, "GET", "/healthz", ""); got.status != 200 || got.header.Get("WWW-Authenticate") != `Bearer realm="squall"` {
		t.Errorf("%d with the challenge %q", got.status, got.header.Get("WWW-Authenticate"))
	}
	if got := newLab(t).do(t, "GET", "/healthz", ""); got.status != 200 || got.header.Get("WWW-Authenticate") != "" {
		t.Errorf("no token is needed: %d with the challenge %q", got.status, got.header.Get("WWW-Authenticate"))
	}
}
