package nethttp

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// preview reads the request's body where a rule looks into it, up to [faults.MaxMatchBody] bytes and for at most the body
// timeout in all, and reports whether the exchange goes on. What was read goes upstream later as it came. A body that is
// larger goes on unseen; where it breaks off, or does not come, the exchange is over.
func (x *exchange) preview() (goOn bool) {
	needed := false
	x.shielded(func() { needed = x.settings.Faults.NeedsBody(&x.view) })
	if !needed || x.in.ContentLength == 0 || x.in.ContentLength > faults.MaxMatchBody {
		return true
	}
	control := http.NewResponseController(x.ResponseWriter)
	_ = control.SetReadDeadline(time.Now().Add(x.server.bodyTimeout)) // fails with the connection
	rest, announced := x.in.Body, maps.Clone(x.in.Trailer)
	read, err := io.ReadAll(io.LimitReader(rest, faults.MaxMatchBody+1))
	if err != nil {
		x.bodyFailed(err)
		return false
	}
	x.view.Now = time.Now() // a rule may have run out meanwhile
	_ = control.SetReadDeadline(time.Time{})
	whole := &replayed{Reader: bytes.NewReader(read), Closer: rest}
	if len(read) > faults.MaxMatchBody {
		whole.Reader = io.MultiReader(whole.Reader, rest)
		x.in.Body = whole
		return true
	}
	x.view.Body = bytes.Clone(read) // what goes upstream may yet be changed
	if trailer := x.in.Trailer; len(trailer) > 0 {
		x.in.Trailer = announced // the others are found out at the end, as ever: else the transport announces them all
		if announced == nil {
			x.in.Trailer = make(http.Header)
		}
		whole.Reader = io.MultiReader(whole.Reader, &behind{x.in.Trailer, trailer})
	}
	x.in.Body = whole
	return true
}

// bodyFailed ends an exchange whose request's body has broken off, or is not HTTP.
func (x *exchange) bodyFailed(err error) {
	switch {
	case x.server.lifetime.Err() != nil, x.in.Context().Err() != nil:
		x.abort(x.left())
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded), isNetwork(err):
		x.abort(proxy.ClientLeft, "request body: "+err.Error())
	}
	x.closeBehind()
	x.problem(http.StatusBadRequest, "request body: "+err.Error())
}

// behind is the end of a body whose trailers were read already: reading it fills them in.
type behind struct{ to, from http.Header }

// Read gives nothing but the end.
func (b *behind) Read([]byte) (int, error) {
	maps.Copy(b.to, b.from)
	return 0, io.EOF
}
