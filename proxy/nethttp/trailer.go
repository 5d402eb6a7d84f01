package nethttp

import (
	"io"
	"net/http"
	"slices"

	"github.com/squall-proxy/squall/faults"
)

// changeTrailer prepares to change the fields behind the reply's body, or withdraws the rule where there can be none.
func (x *exchange) changeTrailer(res *http.Response, t faults.Trailer) {
	mayCome := slices.Contains(res.TransferEncoding, "chunked") || res.ProtoMajor == 2 && res.Body != http.NoBody
	if !x.modern || !hasBody(x.in.Method, res.StatusCode) || len(t.Set) == 0 && !mayCome {
		x.plan.Withdraw()
		return
	}
	x.record.Faulted = true
	x.trailers = append(x.trailers, t)
}

// passTrailers lets a reply go to the client with other trailers: those that are announced here, and, when its body is
// over, those that came.
func (x *exchange) passTrailers(res *http.Response) {
	if len(x.trailers) == 0 {
		return
	}
	x.editTrailer(res)
	if len(res.Trailer) > 0 && !x.stream {
		res.ContentLength = -1 // fields stand behind chunks only
		res.Header.Del("Content-Length")
	}
	res.Body = &trailed{ReadCloser: res.Body, over: func() { x.editTrailer(res) }}
}

func (x *exchange) editTrailer(res *http.Response) {
	for _, t := range x.trailers {
		for name := range res.Trailer {
			if t.Drops(name) {
				delete(res.Trailer, name)
			}
		}
		for _, set := range t.Set {
			if res.Trailer == nil {
				res.Trailer = make(http.Header)
			}
			res.Trailer.Set(set.Name, set.Value)
		}
	}
}

// trailed is a body that tells when its trailers are there.
type trailed struct {
	io.ReadCloser
	over func()
}

// Read reads from the upstream.
func (b *trailed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.over()
	}
	return n, err
}
