package admin_test

import (
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
)

// Browsers are sent away on every route of Toxiproxy's, and only there; the request is numbered all the same.
func TestBrowsersAreSentAway(t *testing.T) {
	l := newToxiproxyLab(t)
	before := l.controller.State()
	eachRoute(t, l, func(t *testing.T, method, path string) {
		got := l.do(t, method, path, `{"name":"x","upstream":"x"}`, "User-Agent: Mozilla/5.0 (X11)")
		sent := got.status == 403 && got.body == "User agent not allowed\n" && requestID.MatchString(got.header.Get("X-Toxiproxy-Request-Id"))
		if sent != isToxiproxys(path) {
			t.Errorf("%d %s", got.status, got.body)
		}
		if id := got.header.Get("X-Toxiproxy-Request-Id"); (id != "") != isToxiproxys(path) {
			t.Errorf("numbered %q", id)
		}
	})
	if l.controller.State() != before {
		t.Error("something changed")
	}
	// Before a browser is told to leave, it is told of paths that are none.
	for path, status := range map[string]int{"/proxies/": 404, "//proxies": 301} {
		if got := l.do(t, "GET", path, "", "User-Agent: Mozilla/5.0"); got.status != status {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// What is made through one API shows in the other, and what Toxiproxy cannot express never does.
func TestRulesAndToxicsAreOne(t *testing.T) {
	l := newToxiproxyLab(t)
	l.must(t, "PUT", "/admin/proxies/redis", `{"protocol":"tcp","listen":"127.0.0.1:0","upstream":"redis:6379"}`)
	const path = "/admin/faults/rules/"
	l.must(t, "PUT", path+"slow", `{"proxy":"redis","latency":"100ms","percent":20}`)
	for name, rule := range map[string]string{
		"http":  `{"abort":503}`,
		"all":   `{"noop":{}}`,
		"kind":  `{"proxy":"redis","stall":{"every":"10s","for":"1s"}}`,
		"dial":  `{"proxy":"redis","connect":{"as":"delay","latency":"1ms"}}`,
		"match": `{"proxy":"redis","noop":{},"match":{"nth":1}}`,
		"off":   `{"proxy":"redis","noop":{},"enabled":false}`,
	} {
		l.must(t, "PUT", path+name, rule)
	}
	const slow = `{"attributes":{"latency":100,"jitter":0},"name":"slow","type":"latency","stream":"downstream","toxicity":0.2}`
	expect := func(want string) {
		t.Helper()
		if got := l.must(t, "GET", "/proxies/redis/toxics", "").body; got != "["+want+"]" {
			t.Errorf("got %s, want [%s]", got, want)
		}
		if got := l.must(t, "GET", "/proxies", "").body; !strings.HasSuffix(got, `"enabled":true,"toxics":[`+want+`]}}`) || strings.Contains(got, "web") {
			t.Errorf("got %s", got)
		}
	}
	expect(slow)
	for _, hidden := range []string{"kind", "match", "off", "all", "http"} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			if got := l.do(t, method, "/proxies/redis/toxics/"+hidden, `{}`); got.status != 404 || !strings.Contains(got.body, "toxic not found") {
				t.Errorf("%s %s: %d %s", method, hidden, got.status, got.body)
			}
		}
	}
	for name, status := range map[string]int{"slow": 409, "kind": 409, "all": 200} { // a name is the proxy's own
		if got := l.do(t, "POST", "/proxies/redis/toxics", `{"type":"noop","name":"`+name+`","stream":"upstream"}`); got.status != status {
			t.Errorf("a toxic %s: %d %s", name, got.status, got.body)
		}
	}
	l.must(t, "DELETE", "/proxies/redis/toxics/all", "")

	l.must(t, "PATCH", "/proxies/redis/toxics/slow", `{"attributes":{"latency":-5},"toxicity":7}`)
	check(t, l.do(t, "GET", path+"slow", ""), want{200, []string{`"percent":100,"attributes":{"latency":"0s"}`, `"toxic":{"stream":"downstream","toxicity":7,"attributes":{"jitter":0,"latency":-5}}`}, nil})
	expect(strings.NewReplacer("100", "-5", "0.2", "7").Replace(slow))
	l.must(t, "PATCH", path+"slow", `{"attributes":{"latency":"2s"}}`) // and what was asked for before is past
	expect(strings.NewReplacer("100", "2000", "0.2", "1").Replace(slow))
	l.must(t, "PATCH", path+"slow", `{"shadow":true}`)
	expect("")
	l.must(t, "PATCH", path+"slow", `{"shadow":false,"percent":50,"ttl":"1h"}`)
	expect(strings.NewReplacer("100", "2000", "0.2", "0.5").Replace(slow))
	l.must(t, "PATCH", "/proxies/redis/toxics/slow", `{"toxicity":0.25}`) // for as long as before
	check(t, l.do(t, "GET", path+"slow", ""), want{200, []string{`"percent":25`, `"ttl":"1h0m0s"`, `"expires_in":"59m59`}, nil})
	l.must(t, "DELETE", "/proxies/redis/toxics/slow", "")
	check(t, l.do(t, "GET", path+"slow", ""), want{404, nil, nil})
}

// The counters of a toxic go on when it is changed, and its draws with them.
func TestAChangedToxicGoesOnCounting(t *testing.T) {
	l, upstream := newToxiproxyLab(t), echo(t)
	listen := field(t, l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream+`","toxics":[{"type":"noop"}]}`).body, "listen")
	conn := dial(t, listen)
	passes(t, conn)
	l.must(t, "PATCH", "/proxies/p/toxics/noop_downstream", `{"toxicity":0.5}`)
	check(t, l.do(t, "GET", "/admin/faults/rules/noop_downstream", ""), want{200, []string{`"status":{"matched":1,"hit":1`}, nil})
}

// After a reset bytes pass over every TCP proxy. What is HTTP's stays.
func TestResetMakesBytesPass(t *testing.T) {
	l, upstream := newToxiproxyLab(t), echo(t)
	listen := field(t, l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream+`"}`).body, "listen")
	for _, rule := range []string{
		`{"name":"a","proxy":"p","timeout":"0s"}`, `{"name":"b","proxy":"p","connect":"refuse"}`,
		`{"name":"c","bandwidth":0}`, `{"name":"d","proxy":"p","timeout":"0s","match":{"nth":2}}`,
	} {
		l.must(t, "POST", "/admin/faults/rules", rule)
	}
	l.must(t, "POST", "/admin/faults/rules", `{"name":"http","proxy":"web","abort":503}`)
	l.must(t, "PATCH", "/admin/proxies/web", `{"enabled":false}`)
	l.must(t, "PATCH", "/proxies/p", `{"enabled":false}`)
	if up(listen) {
		t.Error("a disabled proxy listens")
	}
	l.must(t, "POST", "/reset", "")
	for range 2 {
		passes(t, dial(t, listen))
	}
	check(t, l.do(t, "GET", "/admin/faults/rules", ""), want{200, []string{`{"rules":[{"name":"http"`}, nil})
	check(t, l.do(t, "GET", "/admin/proxies/web", ""), want{200, []string{`"enabled":false`}, nil})
}

// A port that is taken is told, and the rest is reset all the same.
func TestAResetThatCannotEnable(t *testing.T) {
	l, busy := newToxiproxyLab(t), busyPort(t)
	for _, name := range []string{"a", "b", "c"} {
		listen := "127.0.0.1:0"
		if name == "b" {
			listen = busy
		}
		l.must(t, "POST", "/proxies", `{"name":"`+name+`","upstream":"x","listen":"`+listen+`","enabled":false,"toxics":[{"type":"noop"}]}`)
	}
	got := l.do(t, "POST", "/reset", "")
	if want := `{"error":"listen tcp ` + busy + `: bind: address already in use","status":500}` + "\n"; got.status != 500 || got.body != want {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	for _, p := range l.controller.State().Proxies {
		if p.Enabled != (p.Name != "b") {
			t.Errorf("%s: enabled %v", p.Name, p.Enabled)
		}
	}
	if rules := l.controller.State().Rules; len(rules) > 0 {
		t.Errorf("left: %v", rules)
	}
}

// What squall refuses besides, in Toxiproxy's form.
func TestWhatControlRefusesToToxiproxysClients(t *testing.T) {
	l := newToxiproxyLab(t)
	l.must(t, "POST", "/proxies", `{"name":"p","upstream":"x","listen":"127.0.0.1:0","toxics":[{"type":"noop"}]}`)
	l.must(t, "PUT", "/admin/halt", "")
	check := func(got reply, status int, text string) {
		t.Helper()
		if got.status != status || got.header.Get("Content-Type") != "text/plain; charset=utf-8" ||
			!strings.HasPrefix(got.body, `{"error":"`+text) || !strings.HasSuffix(got.body, fmt.Sprintf(`","status":%d}`+"\n", status)) {
			t.Errorf("got %d %s %s", got.status, got.header.Get("Content-Type"), got.body)
		}
	}
	check(l.do(t, "POST", "/proxies/p/toxics", `{"type":"timeout"}`), 403, "halted: no fault can be added")
	l.must(t, "DELETE", "/proxies/p/toxics/noop_downstream", "") // what takes away is allowed
	l.must(t, "DELETE", "/admin/halt", "")
	check(l.do(t, "POST", "/proxies/p/toxics", `{"type":"timeout"}`, `If-Match: "0"`), 412, "made for revision 0")
	check(l.do(t, "POST", "/proxies", `{"name":"q","upstream":"`+strings.Repeat("x", 1001)+`"}`), 400, "proxies[2].upstream: at most 1000 bytes, got 1001")
	sent := httptest.NewRequest("POST", l.url+"/proxies", io.MultiReader(strings.NewReader(`{"name":"`), strings.NewReader(strings.Repeat("x", admin.MaxBody))))
	sent.RequestURI = "" // in chunks: the guard does not know how long it is
	check(l.send(t, sent), 413, "a body has at most 1048576 bytes")
}

// Nothing that a client asks for takes a second, whatever the traffic does (D1, D2): the lab's client would say so.
func TestNothingWaitsForTraffic(t *testing.T) {
	l := newToxiproxyLab(t)
	var flooding sync.WaitGroup
	var sent atomic.Int64
	t.Cleanup(flooding.Wait)
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { upstream.Close() })
	flooding.Go(func() {
		for {
			conn, err := upstream.Accept()
			if err != nil {
				return
			}
			flooding.Go(func() {
				defer conn.Close()
				for zeros := make([]byte, 64<<10); err == nil; sent.Add(1) {
					_, err = conn.Write(zeros)
				}
			})
		}
	})
	listen := field(t, l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"`+upstream.Addr().String()+`"}`).body, "listen")
	l.must(t, "POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":5}}`)
	for range 3 {
		dial(t, listen) // which never reads
	}
	// Until all buffers are full, so that it is not measured how busy the machine is with filling them.
	for before := int64(-1); before < sent.Load(); time.Sleep(300 * time.Millisecond) {
		before = sent.Load()
	}
	for _, step := range []string{
		`POST /proxies/p/toxics {"type":"slicer"}`,
		`POST /proxies/p/toxics {"type":"timeout","stream":"upstream"}`,
		`PATCH /proxies/p/toxics/latency_downstream {"attributes":{"latency":1000}}`,
		`DELETE /proxies/p/toxics/latency_downstream`,
		`GET /proxies`,
		`GET /proxies/p/toxics`,
		`DELETE /proxies/p/toxics/timeout_upstream`,
		`POST /proxies/p/toxics {"type":"reset_peer","attributes":{"timeout":60000}}`,
		`POST /reset`,
		`PATCH /proxies/p {"upstream":"127.0.0.1:1"}`,
		`PATCH /proxies/p {"enabled":false}`,
		`PATCH /proxies/p {"enabled":true}`,
		`DELETE /proxies/p`,
	} {
		part := append(strings.SplitN(step, " ", 3), "")
		l.must(t, part[0], part[1], part[2])
	}
}

// A name server that does not answer is waited for by nobody but who has named a name.
func TestALookupHoldsNobodyUp(t *testing.T) {
	l := newToxiproxyLab(t)
	l.must(t, "POST", "/proxies", `{"name":"named","upstream":"x","listen":"localhost:0"}`)
	check(t, l.do(t, "GET", "/admin/proxies/named", ""), want{200, []string{`"listen":"127.0.0.1:0"`}, nil}) // no name is left to look up
	slow := make(chan reply, 1)
	go func() {
		slow <- l.do(t, "POST", "/proxies", `{"name":"p","upstream":"x","listen":"no-such-host.invalid:80"}`)
	}()
	begun := time.Now()
	l.must(t, "POST", "/proxies", `{"name":"q","upstream":"x","listen":"127.0.0.1:0"}`)
	if took := time.Since(begun); took > 500*time.Millisecond {
		t.Errorf("another one was made after %v", took)
	}
	if got := <-slow; got.status != 500 || !strings.HasPrefix(got.body, `{"error":"listen tcp: lookup no-such-host.invalid`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Without metrics nothing is there; with those of the runtime they are there, too.
func TestMetrics(t *testing.T) {
	l := newToxiproxyLab(t, func(s *admin.Server) { s.Metrics = nil })
	if got := l.do(t, "GET", "/metrics", ""); got.status != 404 || got.body != "404 page not found\n" || got.header.Get("X-Toxiproxy-Request-Id") != "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	l = newToxiproxyLab(t, func(s *admin.Server) { s.Metrics = admin.NewMetrics(admin.RuntimeMetrics()...) })
	got := l.do(t, "GET", "/metrics", "")
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain; version=0.0.4") || !requestID.MatchString(got.header.Get("X-Toxiproxy-Request-Id")) {
		t.Errorf("header %v", got.header)
	}
	for _, name := range []string{"go_goroutines", "go_build_info", "process_open_fds", "promhttp_metric_handler_errors_total"} {
		if !strings.Contains(got.body, "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
}

// A unix socket of the configuration shows, and can be switched; nobody can name one through the API.
func TestUnixSocketsAndToxiproxysClients(t *testing.T) {
	l := newToxiproxyLab(t)
	socket := t.TempDir() + "/redis.sock"
	_, err := l.controller.Change(t.Context(), control.Request{By: "the configuration"}, func(s *control.State) error {
		c := proxy.Defaults()
		c.Name, c.Protocol, c.Listen, c.Upstream = "redis", proxy.TCP, "unix:"+socket, "unix:"+socket+".upstream"
		s.PutProxy(c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"redis","listen":"unix:` + socket + `","upstream":"unix:` + socket + `.upstream","enabled":true,"toxics":[]}`
	disabled := strings.Replace(want, "true", "false", 1)
	for _, step := range []struct{ path, body, want string }{
		{"/proxies/redis", want, want},
		{"/populate", "[" + want + "]", `{"proxies":[` + want + `]}`},
		{"/proxies/redis", `{"enabled":false}`, disabled},
		{"/populate", "[" + disabled + "]", `{"proxies":[` + disabled + `]}`},
		{"/proxies/redis", `{"enabled":true}`, want},
	} {
		if got := l.must(t, "POST", step.path, step.body).body; got != step.want {
			t.Errorf("%s %s: %s", step.path, step.body, got)
		}
	}
	l.must(t, "POST", "/proxies/redis", `{"enabled":false}`)
	l.must(t, "POST", "/reset", "")
	if got := l.must(t, "GET", "/proxies/redis", "").body; got != want {
		t.Errorf("after a reset: %s", got)
	}
	l.must(t, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"x"}`)
	before := l.controller.State()
	for _, step := range []struct{ path, body string }{
		{"/proxies", `{"name":"q","listen":"127.0.0.1:0","upstream":"unix:/run/daemon.sock"}`},
		{"/proxies", `{"name":"q","listen":"unix:/tmp/q.sock","upstream":"x"}`},
		{"/proxies/p", `{"upstream":"unix:/run/daemon.sock"}`},
		{"/populate", `[{"name":"p","listen":"127.0.0.1:0","upstream":"unix:/run/daemon.sock"}]`},
		{"/populate", `[{"name":"redis","listen":"unix:` + socket + `","upstream":"unix:/run/daemon.sock"}]`},
	} {
		if got := l.do(t, "POST", step.path, step.body); got.status != 400 || !strings.Contains(got.body, "files are named in the configuration") {
			t.Errorf("%s %s: %d %s", step.path, step.body, got.status, got.body)
		}
	}
	if l.controller.State() != before {
		t.Error("something changed")
	}
}

// A state with all that Toxiproxy's API takes can be saved and read again.
func TestWhatToxiproxysClientsMakeIsKept(t *testing.T) {
	l := newToxiproxyLab(t)
	l.must(t, "POST", "/proxies", `{"name":"p","upstream":"not an address","listen":"127.0.0.1:0","toxics":[{"type":"slicer","stream":"UPSTREAM","toxicity":0.123456789,"attributes":{"delay":-1}}]}`)
	path := t.TempDir() + "/state.json"
	store, err := control.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Save(l.controller.State()); err != nil {
		t.Fatal(err)
	}
	saved, damage, err := store.Load(time.Now())
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	if len(saved.Proxies) != 2 || saved.Proxies[1].Upstream != "not an address" || saved.Rules[0].Toxic.Toxicity != 0.123456789 {
		t.Errorf("it is %+v", saved)
	}
}
