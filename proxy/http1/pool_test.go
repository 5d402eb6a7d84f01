package http1

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdleUpstreamsAreClosed: an idle connection lives until its time is over, and not much longer.
func TestIdleUpstreamsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		defer p.close()
		for range 3 { // the sweep goes on after it had nothing to do
			near, far := net.Pipe()
			ended := make(chan time.Time, 1)
			go func() {
				_, _ = io.Copy(io.Discard, far)
				ended <- time.Now()
			}()
			begin := time.Now()
			p.keep(&upstream{Conn: near})
			time.Sleep(idleTimeout - sweepEvery)
			synctest.Wait()
			select {
			case at := <-ended:
				t.Errorf("closed after %v", at.Sub(begin))
			default:
			}
			if took := (<-ended).Sub(begin); took > idleTimeout {
				t.Errorf("closed after %v, want %v at most", took, idleTimeout)
			}
			if u := p.take(); u != nil {
				t.Error("a closed connection is given")
			}
		}
	})
}
