package squalltest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/squalltest"
)

// base answers without a network, and counts calls and what is still open.
type base struct {
	calls, open atomic.Int64
	body        string // of every reply; "" = the request's
	header      http.Header
	chunked     bool
}

func (b *base) RoundTrip(r *http.Request) (*http.Response, error) {
	b.calls.Add(1)
	body := []byte(b.body)
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		if b.body == "" {
			body = read
		}
	}
	b.open.Add(1)
	res := &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: &counting{bytes.NewReader(body), b, sync.Once{}}, ContentLength: int64(len(body)), Request: r,
	}
	if b.chunked {
		res.ContentLength, res.TransferEncoding = -1, []string{"chunked"}
	}
	for name, values := range b.header {
		res.Header[name] = values
	}
	return res, nil
}

// counting is a body that says when it is closed.
type counting struct {
	io.Reader
	of   *base
	once sync.Once
}

func (c *counting) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return nil
}

// sent is a request's body that says when it is closed.
type sent struct {
	io.Reader
	closed bool
}

func (s *sent) Close() error {
	s.closed = true
	return nil
}

const tea = `{"left":3,"name":"tea"}`

// ask sends one request and reads the reply whole.
func ask(ctx context.Context, rt http.RoundTripper, body string) (status int, got string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://stock.test/items", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	reply, err := (&http.Client{Transport: rt}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	read, err := io.ReadAll(reply.Body)
	return reply.StatusCode, string(read), err
}

// TestTransportEndings: every ending is the error that net/http gives for it, and says whose doing it was. The upstream is
// called or not as a proxy would call it, and every body is closed.
func TestTransportEndings(t *testing.T) {
	after := func(kind string, attributes faults.Attributes) func(*squalltest.Transport) *squalltest.Fault {
		return func(s *squalltest.Transport) *squalltest.Fault {
			return s.Arm(faults.Rule{Kind: kind, Phase: faults.After, Attributes: attributes, Percent: 100, Enabled: true}, squalltest.First(1))
		}
	}
	for _, tt := range []struct {
		name  string
		arm   func(*squalltest.Transport) *squalltest.Fault
		is    error
		got   string // what arrives before
		calls int64
	}{
		{"reset", func(s *squalltest.Transport) *squalltest.Fault { return s.ResetConnection(squalltest.First(1)) }, syscall.ECONNRESET, "", 0},
		{"reset, after", after("reset", &faults.Reset{}), syscall.ECONNRESET, "", 1},
		{"reset in the head", after("reset", &faults.Reset{At: "head"}), syscall.ECONNRESET, "", 1},
		{"reset in the body", after("reset", &faults.Reset{At: "body", After: 5}), syscall.ECONNRESET, tea[:5], 1},
		{"empty", func(s *squalltest.Transport) *squalltest.Fault { return s.Empty(squalltest.First(1)) }, io.EOF, "", 0},
		{"empty, after", after("empty", &faults.Empty{}), io.EOF, "", 1},
		{"truncate", func(s *squalltest.Transport) *squalltest.Fault { return s.Truncate(7, squalltest.First(1)) }, io.ErrUnexpectedEOF, tea[:7], 1},
		{"truncate by a reset", after("truncate", &faults.Truncate{After: &faults.Part{Fraction: 0.5}, How: "reset"}), syscall.ECONNRESET, tea[:len(tea)/2], 1},
		{"blackhole that runs out", after("blackhole", &faults.Blackhole{For: faults.Duration(time.Millisecond)}), io.EOF, "", 1},
	} {
		for _, chunked := range []bool{false, true} {
			if chunked && tt.name == "truncate by a reset" {
				continue // half of what, nobody knows
			}
			t.Run(fmt.Sprintf("%s, chunked %t", tt.name, chunked), func(t *testing.T) {
				b := &base{body: tea, chunked: chunked}
				s := squalltest.NewTransport(t, b)
				fault := tt.arm(s)
				_, got, err := ask(t.Context(), s, "hello")
				var own *squalltest.FaultError
				if !errors.Is(err, tt.is) || !errors.As(err, &own) || own.Kind == "" || own.Rule != own.Kind+"-1" || own.N != 1 {
					t.Errorf("got %v", err)
				}
				if operation := (*net.OpError)(nil); tt.is == syscall.ECONNRESET && (!errors.As(err, &operation) || operation.Op != "read" || operation.Timeout()) {
					t.Errorf("want a net.OpError, got %v", err)
				}
				if got != tt.got || b.calls.Load() != tt.calls || b.open.Load() != 0 || fault.Hits() != 1 {
					t.Errorf("%q came, %d calls, %d bodies open, %d hits", got, b.calls.Load(), b.open.Load(), fault.Hits())
				}
				status, got, err := ask(t.Context(), s, "hello")
				if status != 200 || got != tea || err != nil || b.open.Load() != 0 {
					t.Errorf("not hit: %d, %q, %v, %d bodies open", status, got, err, b.open.Load())
				}
			})
		}
	}
}

// TestTransportHangsUntilTheClientGivesUp, and then says what ended its patience.
func TestTransportHangsUntilTheClientGivesUp(t *testing.T) {
	hang := faults.Rule{
		Kind: "truncate", Phase: faults.After, Attributes: &faults.Truncate{After: &faults.Part{Bytes: 3}, How: "hang"}, Percent: 100, Enabled: true,
	}
	for name, arm := range map[string]func(*squalltest.Transport){
		"blackhole": func(s *squalltest.Transport) { s.Blackhole() },
		"delay":     func(s *squalltest.Transport) { s.Delay(time.Hour) },
		"truncate":  func(s *squalltest.Transport) { s.Arm(hang) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &base{body: tea}
				s := squalltest.NewTransport(t, b)
				arm(s)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				start := time.Now()
				_, got, err := ask(ctx, s, "")
				var own *squalltest.FaultError
				if took := time.Since(start); took != 30*time.Second || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &own) || own.Kind != name {
					t.Errorf("after %v: %v", took, err)
				}
				if timeout := (*url.Error)(nil); errors.As(err, &timeout) && !timeout.Timeout() {
					t.Errorf("not a timeout: %v", err)
				}
				if name == "truncate" && got != tea[:3] || b.open.Load() != 0 {
					t.Errorf("%q came, %d bodies open", got, b.open.Load())
				}
			})
		})
	}
}

// TestClosingEndsAHang: also from another goroutine than the one that reads.
func TestClosingEndsAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := squalltest.NewTransport(t, &base{body: tea})
		s.Throttle(1)
		reply, err := (&http.Client{Transport: s}).Get("http://stock.test/")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*time.Second, func() { _ = reply.Body.Close() })
		start := time.Now()
		if _, err := io.ReadAll(reply.Body); err == nil || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		synctest.Wait()
	})
}

// TestTransportTimes: on a clock that stands still otherwise, delays and rates are exact.
func TestTransportTimes(t *testing.T) {
	body := strings.Repeat("x", 1000)
	for _, tt := range []struct {
		name string
		arm  func(*squalltest.Transport)
		took time.Duration
	}{
		{"none", nil, 0},
		{"delay", func(s *squalltest.Transport) { s.Delay(30 * time.Second) }, 30 * time.Second},
		{"delays add up", func(s *squalltest.Transport) {
			s.Delay(time.Second, squalltest.Named("a"))
			s.Delay(2 * time.Second)
		}, 3 * time.Second},
		{"floor", func(s *squalltest.Transport) {
			s.Delay(time.Second)
			s.Arm(faults.Rule{
				Kind: "delay", Phase: faults.After, Percent: 100, Enabled: true,
				Attributes: &faults.Delay{Latency: faults.Duration(5 * time.Second), Mode: "floor"},
			})
		}, 5 * time.Second},
		{"drip", func(s *squalltest.Transport) { s.Drip(100, time.Second) }, 9 * time.Second},
		{"throttle", func(s *squalltest.Transport) { s.Throttle(100) }, 10*time.Second - 25*time.Millisecond},
		{"throttled request", func(s *squalltest.Transport) {
			s.Arm(faults.Rule{
				Kind: "throttle", Phase: faults.Before, Percent: 100, Enabled: true, Attributes: &faults.Throttle{Rate: 100, Side: faults.OfRequest},
			})
		}, 10*time.Second - 25*time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := squalltest.NewTransport(t, &base{})
				if tt.arm != nil {
					tt.arm(s)
				}
				start := time.Now()
				_, got, err := ask(t.Context(), s, body)
				if took := time.Since(start); err != nil || got != body || took != tt.took {
					t.Errorf("%d bytes in %v, %v, want %v", len(got), took, err, tt.took)
				}
			})
		})
	}
}

// TestTransportChanges holds a Transport to what a Proxy does, fault by fault: the same status, body, marks and calls.
func TestTransportChanges(t *testing.T) {
	for name, arm := range map[string]func(*squalltest.Faults) *squalltest.Fault{
		"abort":        func(f *squalltest.Faults) *squalltest.Fault { return f.Abort(503) },
		"lost reply":   func(f *squalltest.Faults) *squalltest.Fault { return f.LoseReply(500) },
		"degrade":      func(f *squalltest.Faults) *squalltest.Fault { return f.Degrade(map[string]int{"left": 0}) },
		"merge":        func(f *squalltest.Faults) *squalltest.Fault { return f.Merge(map[string]any{"left": nil}) },
		"corrupt":      func(f *squalltest.Faults) *squalltest.Fault { return f.Corrupt(5) },
		"header":       func(f *squalltest.Faults) *squalltest.Fault { return f.SetHeader("X-Own", "1") },
		"trailer":      func(f *squalltest.Faults) *squalltest.Fault { return f.SetTrailer("X-Sum", "7") },
		"no trailers":  func(f *squalltest.Faults) *squalltest.Fault { return f.DropTrailers(squalltest.MayMiss()) },
		"duplicate":    func(f *squalltest.Faults) *squalltest.Fault { return f.Duplicate(2) },
		"rate limit":   func(f *squalltest.Faults) *squalltest.Fault { return f.RateLimit(1, time.Hour) },
		"concurrency":  func(f *squalltest.Faults) *squalltest.Fault { return f.Concurrency(0, 0) },
		"throttle":     func(f *squalltest.Faults) *squalltest.Fault { return f.Throttle(1 << 30) },
		"drip":         func(f *squalltest.Faults) *squalltest.Fault { return f.Drip(10, time.Millisecond) },
		"half of them": func(f *squalltest.Faults) *squalltest.Fault { return f.Abort(503, squalltest.Percent(50)) },
		"long enough":  func(f *squalltest.Faults) *squalltest.Fault { return f.Truncate(1000, squalltest.MayMiss()) },
		"mode":         func(f *squalltest.Faults) *squalltest.Fault { f.Mode("failure"); return nil },
		"by body": func(f *squalltest.Faults) *squalltest.Fault {
			return f.Abort(503, squalltest.Body("/sku", "tea"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			upstream, calls := stock(t)
			run := func(f *squalltest.Faults, target string, rt http.RoundTripper) (seen []string) {
				fault := arm(f)
				before := calls.Load()
				for range 8 {
					reply, err := (&http.Client{Transport: rt}).Post(target, "application/json", strings.NewReader(`{"sku":"tea"}`))
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(reply.Body)
					_ = reply.Body.Close()
					h := reply.Header
					seen = append(seen, fmt.Sprintln(reply.StatusCode, string(body), err, reply.ContentLength, h["Content-Type"], h["Content-Length"],
						h["X-Own"], h["Retry-After"], h["Etag"], h[faults.AttributionHeader], reply.Trailer))
				}
				if fault != nil {
					seen = append(seen, fault.Status())
				}
				return append(seen, fmt.Sprintln(calls.Load()-before, "calls"))
			}
			connection := &http.Transport{}
			defer connection.CloseIdleConnections()
			p := squalltest.New(t, upstream)
			want := run(p.Faults, p.URL, connection)
			s := squalltest.NewTransport(t, connection)
			got := run(s.Faults, upstream, s)
			if name == "duplicate" { // a proxy sends it behind the reply, so who has that may count too early
				got, want = got[:9], want[:9]
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("a Transport gives\n%q\na Proxy gives\n%q", got, want)
			}
		})
	}
}

// TestTransportDecidesAsAProxy: the same seed and keys give the same hits, whatever carries them, however many at once.
func TestTransportDecidesAsAProxy(t *testing.T) {
	const keys, each = 20, 25
	upstream, _ := stock(t)
	connection := &http.Transport{MaxIdleConnsPerHost: 16}
	defer connection.CloseIdleConnections()
	run := func(f *squalltest.Faults, target string, rt http.RoundTripper) map[string]bool {
		f.Abort(503, squalltest.Percent(30), squalltest.Key("header:X-Test"), squalltest.Named("it"))
		hits, work := make(map[string]bool), make(chan int)
		var mu sync.Mutex
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for key := range work {
					for n := range each {
						request, _ := http.NewRequest(http.MethodGet, target, nil)
						request.Header.Set("X-Test", fmt.Sprint(key))
						reply, err := rt.RoundTrip(request)
						if err != nil {
							t.Error(err)
							continue
						}
						_, _ = io.Copy(io.Discard, reply.Body)
						_ = reply.Body.Close()
						mu.Lock()
						hits[fmt.Sprint(key, "/", n)] = reply.StatusCode == 503
						mu.Unlock()
					}
				}
			})
		}
		for key := range keys {
			work <- key
		}
		close(work)
		workers.Wait()
		return hits
	}
	p, s := squalltest.New(t, upstream), squalltest.NewTransport(t, connection)
	want, got := run(p.Faults, p.URL, connection), run(s.Faults, upstream, s)
	if len(want) != keys*each || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPlacesOfATransport: an exchange has its place until its reply is read to the end, closed, or refused.
func TestPlacesOfATransport(t *testing.T) {
	s := squalltest.NewTransport(t, &base{body: tea})
	fault := s.Concurrency(1, 0)
	client := http.Client{Transport: s}
	for i, end := range []func(io.ReadCloser){
		func(body io.ReadCloser) { _, _ = io.Copy(io.Discard, body) },
		func(body io.ReadCloser) { _ = body.Close() },
	} {
		held, err := client.Get("http://stock.test/")
		if err != nil || held.StatusCode != 200 {
			t.Fatalf("%d: %v, %v", i, held, err)
		}
		if status, _, err := ask(t.Context(), s, ""); status != 503 || err != nil || fault.Hits() != i+1 {
			t.Errorf("%d: beside it: %d, %v, %d hits", i, status, err, fault.Hits())
		}
		end(held.Body)
		if status, _, err := ask(t.Context(), s, ""); status != 200 || err != nil {
			t.Errorf("%d: behind it: %d, %v", i, status, err)
		}
		_ = held.Body.Close()
	}
}

// TestTheRequestIsNotChanged, and its body is closed on every way.
func TestTheRequestIsNotChanged(t *testing.T) {
	for name, arm := range map[string]func(*squalltest.Transport){
		"passes":    func(*squalltest.Transport) {},
		"answered":  func(s *squalltest.Transport) { s.Abort(503) },
		"reset":     func(s *squalltest.Transport) { s.ResetConnection() },
		"lost":      func(s *squalltest.Transport) { s.LoseReply(503) },
		"duplicate": func(s *squalltest.Transport) { s.Duplicate(1) },
		"throttled": func(s *squalltest.Transport) { s.Throttle(1 << 30) },
		"edited": func(s *squalltest.Transport) {
			edit := &faults.HeaderEdit{Set: map[string]string{"X-Own": "2"}, Remove: []string{"X-Gone"}}
			s.Arm(faults.Rule{Kind: "headers", Phase: faults.Before, Percent: 100, Enabled: true, Attributes: &faults.Headers{Request: edit}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &base{}
			s := squalltest.NewTransport(t, b)
			arm(s)
			body := &sent{Reader: strings.NewReader("hello")}
			request, _ := http.NewRequest(http.MethodPut, "http://stock.test/a?b=c", body)
			request.Header = http.Header{"X-Own": {"1"}, "X-Gone": {"1"}}
			before, header := *request, request.Header.Clone()
			reply, err := s.RoundTrip(request)
			if err == nil {
				if reply.Request != request {
					t.Error("the reply is for another request")
				}
				_, _ = io.Copy(io.Discard, reply.Body)
				_ = reply.Body.Close()
			}
			if !body.closed || b.open.Load() != 0 {
				t.Errorf("closed %t, %d bodies open", body.closed, b.open.Load())
			}
			if !reflect.DeepEqual(request.Header, header) || request.Body != before.Body || request.URL != before.URL || request.Host != before.Host {
				t.Errorf("changed to %+v", request)
			}
		})
	}
}

// Fatalf ends the test as far as whoever calls can tell.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

func TestATransportThatWasNeverHitFails(t *testing.T) {
	r := &recorder{TB: t}
	s := squalltest.NewTransport(r, &base{})
	s.Abort(503, squalltest.Path("/other"))
	s.Abort(503, squalltest.Named("may"), squalltest.MayMiss())
	r.end()
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], `"abort-1" was armed and never hit`) {
		t.Errorf("failed with %q", r.failures)
	}
}

func TestWhatATransportRefuses(t *testing.T) {
	r := &recorder{TB: t}
	s := squalltest.NewTransport(r, &base{})
	defer r.end()
	for want, arm := range map[string]func(){
		"kind: malformed": func() { s.Malformed("chunk") },
		"kind: goaway":    func() { s.Goaway() },
		"kind: tls":       func() { s.Arm(faults.Rule{Kind: "tls", Percent: 100}) },
		"stale: a Trans": func() {
			most := faults.Duration(time.Minute)
			s.Arm(faults.Rule{Kind: "degrade", Phase: faults.After, Percent: 100, Attributes: &faults.Degrade{Stale: &most}})
		},
		"kind: websocket": func() { s.Arm(faults.Rule{Kind: "websocket", Percent: 100}) },
		"key: a Tra":      func() { s.Abort(503, squalltest.Key("client")) },
		"match.source":    func() { s.Arm(faults.Rule{Kind: "abort", Match: &faults.Match{Source: faults.Exactly("10.0.0.1")}}) },
	} {
		func() {
			defer func() {
				if refused := recover(); refused != r || !strings.Contains(r.failures[len(r.failures)-1], want) {
					t.Errorf("%s: %v, %q", want, refused, r.failures)
				}
			}()
			arm()
		}()
	}
	if _, _, err := ask(t.Context(), s, ""); err != nil {
		t.Errorf("what was refused is in force: %v", err)
	}
}

func ExampleNewTransport() {
	_ = func(t *testing.T) { // a test
		stock := squalltest.NewTransport(t, http.DefaultTransport)
		stock.ResetConnection(squalltest.First(2))
		client := http.Client{Transport: stock}
		_, err := client.Get("http://stock.test/")
		fmt.Println(errors.Is(err, syscall.ECONNRESET))
	}
	// Output:
}
