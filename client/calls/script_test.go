package calls

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

const (
	goodBody     = `{"message":"Hello from the service!","data":[1,2,3,4,5]}`
	degradedBody = `{"message":"Service in degraded mode (fallback)","data":[1,2,3]}`
)

// answer is what an upstream does with one attempt.
type answer struct {
	status int
	body   string
	after  time.Duration // before the head
	err    error         // instead of an answer
	silent bool          // no answer until the attempt is given up
}

var (
	refused = answer{err: syscall.ECONNREFUSED}
	silence = answer{silent: true}
)

func status(code int) answer {
	if code < 300 {
		return answer{status: code, body: goodBody}
	}
	return answer{status: code, body: `{"message":"Service Unavailable"}`}
}

func saying(body string) answer { return answer{status: 200, body: body} }

// script is an upstream that answers by attempt; its last answer goes on. It is a Transport, for fake time.
type script struct {
	answers []answer
	start   time.Time

	mu   sync.Mutex
	seen []attempt
}

// attempt is what the upstream saw of one.
type attempt struct {
	at                time.Duration // since the script began
	method, key, body string        // key is the Idempotency-Key
	call              string        // the id of the call
}

func upstream(answers ...answer) *script { return &script{answers: answers, start: time.Now()} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	got := attempt{at: time.Since(s.start), method: req.Method, key: req.Header.Get("Idempotency-Key"), call: req.Header.Get(callID)}
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		if err := errors.Join(err, req.Body.Close()); err != nil {
			return nil, err
		}
		got.body = string(data)
	}
	s.mu.Lock()
	a := s.answers[min(len(s.seen), len(s.answers)-1)]
	s.seen = append(s.seen, got)
	s.mu.Unlock()
	if a.silent {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if err := wait.For(req.Context(), a.after); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{}, ContentLength: int64(len(a.body)),
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// attempts checks how many there were.
func (s *script) attempts(t *testing.T, want int) {
	t.Helper()
	if len(s.seen) != want {
		t.Errorf("the upstream saw %d attempts, want %d", len(s.seen), want)
	}
}

func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := wait.For(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}
