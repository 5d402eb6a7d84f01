package proxytest

import (
	"net/http"
	"strings"
	"testing"
)

func (s suite) headers(t *testing.T) {
	const edit = `{"set": {"X-Set": "new"}, "add": {"X-Add": "2"}, "remove": ["X-Gone"]}`
	t.Run("OfTheRequest", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream, rules(`{"headers": {"request": `+edit+`}}`))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "X-Set: old", "X-Add: 1", "X-Gone: 1", "", "")
		c.reply(http.MethodGet)
		equalFields(t, withoutID(next(t, requests).fields),
			append(r.added("x"), "Host: x", "X-Set: new", "X-Add: 1", "X-Add: 2"))
		equal(t, "faulted", r.exchange().Faulted, true)
	})
	for _, phase := range []string{"before", "after"} {
		response := `"phase": "` + phase + `", "headers": {"response": {"set": {"X-Own": "edited"}, "add": {"X-Own": "2"},
			"remove": ["Etag", "Content-Type"]}}`
		t.Run("OfTheReply/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			reply, body := s.start(t, upstream, rules(`{`+response+`}`)).get("/")
			equal(t, "X-Own", strings.Join(reply.Header.Values("X-Own"), ","), "edited,2")
			equal(t, "Etag", reply.Header.Get("Etag"), "")
			equal(t, "Content-Type", reply.Header.Get("Content-Type"), "") // removed is removed, not sniffed
			equal(t, "body", body, "real")
		})
		t.Run("OfAnAnswerBehind/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			r := s.start(t, upstream, rules(`{`+response+`}`, `{"abort": 503, "phase": "`+phase+`"}`))
			reply, _ := r.get("/")
			equal(t, "status", reply.StatusCode, 503)
			equal(t, "X-Own", strings.Join(reply.Header.Values("X-Own"), ","), "edited,2")
		})
	}
}
