package squalltest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// exchange is one request and what becomes of it.
type exchange struct {
	base http.RoundTripper
	in   *http.Request   // the client's, never changed
	out  *http.Request   // the upstream's
	ctx  context.Context // the request's; ends when the client closes the reply's body, too
	stop context.CancelCauseFunc
	view faults.View
	plan faults.Plan

	ended       sync.Once // for the plan
	replyEdits  []faults.Edit
	trailers    []faults.Trailer
	uploadPacer *faults.Pacer // nil = the request's body goes as it comes
	pacer       *faults.Pacer // the reply's
	repeats     int
	body        []byte // the request's, once it was read

	cut     *faults.End // in the reply's body; nil = none
	cutBy   faults.Decision
	cutFrom int64 // how many bytes arrive before
}

// RoundTrip carries one request out, with its faults.
func (t *Transport) RoundTrip(in *http.Request) (*http.Response, error) {
	x := &exchange{base: t.base, in: in, out: in.Clone(in.Context())}
	x.ctx, x.stop = context.WithCancelCause(in.Context())
	res, err := x.run(t.set.Load())
	if err != nil {
		x.over()
		x.repeat()
		return nil, err
	}
	res.Request = in
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.over()
		return res, nil
	}
	x.passReply(res)
	return res, nil
}

// over gives back what the exchange takes up.
func (x *exchange) over() {
	x.ended.Do(x.plan.Done)
	x.stop(errClosed)
}

// run decides, and gives the reply or the error that the exchange ends with. The request's body is closed, or base's to
// close.
func (x *exchange) run(set *faults.Set) (*http.Response, error) {
	x.view = faults.View{
		Proxy: name, Method: x.in.Method, Host: x.in.Host, Path: faults.CleanPath(x.in.URL.Path), RawQuery: x.in.URL.RawQuery,
		Header: x.in.Header, Now: time.Now(),
	}
	if x.view.Method == "" {
		x.view.Method = http.MethodGet
	}
	if x.view.Host == "" {
		x.view.Host = x.in.URL.Host
	}
	if x.out.Header == nil {
		x.out.Header = make(http.Header)
	}
	if set.NeedsBody(&x.view) {
		if err := x.readRequest(faults.MaxMatchBody); err != nil {
			return nil, err
		}
		x.view.Body = bytes.Clone(x.body)
	}
	x.plan.Begin(set, &x.view)
	res, err := x.before()
	if res != nil || err != nil {
		x.closeRequest()
		x.cannotRepeat()
		return res, err
	}
	if x.uploadPacer != nil && x.out.Body != nil {
		x.out.Body = &readCloser{x.paced(x.out.Body, x.uploadPacer), x.out.Body}
	}
	res, err = x.base.RoundTrip(x.out)
	if err != nil {
		x.cannotRepeat()
		return nil, err
	}
	return x.after(res)
}

// closeRequest closes the body of a request that is not sent.
func (x *exchange) closeRequest() {
	if x.out.Body != nil {
		_ = x.out.Body.Close() // it is the client's, and nobody reads it any more
	}
}

// readRequest reads the request's body, if it is no longer than most, and leaves it to be read once more. x.body stays nil
// for a longer one.
func (x *exchange) readRequest(most int64) error {
	from := x.out.Body
	if from == nil || from == http.NoBody || x.body != nil || x.out.ContentLength > most {
		return nil
	}
	read, err := io.ReadAll(io.LimitReader(from, most+1))
	if err != nil {
		x.closeRequest()
		return fmt.Errorf("request body: %w", err)
	}
	whole := &readCloser{bytes.NewReader(read), from}
	if int64(len(read)) > most {
		whole.Reader = io.MultiReader(whole.Reader, from)
	} else {
		x.body = read
	}
	x.out.Body = whole
	return nil
}

// readCloser reads here and closes there.
type readCloser struct {
	io.Reader
	io.Closer
}

// before carries out the rules of phase before; nil and nil where the request goes on to the upstream.
func (x *exchange) before() (*http.Response, error) {
	for {
		action, d := x.plan.Next(&x.view)
		var err error
		switch a := action.(type) {
		case nil:
			return nil, nil
		case faults.Wait:
			err = x.wait(d, a.For)
		case faults.Acquire:
			err = x.held(d, wait.On(x.ctx, x.plan.Granted()))
		case faults.Header:
			edit(x.out.Header, a.Request)
			x.replyEdits = append(x.replyEdits, a.Response)
		case faults.Repeat:
			err = x.prepareRepeat(a)
		case faults.Pace:
			x.pace(a)
		case faults.Flip:
			x.corruptRequest(a, d)
		case faults.Hold:
			return nil, x.hold(d, a.For)
		case faults.End:
			return nil, x.end(d, a.How, false)
		case faults.Answer:
			return x.answer(a, d, nil), nil
		default:
			err = fmt.Errorf("squalltest: a Transport cannot do what %s asks for: %T", d.Kind, a)
		}
		if err != nil {
			return nil, err
		}
	}
}

// wait holds the exchange.
func (x *exchange) wait(d faults.Decision, latency time.Duration) error {
	return x.held(d, wait.For(x.ctx, latency))
}

// held goes on after the exchange was held; the error is why it does not.
func (x *exchange) held(d faults.Decision, err error) error {
	if err != nil {
		return faultError(d, err)
	}
	x.view.Now = time.Now() // a rule behind the delay may have run out meanwhile
	return nil
}

// hold ends the exchange after a time of silence, 0 for one until the client gives up.
func (x *exchange) hold(d faults.Decision, silence time.Duration) error {
	if silence == 0 {
		return x.end(d, faults.EndHang, false)
	}
	if err := wait.For(x.ctx, silence); err != nil {
		return faultError(d, err)
	}
	return x.end(d, faults.EndClose, false)
}

// end gives the error that an exchange ends with, before its reply or in the reply's body.
func (x *exchange) end(d faults.Decision, how faults.How, inBody bool) error {
	if how == faults.EndHang {
		<-x.ctx.Done()
		return faultError(d, context.Cause(x.ctx))
	}
	return faultError(d, cutOff(how, x.view.Host, inBody))
}

// pace slows down the bodies that a rate is for.
func (x *exchange) pace(p faults.Pace) {
	if x.in.Header.Get("Upgrade") != "" || p.Side == faults.OfRequest && x.in.ContentLength == 0 {
		x.plan.Withdraw()
		return
	}
	if p.Side != faults.OfResponse {
		if x.uploadPacer == nil {
			x.uploadPacer = &faults.Pacer{}
		}
		x.uploadPacer.Add(p.Rate, x.plan.Bucket(p, faults.OfRequest))
	}
	if p.Side != faults.OfRequest {
		x.slow().Add(p.Rate, x.plan.Bucket(p, faults.OfResponse))
	}
}

// slow gives what spaces the reply's body.
func (x *exchange) slow() *faults.Pacer {
	if x.pacer == nil {
		x.pacer = &faults.Pacer{}
	}
	return x.pacer
}

func (x *exchange) paced(body io.Reader, pacer *faults.Pacer) io.Reader {
	return &semantics.Paced{Reader: body, Pacer: pacer, Pause: func(d time.Duration) error { return wait.For(x.ctx, d) }}
}

// corruptRequest has bytes of the request's body flipped.
func (x *exchange) corruptRequest(f faults.Flip, d faults.Decision) {
	length := x.in.ContentLength
	if length == 0 && x.out.Body != nil && x.out.Body != http.NoBody {
		length = -1
	}
	flipper := f.Of(length)
	if flipper == nil {
		x.plan.Withdraw()
		return
	}
	x.mark(d)
	x.out.Body = &readCloser{&semantics.Flipping{Reader: x.out.Body, Flipper: flipper}, x.out.Body}
}

// mark has the reply say by whose fault it is not the upstream's own.
func (x *exchange) mark(d faults.Decision) {
	mark := faults.Field{Name: faults.AttributionHeader, Value: faults.Attribution(d)}
	x.replyEdits = append(x.replyEdits, faults.Edit{Add: []faults.Field{mark}})
}

// prepareRepeat reads the body of a request that is to be sent again.
func (x *exchange) prepareRepeat(r faults.Repeat) error {
	if err := x.readRequest(faults.MaxRepeatBody); err != nil {
		return err
	}
	hasBody := x.out.Body != nil && x.out.Body != http.NoBody
	if x.in.Header.Get("Upgrade") != "" || hasBody && x.body == nil {
		x.plan.Withdraw()
		return nil
	}
	x.repeats += r.Times
	return nil
}

// cannotRepeat takes back that the request is to be sent again: there is no first reply.
func (x *exchange) cannotRepeat() {
	if x.repeats > 0 {
		x.plan.WithdrawRepeat()
		x.repeats = 0
	}
}

// repeat sends the request again, and drops the replies.
func (x *exchange) repeat() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.in.Context()), faults.MaxRepeatTime)
	defer cancel()
	for range x.repeats {
		out := x.out.Clone(ctx)
		if x.body != nil {
			out.Body = io.NopCloser(bytes.NewReader(x.body))
		}
		res, err := x.base.RoundTrip(out)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, res.Body) // however it ends
		_ = res.Body.Close()
	}
}
