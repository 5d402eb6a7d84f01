package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// flushAfter bounds how long bytes of a reply with a known length may wait in a buffer. Flushing each piece at once
// would send the head of every small reply in a packet of its own.
const flushAfter = 2 * time.Millisecond

// errConcluded tells the reverse proxy that the exchange has got its end in phase after.
var errConcluded = errors.New("concluded")

// forward sends the request to the upstream and the reply back. It panics with http.ErrAbortHandler where the client's
// connection has to be closed.
func (x *exchange) forward() {
	x.link = x.server.linkFor(x.settings)
	defer x.server.release(x.link)
	if x.in.ContentLength < 0 && x.in.Trailer == nil {
		x.in.Trailer = make(http.Header) // net/http fills this map, so that trailers arrive that were not announced
	}
	x.reverse = httputil.ReverseProxy{
		Rewrite: x.rewrite, Transport: (*roundTripper)(x), ModifyResponse: x.modify, ErrorHandler: x.fail,
		BufferPool: &x.server.buffers, ErrorLog: x.server.http.ErrorLog,
	}
	x.reverse.ServeHTTP(x, x.in)
	x.whole()
}

// rewrite makes the upstream's request. Hop-by-hop and forwarding fields are gone from it already.
func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	in, out, config := p.In, p.Out, &x.settings.Config
	out.URL.Scheme, out.URL.Host, out.URL.User = x.settings.Upstream.Scheme, x.settings.Upstream.Host, nil
	if out.URL.Scheme == proxy.H2C {
		out.URL.Scheme = "http" // as net/http calls it
		out.Header.Del("Upgrade")
		out.Header.Del("Connection")
	}
	out.URL.RawQuery = in.URL.RawQuery // byte for byte: the reverse proxy has dropped what it cannot parse
	switch config.Host {
	case proxy.KeepHost:
	case proxy.UpstreamHost:
		out.Host = x.settings.Upstream.Host
	default:
		out.Host = config.Host
	}
	if out.Body != nil {
		x.body.ReadCloser, x.body.exchange = out.Body, x
		if x.stream {
			x.body.ReadCloser = x.in.Body // closing that does not wait for the rest, so it may be closed
		}
		out.Body = &x.body
		if x.uploadPacer != nil {
			out.Body = &replayed{Reader: x.paced(&x.body, x.uploadPacer), Closer: &x.body}
		}
		out.Trailer = in.Trailer
	}
	if upgrade := out.Header.Get("Upgrade"); upgrade != "" && !strings.EqualFold(upgrade, "websocket") {
		out.Header.Del("Upgrade")
		out.Header.Del("Connection")
	}
	delete(out.Header, "Http2-Settings")
	x.setForwarded(out.Header)
	out.Header.Set("X-Request-Id", x.record.RequestID)
	apply(out.Header, x.record.Trace.Edit())
	for _, edit := range x.requestEdits {
		apply(out.Header, edit)
	}
}

// roundTripper is an exchange as the reverse proxy's transport.
type roundTripper exchange

// RoundTrip calls the upstream and takes the time.
func (t *roundTripper) RoundTrip(out *http.Request) (*http.Response, error) {
	connections := 0
	if trace := httptrace.ContextClientTrace(out.Context()); trace != nil { // the reverse proxy's own, for 1xx replies
		trace.GotConn = func(got httptrace.GotConnInfo) {
			connections++
			address := proxy.AddressText(got.Conn.RemoteAddr())
			connectionOf(t.in).live.Reach(&address)
		}
	}
	start := time.Now()
	res, err := t.link.of(t.in).RoundTrip(out)
	t.record.UpstreamDuration = time.Since(start)
	t.record.UpstreamAttempts = max(connections, 1)
	if err == nil && t.again != nil {
		t.again.out = out
	}
	if err == nil && res.StatusCode < 100 { // net/http reads any three digits (RFC 9110, 15)
		_ = res.Body.Close() // nobody knows what it is
		return nil, fmt.Errorf("a reply of status %03d", res.StatusCode)
	}
	return res, err
}

// modify carries out the rules of phase after on the upstream's reply.
func (x *exchange) modify(res *http.Response) error {
	passed := false
	defer func() {
		if !passed { // by an error or a panic
			_ = res.Body.Close() // what is left of it is not wanted
		}
	}()
	x.checkSocket(res.StatusCode)
	x.view.Now, x.view.Status, x.view.ResponseHeader = time.Now(), res.StatusCode, res.Header
	x.shielded(func() {
		x.plan.BeginAfter(&x.view)
		x.keepReply(res)
	})
	for {
		action, decision := x.next()
		switch a := action.(type) {
		case faults.Wait:
			x.wait(a.For)
		case faults.Header:
			x.record.Faulted = true
			x.replyEdits = append(x.replyEdits, a.Response)
		case faults.Trailer:
			x.changeTrailer(res, a)
		case faults.Hold:
			x.hold(a.For)
		case faults.End:
			if !a.Body {
				discard(res)
				x.end(a)
				return errConcluded
			}
			if x.cut(res, a, decision) {
				passed = true
				x.pass(res)
				return nil
			}
		case faults.Answer:
			discard(res)
			x.answer(a, decision, res.Header)
			return errConcluded
		case faults.Pieces:
			x.drip(res, a)
		case faults.Flip:
			x.corrupt(res, a, decision)
		case faults.Body:
			if answer := x.degrade(res, a, decision); answer != nil {
				x.answer(*answer, decision, res.Header)
				return errConcluded
			}
		case faults.Recall:
			if answer := x.recall(res, a, decision); answer != nil {
				x.answer(*answer, decision, res.Header)
				return errConcluded
			}
		default:
			passed = true
			x.pass(res)
			return nil
		}
	}
}

// pass lets a reply go to the client.
func (x *exchange) pass(res *http.Response) {
	for _, edit := range x.replyEdits {
		apply(res.Header, edit)
	}
	keepSilent(x.Header(), res.Header, "Content-Type")
	keepSilent(x.Header(), res.Header, "Date")
	if x.stream {
		keepSilent(x.Header(), res.Header, "Content-Length") // gRPC's replies have none
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if x.socket != nil && x.socket.Delay > 0 {
			x.wait(x.socket.Delay)
		}
		return // the connection leaves HTTP
	}
	x.dismiss()
	x.passTrailers(res)
	if hasBody(x.in.Method, res.StatusCode) && res.Header.Get("Content-Length") == "" {
		x.openEnded()
	}
	if res.ContentLength > 0 {
		x.reverse.FlushInterval = flushAfter
	}
	if x.pacer != nil {
		x.reverse.FlushInterval = -1
		res.Body = &replayed{Reader: x.paced(res.Body, x.pacer), Closer: res.Body}
	}
	x.reply.ReadCloser = res.Body
	res.Body = &x.reply
}

// discard reads the rest of a body that is not wanted if it is short, so that the upstream's connection can be used
// again. Closing is the caller's.
func discard(res *http.Response) {
	if res.ContentLength >= 0 && res.ContentLength <= bufferSize && res.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.Copy(io.Discard, res.Body) // the connection is closed if it fails
	}
}

// fail is told that there is no reply to pass on.
func (x *exchange) fail(_ http.ResponseWriter, out *http.Request, err error) {
	x.checkSocket(0)
	bodyErr := x.body.failure()
	switch {
	case errors.Is(err, errConcluded):
	case x.in.Context().Err() != nil:
		x.abort(x.left())
	case x.record.UpstreamAttempts == 0:
		x.problem(http.StatusBadRequest, err.Error())
	case errors.Is(bodyErr, io.ErrUnexpectedEOF), isNetwork(bodyErr):
		x.abort(proxy.ClientLeft, bodyErr.Error())
	case bodyErr != nil:
		x.closeBehind()
		x.problem(http.StatusBadRequest, "request body: "+bodyErr.Error())
	case x.stream && isReset(err):
		x.abort(proxy.RealError, "upstream: "+err.Error())
	default:
		x.upstreamDown(fmt.Errorf("upstream %s://%s: %w", x.settings.Upstream.Scheme, out.URL.Host, err))
	}
}

func isNetwork(err error) bool {
	var network *net.OpError
	return errors.As(err, &network)
}

// upstreamDown tells the client that the upstream cannot be reached, or did not answer in time.
func (x *exchange) upstreamDown(err error) {
	if x.settings.Config.UpstreamDown == proxy.Close {
		x.abort(proxy.RealError, err.Error())
	}
	status := http.StatusBadGateway
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	x.problem(status, err.Error())
}
