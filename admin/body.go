package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxBody bounds the body of a request, in bytes.
const MaxBody = 1 << 20

// maxDocuments is how many bodies are held as documents at once, until their changes are made. Changes are made one at a
// time anyway.
const maxDocuments = 2

// unread is a request's body of which nobody read all.
type unread struct{ io.ReadCloser }

// unfinished reports whether a part of a request's body was not read, so that nobody knows when it comes.
func unfinished(r *http.Request) bool {
	_, ok := r.Body.(unread)
	return ok
}

// dontWait lets an answer go out at once though the body is unfinished, and the connection end soon after it. By itself
// net/http waits for the rest of a body before it answers, and again before it closes the connection.
func dontWait(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	// Not every ResponseWriter has a deadline: a test's has none.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerTimeout))
}

// takesDocument reports whether a request is of a kind that changes something by a document.
func takesDocument(r *http.Request) bool {
	return r.Method == http.MethodPut || r.Method == http.MethodPost || r.Method == http.MethodPatch
}

// readBody reads the whole of a body that may be a document, before anything is waited for: in this order a client that
// sends slowly keeps nobody else waiting. Bodies where none is wanted are left unread.
func readBody(r *http.Request) error {
	if !takesDocument(r) {
		return nil
	}
	data, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errBodyTooLarge()
	case err != nil:
		return refusef(http.StatusBadRequest, "", "the body broke off: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// holdDocument waits for one of the places of those who hold a document. release gives it back.
func (d *desk) holdDocument(r *http.Request) (release func(), err error) {
	if !takesDocument(r) || r.ContentLength == 0 {
		return func() {}, nil
	}
	select {
	case d.documents <- struct{}{}:
		return func() { <-d.documents }, nil
	case <-r.Context().Done():
		return nil, fmt.Errorf("waiting for other changes: %w", context.Cause(r.Context()))
	}
}

func errBodyTooLarge() error {
	return refusef(http.StatusRequestEntityTooLarge, "", "a body has at most %d bytes", MaxBody)
}

// readDocument reads the body, which is JSON whatever its Content-Type says: curl -d calls it a form.
func readDocument(r *http.Request) (*document.Node, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refusef(http.StatusBadRequest, "", "the body broke off: %v", err)
	}
	return document.ParseJSONWithin(data, document.MaxValues)
}

// decode reads the body into out and gives it as a tree, too, for errors that come up later.
func decode(r *http.Request, out any) (*document.Node, error) {
	sent, err := readDocument(r)
	if err != nil {
		return nil, err
	}
	return sent, document.Decode(sent, out)
}
