package http1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

const (
	maxInterim     = 5   // interim replies that are passed on
	maxInterimRead = 100 // and that are read
)

// forward sends the request to the upstream and the reply back.
func (x *exchange) forward() {
	start := time.Now()
	p := x.server.poolFor(x.settings)
	err := x.call(p, start)
	x.record.UpstreamDuration = time.Since(start)
	if err != nil {
		x.checkSocket()
		x.repeat(p, false)
		x.fail(err)
		return
	}
	x.view.Now, x.view.Status, x.view.ResponseHeader = start.Add(x.record.UpstreamDuration), x.reply.status, &x.reply.fields
	x.shielded(func() {
		x.plan.BeginAfter(&x.view)
		x.keepReply()
	})
	x.checkSocket()
	if x.carryOut() == proceed {
		x.pass()
	}
	settled := x.settle()
	if x.download.over {
		x.download.keeper.Finish()
	}
	if settled {
		p.keep(x.up)
	} else {
		_ = x.up.Close() // what is left of the exchange is not wanted
	}
	x.conn.upstream.Store(nil)
	x.repeat(p, x.upload.isSent())
}

// call sends the request and waits for the reply's head. A request is sent once; a second time only where the
// configuration says so, it has no body, and a connection that was used before has died without a byte.
func (x *exchange) call(p *pool, start time.Time) error {
	for {
		x.record.UpstreamAttempts++
		err := x.connectAndSend(p)
		if x.up == nil {
			return err
		}
		if err == nil {
			x.headBy = time.Now().Add(time.Duration(x.settings.Config.Timeout))
			err = x.receive()
			x.headBy = time.Time{}
		}
		if err == nil {
			return nil
		}
		x.stopUpload()
		_ = x.up.Close() // it has failed
		x.conn.upstream.Store(nil)
		if !x.mayRepeat(err) {
			return err
		}
	}
}

// mayRepeat reports whether a call that has failed is made again.
func (x *exchange) mayRepeat(err error) bool {
	var refused *refusal
	return x.settings.Config.UpstreamRetry == proxy.RetryOnce && x.record.UpstreamAttempts == 1 && x.up.reused &&
		x.request.framing == noBody && x.reply.status == 0 && len(x.up.in.buffered()) == 0 &&
		!errors.As(err, &refused) && !expired(err) && !errors.Is(err, errLeft)
}

// connectAndSend sends the request on an idle connection, or on a new one. Without a connection x.up is nil afterwards.
func (x *exchange) connectAndSend(p *pool) error {
	for {
		if err := x.connect(p); err != nil {
			return err
		}
		quick := x.up.reused && x.up.clear && x.upload.isRead() && x.upload.pacer == nil
		if !quick && (!x.up.reused || x.up.isQuiet()) {
			return x.send()
		}
		if quick {
			if err := x.ask(); err != errStale {
				return err
			}
		}
		_ = x.up.Close() // nothing was sent
		x.conn.upstream.Store(nil)
	}
}

// connect takes an idle connection, or makes one.
func (x *exchange) connect(p *pool) error {
	x.up = p.take()
	if x.up == nil {
		ctx, cancel := context.WithCancel(x.server.lifetime)
		defer cancel()
		x.watch.start(x.conn, func() {
			x.gone.Store(true)
			cancel()
		})
		defer x.watch.stop()
		up, err := p.dial(ctx, &x.server.buffers)
		if err != nil {
			return err
		}
		x.up = up
	}
	x.up.in.source = (*answering)(x)
	x.conn.upstream.Store(x.up)
	x.conn.live.Reach(&x.up.address)
	if x.server.lifetime.Err() != nil { // so that cut cannot have missed it
		_ = x.up.Close()
	}
	return nil
}

// send sends the head, and what of the body has come with it. The rest is on its way when it returns.
func (x *exchange) send() error {
	x.composeRequest()
	if x.upload.pacer == nil {
		x.out = append(x.out, x.upload.whole...)
	}
	x.again.begin(x.out)
	_, err := x.up.Write(x.out)
	x.out = x.out[:0]
	if err != nil && x.server.lifetime.Err() == nil && !x.up.reused {
		err = nil // an upstream that does not want to hear more may have replied
	}
	if err != nil {
		return err
	}
	x.upload.start(x.up)
	return nil
}

// ask sends a request that has come whole, and waits for the first bytes of the reply, or for a while.
func (x *exchange) ask() error {
	x.composeRequest()
	x.out = append(x.out, x.upload.whole...)
	x.again.begin(x.out)
	sent, err := 0, error(errNotAsked)
	for err == errNotAsked { // again only where this goroutine was kept waiting for longer than a silence
		x.up.read.set(time.Now(), min(silence, time.Duration(x.settings.Config.Timeout)), silence/5)
		sent, err = x.up.socket.ask(x.out)
	}
	if expired(err) || err == nil && sent == len(x.out) {
		x.out = x.out[:0]
		return nil
	}
	if err == nil {
		_, err = x.up.Write(x.out[sent:])
	}
	x.out = x.out[:0]
	return err
}

// receive waits for the head of the final reply, and passes interim ones on.
func (x *exchange) receive() error {
	for interim := 0; ; {
		text, err := x.up.in.head(maxReplyHead)
		switch {
		case errors.Is(err, errHeadTooLarge):
			return bad("the reply's head is larger than 1 MiB")
		case err != nil && len(x.up.in.buffered()) > 0:
			return noEOF(err)
		case err != nil:
			return err
		}
		if refused := x.reply.parse(text, x.request.method); refused != nil {
			return refused
		}
		switch {
		case x.reply.status == http.StatusSwitchingProtocols && !x.isWebSocket():
			return bad("the upstream switched protocols unasked")
		case interim == maxInterimRead:
			return bad("the upstream sends interim replies and no other")
		case !x.reply.isInterim():
			x.reusable = persists(&x.reply.fields, x.reply.minor)
			x.download.begin(&x.up.in, x.reply.framing, x.reply.length)
			return nil
		}
		isContinue := x.reply.status == http.StatusContinue
		x.continued = x.continued || isContinue
		if interim++; interim <= maxInterim && x.request.minor == 1 && !(isContinue && x.invited) {
			x.passInterim()
		}
	}
}

// isWebSocket reports whether the upstream has switched to what the client asked for.
func (x *exchange) isWebSocket() bool {
	token, _ := x.reply.get(upgrade)
	return x.request.wantsWebSocket() && equalFold(token, "websocket")
}

// fail is told why there is no reply to pass on.
func (x *exchange) fail(err error) {
	readErr := x.stopUpload()
	var refused *refusal
	switch {
	case x.gone.Load(), x.server.lifetime.Err() != nil:
		x.abandon(x.leaving())
	case errors.As(readErr, &refused):
		x.problem(http.StatusBadRequest, "request body: "+readErr.Error())
	case readErr != nil:
		x.abandon(proxy.ClientLeft, readErr.Error())
	default:
		x.upstreamDown(fmt.Errorf("upstream %s://%s: %w", x.settings.Upstream.Scheme, x.settings.Upstream.Host, err))
	}
}

// upstreamDown tells the client that the upstream cannot be reached, or did not answer in time.
func (x *exchange) upstreamDown(err error) {
	if x.settings.Config.UpstreamDown == proxy.Close {
		x.abandon(proxy.RealError, err.Error())
		return
	}
	status := http.StatusBadGateway
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	x.problem(status, err.Error())
}

// stopUpload ends what is left of the upload, and gives the error of reading it from the client.
func (x *exchange) stopUpload() error {
	x.watch.stop()
	x.upload.finish()
	return x.upload.readErr
}

// settle ends what the exchange had running beside it, and reports whether the upstream's connection can be used again:
// both messages are over, and nothing is in doubt. An upstream that was asked whether it wants the body, and replied
// without having said so, may take what it has got of the body for the next request.
func (x *exchange) settle() bool {
	x.watch.stop()
	sent := x.upload.finish()
	x.download.skip()
	return sent && (x.continued || !x.asked || x.request.framing == noBody) && x.download.over && x.readErr == nil && x.writeErr == nil && x.reply.status != http.StatusSwitchingProtocols &&
		len(x.up.in.buffered()) == 0 && x.reusable && !x.gone.Load() &&
		x.server.lifetime.Err() == nil
}
