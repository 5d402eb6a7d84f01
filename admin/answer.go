package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is what a handler has to say.
type answer struct {
	status   int                                      // 0 = 200
	body     any                                      // sent as indented JSON; nil = none
	text     string                                   // sent as it is, when body is nil
	kind     string                                   // of text and stream, as a Content-Type; "" = plain
	stream   func(http.ResponseWriter, *http.Request) // sends what comes, when it is not nil, behind a head of status 200
	location string
	policy   string  // the Content-Security-Policy; "" = the guard's
	revision *uint64 // sent as the ETag; nil = none
}

// serve answers requests with a handler, and refuses them in the form of one of the APIs.
func (d *desk) serve(handle handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := readBody(r)
		defer answering(r)() // from here on its connection is not cut
		var a answer
		if err == nil {
			a, err = d.ask(r, handle)
		}
		if err == nil {
			err = a.write(w, r)
		}
		if err != nil {
			refuse(w, r, err)
		}
	})
}

// ask lets a handler answer a request whose body was read. A body stays a document until then.
func (d *desk) ask(r *http.Request, handle handler) (answer, error) {
	release, err := d.holdDocument(r)
	if err != nil {
		return answer{}, err
	}
	defer release()
	return handle(r)
}

// write sends the answer. An error means that nothing was sent: a client that does not read is no error of ours.
func (a answer) write(w http.ResponseWriter, r *http.Request) error {
	if a.stream != nil {
		w.Header().Set("Content-Type", a.kind)
		a.stream(w, r)
		return nil
	}
	body, contentType := []byte(a.text), "text/plain; charset=utf-8"
	switch {
	case a.body != nil:
		var err error
		if body, err = encode(a.body); err != nil {
			return err
		}
		contentType = "application/json"
	case a.kind != "":
		contentType = a.kind
	}
	if unfinished(r) {
		dontWait(w)
	}
	h := w.Header()
	if a.policy != "" {
		h.Set("Content-Security-Policy", a.policy)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.revision != nil {
		h.Set("ETag", etag(*a.revision))
	}
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	if len(body) > 0 {
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only when the client has left
	return nil
}

// encode writes a value as indented JSON with a newline at the end.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(value)
	return b.Bytes(), err
}

func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }
