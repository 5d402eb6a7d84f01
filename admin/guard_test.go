package admin_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

const token = "s3cret-token"

func withToken(s *admin.Server) { s.Token = token }

// eachRoute walks all routes, with a path that each matches.
func eachRoute(t *testing.T, l *lab, f func(t *testing.T, method, path string)) {
	t.Helper()
	for _, route := range l.Routes() {
		path := strings.NewReplacer("{name}", "flaky", "{id}", "run-42", "{proxy}", "redis", "{toxic}", "slow", "{file}", "style.css").Replace(route.Path)
		if path == "/admin/events" {
			path += "?for=1ms" // else it goes on for ever
		}
		if strings.Contains(path, "{") {
			t.Fatalf("%s: nothing stands for the name in it", path)
		}
		t.Run(route.Method+" "+route.Path, func(t *testing.T) { f(t, route.Method, path) })
	}
}

func TestEveryRouteRefuses(t *testing.T) {
	for _, test := range []struct {
		name, field string
		status      int
		adjust      func(*admin.Server)
	}{
		{"a foreign host", "Host: evil.example", 421, nil},
		{"a foreign host that looks like ours", "Host: 127.0.0.1.evil.example", 421, nil},
		{"a foreign origin", "Origin: http://evil.example", 403, nil},
		{"the origin null", "Origin: null", 403, nil},
		{"an empty origin", "Origin: ", 403, nil},
		{"the origin of another port", "Origin: http://127.0.0.1:1", 403, nil},
		{"a foreign site", "Sec-Fetch-Site: cross-site", 403, nil},
		{"a foreign site with the token", "Sec-Fetch-Site: cross-site", 403, withToken},
	} {
		t.Run(test.name, func(t *testing.T) {
			adjust := test.adjust
			if adjust == nil {
				adjust = func(*admin.Server) {}
			}
			l := newLab(t, adjust)
			before := l.controller.State()
			eachRoute(t, l, func(t *testing.T, method, path string) {
				check(t, l.do(t, method, path, `{"mode":"failure"}`, test.field, "Authorization: Bearer "+token), want{test.status, nil, nil})
			})
			if l.controller.State() != before {
				t.Error("something changed")
			}
		})
	}
}

func TestEveryRouteNeedsTheToken(t *testing.T) {
	l := newLab(t, withToken)
	eachRoute(t, l, func(t *testing.T, method, path string) {
		for _, field := range []string{"X-None: ", "Authorization: Basic " + token, "Authorization: " + token, "Authorization: Bearer "} {
			got := l.do(t, method, path, "{}", field)
			if slices.Contains([]string{"/healthz", "/readyz", "/", "/ui/style.css"}, path) {
				check(t, got, want{200, nil, nil})
			} else {
				check(t, got, want{401, nil, []string{`WWW-Authenticate: Bearer realm="squall"`}})
			}
		}
		if got := l.do(t, method, path, "{}", "Authorization: bearer  "+token); got.status == 401 {
			t.Errorf("the right token got %d: %s", got.status, got.body)
		}
	})
	if got := l.do(t, "GET", "/no/such/route", ""); got.status != 401 {
		t.Errorf("without a token one can tell which routes there are: %d", got.status)
	}
}

func TestEveryAnswerHasSecurityHeaders(t *testing.T) {
	l := newLab(t)
	headers := []string{
		"X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "Cache-Control: no-store",
		"Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Resource-Policy: same-origin",
		"Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Access-Control-Allow-Origin: ", "Access-Control-Allow-Methods: ",
	}
	held := func(t *testing.T, got reply) {
		t.Helper()
		for _, field := range headers {
			name, value, _ := strings.Cut(field, ": ")
			if got.header.Get(name) != value {
				t.Errorf("status %d: %s is %q, want %q", got.status, name, got.header.Get(name), value)
			}
		}
	}
	eachRoute(t, l, func(t *testing.T, method, path string) {
		if !strings.HasPrefix(path, "/ui/") { // see TestThePageAndItsPolicy
			held(t, l.do(t, method, path, "{}"))
		}
	})
	held(t, l.do(t, "GET", "/", "", "Host: evil.example"))
	held(t, l.do(t, "GET", "/nothing", ""))
	held(t, l.do(t, "OPTIONS", "/admin/faults", "", "Access-Control-Request-Method: PUT"))
	held(t, l.do(t, "GET", "/admin//faults", ""))
}

func TestTheGuardLetsPass(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []string
		adjust func(*admin.Server)
	}{
		{"its own origin", []string{"Host: squall:8474", "Origin: http://squall:8474", "Sec-Fetch-Site: same-origin"}, nil},
		{"a user's navigation", []string{"Sec-Fetch-Site: none"}, nil},
		{"a configured host", []string{"Host: chaos.example.com:8474"}, func(s *admin.Server) { s.Hosts = []string{"Chaos.example.com"} }},
		{"any host with the token", []string{"Host: any.example.com", "Authorization: Bearer " + token}, withToken},
		{"a token that nobody asked for", []string{"Authorization: Bearer x"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			adjust := test.adjust
			if adjust == nil {
				adjust = func(*admin.Server) {}
			}
			check(t, newLab(t, adjust).do(t, "PUT", "/admin/faults", "{}", test.fields...), want{200, nil, nil})
		})
	}
}

func TestPathsThatTwoCouldReadInTwoWays(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{
		"/admin//faults", "//admin/faults", "/admin/faults//", "/admin/../admin/faults", "/admin/./faults", "/admin/faults/..",
		"/admin/%2e%2e/faults", "/admin/faults/rules/%2E", "/admin/faults/rules/a%2fb", "/admin/faults/rules/a%2Frearm",
		"/admin/faults/rules/a%00", "/admin/faults/rules/a%0a", "/admin/faults/rules/%ff", "/admin%2ffaults", "/%00",
	} {
		t.Run(path, func(t *testing.T) {
			check(t, l.do(t, "GET", path, ""), want{400, []string{`"field":"path"`}, nil})
		})
	}
}

func TestBodies(t *testing.T) {
	l := newLab(t)
	fit := `{"mode":"failure"` + strings.Repeat(" ", admin.MaxBody-19) + "}"
	check(t, l.do(t, "PUT", "/admin/faults", fit+" "), want{200, nil, nil})
	check(t, l.do(t, "PUT", "/admin/faults", fit+"  "), want{413, nil, nil})
	request, err := http.NewRequestWithContext(t.Context(), "PUT", l.url+"/admin/faults", io.MultiReader(strings.NewReader(fit+"  ")))
	if err != nil {
		t.Fatal(err)
	}
	check(t, l.send(t, request), want{413, nil, nil}) // chunked
	check(t, l.do(t, "DELETE", "/admin/faults", fit+"  "), want{413, nil, nil})
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/merge-patch+json"} {
		check(t, l.do(t, "PUT", "/admin/faults", "{}", "Content-Type: "+contentType), want{200, nil, nil})
	}
}

// asker sends a request to a server; a field "From: address" says where from, "Host: name" for whom.
type asker func(method, path, body string, fields ...string) reply

// bubble is a server without a socket, so that it can live in a synctest bubble.
func bubble(t *testing.T, adjust ...func(*admin.Server)) (asker, *control.Controller) {
	t.Helper()
	controller := newController(t, control.Config{Engine: &engine{}, Policy: control.DefaultPolicy()})
	server := &admin.Server{Controller: controller}
	for _, f := range adjust {
		f(server)
	}
	return ask(t, server), controller
}

func newController(t *testing.T, config control.Config) *control.Controller {
	t.Helper()
	controller, err := control.New(config, control.NewState(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(controller.Close)
	return controller
}

func ask(t *testing.T, server *admin.Server) asker {
	handler := server.Handler()
	return func(method, path, body string, fields ...string) reply {
		request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		request.Host = "localhost"
		for _, field := range fields {
			name, value, _ := strings.Cut(field, ": ")
			switch name {
			case "From":
				request.RemoteAddr = value
			case "Host":
				request.Host = value
			default:
				request.Header.Add(name, value)
			}
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return reply{recorder.Code, recorder.Header(), recorder.Body.String()}
	}
}

// A slow client gets five seconds for its head and ten for its body.
func TestSlowClients(t *testing.T) {
	for _, test := range []struct {
		name, sent string
		after      time.Duration
		status     int // 0 = the connection is closed without an answer
	}{
		{"head", "GET / HTTP/1.1\r\nHost: localhost\r\n", 5 * time.Second, 0},
		{"body", "PUT /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{", 10 * time.Second, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, controller := bubble(t)
				near, far := net.Pipe()
				stop := servePipe(t, &admin.Server{Controller: controller}, far)
				defer stop()
				defer near.Close()
				start := time.Now()
				if _, err := io.WriteString(near, test.sent); err != nil {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(bufio.NewReader(near), nil)
				if took := time.Since(start); took != test.after {
					t.Errorf("ended after %v, want %v", took, test.after)
				}
				switch {
				case err != nil && test.status != 0:
					t.Error(err)
				case err == nil:
					response.Body.Close()
					if response.StatusCode != test.status {
						t.Errorf("status %d, want %d", response.StatusCode, test.status)
					}
				}
			})
		})
	}
}
