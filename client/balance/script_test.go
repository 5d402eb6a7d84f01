package balance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// servers are backends named a, b, c …, as a Transport.
type servers struct {
	mu     sync.Mutex
	seen   strings.Builder // the name of each backend that was called, in order
	probes strings.Builder // of each whose health was asked for
	dead   map[string]error
	status map[string]int
	takes  map[string]time.Duration
	body   map[string]io.Reader
	last   *http.Request
}

func newServers() *servers {
	return &servers{
		dead: map[string]error{}, status: map[string]int{}, takes: map[string]time.Duration{}, body: map[string]io.Reader{},
	}
}

var errRefused = errors.New("connection refused")

func (s *servers) RoundTrip(req *http.Request) (*http.Response, error) {
	name := req.URL.Host
	s.mu.Lock()
	s.last = req
	if req.URL.Path == "/health" {
		s.probes.WriteString(name)
	} else {
		s.seen.WriteString(name)
	}
	err, status, takes, body := s.dead[name], s.status[name], s.takes[name], s.body[name]
	s.mu.Unlock()
	if err := wait.For(req.Context(), takes); err != nil {
		return nil, req.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	if status == 0 {
		status = 200
	}
	if body == nil {
		body = strings.NewReader(name)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body)}, nil
}

// took returns who was called since it was last asked.
func (s *servers) took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.seen.Reset()
	return s.seen.String()
}

func (s *servers) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// pool is one with a backend for each weight, and what it told.
type pool struct {
	*Pool
	*servers
	t    *testing.T
	mu   sync.Mutex
	told []string
}

func newPool(t *testing.T, cfg Config, weights ...int) *pool {
	t.Helper()
	p := &pool{servers: newServers(), t: t}
	for i, w := range weights {
		cfg.Backends = append(cfg.Backends, Backend{URL: "http://" + string(rune('a'+i)), Weight: w})
	}
	var err error
	p.Pool, err = New(cfg, p.servers, func(e Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.told = append(p.told, e.String())
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// events are what was told so far.
func (p *pool) events() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.told)
}

func (p *pool) RoundTrip(req *http.Request) (*http.Response, error) { return p.Pool.RoundTrip(req) }

// call makes one under ctx, reads its answer, and tells whether it was a good one.
func (p *pool) call(ctx context.Context) bool {
	p.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shop.test/orders?n=1", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		return false
	}
	_, err = io.ReadAll(resp.Body)
	if cerr := resp.Body.Close(); cerr != nil {
		p.t.Error(cerr)
	}
	return err == nil && resp.StatusCode < 500
}

// calls makes n one after the other, and returns who was called.
func (p *pool) calls(n int) string {
	p.t.Helper()
	for range n {
		p.call(p.t.Context())
	}
	return p.took()
}

// withRetry makes n calls with one retry each, and returns how many failed all the same.
func (p *pool) withRetry(n int) (failed int) {
	p.t.Helper()
	for range n {
		ctx := Avoiding(p.t.Context())
		if p.call(ctx) {
			continue
		}
		if !p.call(ctx) {
			failed++
		}
	}
	return failed
}

func (p *pool) want(got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("called %s, want %s", got, want)
	}
}

func (p *pool) pass(d time.Duration) {
	p.t.Helper()
	if err := wait.For(p.t.Context(), d); err != nil {
		p.t.Fatal(err)
	}
}
