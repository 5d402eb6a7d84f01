package nethttp

import (
	"io"
	"net/http"
	"slices"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// keepReply has the upstream's reply remembered as it comes, if a rule wants that. Of a body that ends with its connection
// nobody knows whether it is whole.
func (x *exchange) keepReply(res *http.Response) {
	k, length := x.plan.Keeper(&x.view), x.lengthOf(res)
	framed := length >= 0 || res.ProtoMajor > 1 || slices.Contains(res.TransferEncoding, "chunked")
	if k == nil || !framed || semantics.IsStream(res.Header.Get("Content-Type")) {
		return
	}
	for name, values := range res.Header { // without those of the connection: the reverse proxy has dropped them
		for _, value := range values {
			k.Field(name, value)
		}
	}
	x.keeper = k
	res.Body = &keptBody{res.Body, k, length}
}

// keptBody is a body that is remembered as it is read.
type keptBody struct {
	io.ReadCloser
	keeper *faults.Keeper
	left   int64 // below 0 = not known
}

// Read reads from the upstream.
func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.keeper.Add(p[:n])
	b.left -= int64(n)
	if err == io.EOF || b.left == 0 {
		b.keeper.Finish()
	}
	return n, err
}

// recall gives the client a reply of before. The answer is what the client gets because there is none; nil lets the reply go
// on.
func (x *exchange) recall(res *http.Response, r faults.Recall, d faults.Decision) *faults.Answer {
	if !semantics.MayDegrade(res.StatusCode, res.Header.Get("Content-Type"), faults.Body{}) {
		x.plan.Withdraw()
		return nil
	}
	if x.keeper.Wants() {
		_, _ = x.readBody(res, faults.MaxReply) // else it is not remembered
	} else {
		discard(res)
	}
	if r.Otherwise != nil {
		return r.Otherwise
	}
	res.StatusCode = http.StatusOK
	clear(res.Header)
	for _, field := range r.Header {
		res.Header.Add(field.Name, field.Value)
	}
	if x.in.Method != http.MethodHead {
		setBody(res, r.Body)
	}
	x.unreadable, x.view.Status = nil, res.StatusCode
	x.record.Faulted = true
	x.replyEdits = append(x.replyEdits, faults.Edit{Set: r.Set})
	x.mark(d)
	return nil
}
