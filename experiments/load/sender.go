package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Sender sends one HTTP request again and again. Close it when nothing is under way any more.
type Sender struct {
	Method, URL, Body string
	Headers           map[string]string
	Timeout           time.Duration // of one request, its reply's body included
	Client            *http.Client  // [NewClient]'s
}

// NewClient makes a client for loads: it keeps as many connections as there were requests at once, follows no redirects, and
// uses no proxy of the environment.
func NewClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConns: MaxInFlight, MaxIdleConnsPerHost: MaxInFlight, IdleConnTimeout: 90 * time.Second,
			ForceAttemptHTTP2: true, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// StatusError is a reply that counts as a failure: its status is 400 or more.
type StatusError int

func (e StatusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// Send sends the request and reads the reply to its end.
func (s *Sender) Send(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, s.Method, s.URL, strings.NewReader(s.Body))
	if err != nil {
		return err
	}
	for name, value := range s.Headers {
		request.Header.Set(name, value)
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	reply, err := s.Client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, reply.Body)
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return err
	}
	if reply.StatusCode >= http.StatusBadRequest {
		return StatusError(reply.StatusCode)
	}
	return nil
}
