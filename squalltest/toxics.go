package squalltest

import (
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Toxic arms a fault by its attributes, such as &faults.Latency{Latency: …, Jitter: …}: everything that a kind of TCP can do.
// Unless an option says otherwise it acts on what comes from the service.
func (p *TCPProxy) Toxic(attributes faults.Attributes, options ...Option) *Fault {
	p.t.Helper()
	kind, ok := faults.KindOf(attributes)
	if !ok || kind.Layer != faults.TCP {
		p.t.Fatalf("squalltest: %T: want a pointer to the attributes of a kind of TCP", attributes)
	}
	rule := faults.Rule{Kind: kind.Name, Attributes: attributes, Percent: 100, Enabled: true}
	if phases := kind.Phases(); len(phases) > 0 {
		rule.Phase = phases[0]
	} else {
		rule.Stream = faults.Downstream
	}
	return p.Arm(rule, options...)
}

// Latency delays all data, and the end of the stream.
func (p *TCPProxy) Latency(latency time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Latency{Latency: faults.Duration(latency)}, options...)
}

// Bandwidth slows data down to a rate in bytes per second, for each connection. With 0 nothing passes and nothing is lost.
func (p *TCPProxy) Bandwidth(rate int64, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Bandwidth{Rate: faults.Size(rate)}, options...)
}

// SlowClose delays the end of the stream.
func (p *TCPProxy) SlowClose(delay time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.SlowClose{Delay: faults.Duration(delay)}, options...)
}

// Timeout loses all data and closes the connection after a time; with 0 it does not, until the fault is disarmed.
func (p *TCPProxy) Timeout(timeout time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Timeout{Timeout: faults.Duration(timeout)}, options...)
}

// ResetPeer loses all data and resets both sides of the connection after a time; with 0 at once.
func (p *TCPProxy) ResetPeer(timeout time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.ResetPeer{Timeout: faults.Duration(timeout)}, options...)
}

// Slicer cuts data into pieces of so many bytes, with a pause behind each.
func (p *TCPProxy) Slicer(size int64, pause time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Slicer{AverageSize: faults.Size(size), Delay: faults.Duration(pause)}, options...)
}

// LimitData lets so many bytes of every connection pass and closes it behind them.
func (p *TCPProxy) LimitData(bytes int64, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.LimitData{Bytes: faults.Size(bytes)}, options...)
}

// LimitTime closes every connection after a time, also under traffic.
func (p *TCPProxy) LimitTime(after time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.LimitTime{After: faults.Duration(after)}, options...)
}

// Stall pauses the data for a while, and again each time that so long has passed. Nothing is lost.
func (p *TCPProxy) Stall(every, pause time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Stall{Every: faults.Duration(every), For: faults.Duration(pause)}, options...)
}

// Noop does nothing to the connections but count them.
func (p *TCPProxy) Noop(options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Noop{}, options...)
}

// RefuseConnection resets every new connection; the service does not see it.
func (p *TCPProxy) RefuseConnection(options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Connect{As: "refuse"}, options...)
}

// DelayConnection accepts every new connection, and calls the service so much later.
func (p *TCPProxy) DelayConnection(latency time.Duration, options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Connect{As: "delay", Latency: faults.Duration(latency)}, options...)
}

// HangConnection accepts every new connection and never calls the service, until the client leaves.
func (p *TCPProxy) HangConnection(options ...Option) *Fault {
	p.t.Helper()
	return p.Toxic(&faults.Connect{As: "hang"}, options...)
}
