package client

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// replayBytes is how much of a request's body is kept to send it again when the request has no GetBody of its own.
const replayBytes = 64 << 10

// replay gives every attempt of a call the same body.
type replay struct {
	req   *http.Request                 // for the first attempt
	again func() (io.ReadCloser, error) // nil: the body cannot be sent twice
}

// newReplay reads req's body ahead if it has to, up to replayBytes, and no request that is sent once only. A body that
// is longer is sent as it comes, once. On an error the body is closed.
func newReplay(req *http.Request, repeatable bool) (replay, error) {
	switch {
	case !hasBody(req):
		return replay{req, noBody}, nil
	case !repeatable || req.ContentLength > replayBytes && req.GetBody == nil:
		return replay{req: req}, nil
	case req.GetBody != nil:
		return replay{req, req.GetBody}, nil
	}
	head, err := readUpTo(req.Body, req.ContentLength, replayBytes)
	if err != nil {
		closeBody(req.Body)
		return replay{}, fmt.Errorf("reading the request's body: %w", err)
	}
	first := *req
	if len(head) > replayBytes {
		first.Body = startedBody{io.MultiReader(bytes.NewReader(head), req.Body), req.Body}
		return replay{req: &first}, nil
	}
	closeBody(req.Body)
	again := func() (io.ReadCloser, error) { return newBufferedBody(head), nil }
	first.Body, _ = again()
	return replay{&first, again}, nil
}

func noBody() (io.ReadCloser, error) { return http.NoBody, nil }

// attempt returns the request to send as attempt n, from 1.
func (r replay) attempt(n int) (*http.Request, error) {
	if n == 1 {
		return r.req, nil
	}
	body, err := r.again()
	if err != nil {
		return nil, fmt.Errorf("rewinding the request's body: %w", err)
	}
	next := *r.req
	next.Body = body
	return &next, nil
}
