package tcp

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	bulky      = 256 << 10              // bytes in large reads, one behind the other, after which a stream is bulk
	spliceStep = 256 << 10              // bytes that are in a pipe at most
	spliceLeft = 4 << 10                // a read of less ends the splicing
	spliceWait = 100 * time.Millisecond // and so does such a silence
	maxPipes   = 16                     // at once: 32 of the descriptors that are spared for admin and files
)

// pipes counts the pipes that are open.
type pipes struct{ count atomic.Int32 }

// open makes a pipe; nil if there are enough, or too few descriptors. Close it.
func (p *pipes) open() *pipe {
	if p.count.Add(1) > maxPipes {
		p.count.Add(-1)
		return nil
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		p.count.Add(-1)
		return nil
	}
	_, _ = unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, spliceStep) // without it, it holds 64 KiB
	return &pipe{out: ends[0], in: ends[1]}
}

func (p *pipes) close(one *pipe) {
	_ = unix.Close(one.out) // a pipe has nothing to lose that anybody still wants
	_ = unix.Close(one.in)
	p.count.Add(-1)
}

// pipe carries bytes from one socket to another within the kernel (splice(2)). What is in it when something interrupts can be
// taken out, so that no byte is lost.
type pipe struct {
	in, out int // descriptors
	held    int // bytes
}

// splice passes bulk on through an empty pipe, until the stream pauses, other rules may be in force, or it is over, which it
// reports.
func (l *link) splice(p *pipe) (over bool) {
	defer l.goOn() // which takes the deadline back
	for {
		_ = l.from.SetReadDeadline(time.Now().Add(spliceWait)) // fails if it is closed, which is as well
		if len(l.changed) > 0 || l.conn.over.Err() != nil {    // whose deadline that was may have been another's
			return false
		}
		n, err := p.fill(l.from)
		if n > 0 {
			if l.isOutdated() {
				return l.takeOver(p)
			}
			sent, failed := p.empty(l.to)
			l.count(int64(sent))
			switch {
			case isTimeout(failed):
				return l.takeOver(p)
			case failed != nil:
				return l.lost(failed)
			}
		}
		if err != nil {
			return l.afterRead(err)
		}
		if n < spliceLeft {
			return false
		}
	}
}

// takeOver queues what is in a pipe, and reports that the stream is over.
func (l *link) takeOver(p *pipe) (over bool) {
	data := make([]byte, p.held)
	for rest := data; len(rest) > 0; {
		n, err := unix.Read(p.out, rest)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 { // which cannot be: all of it is there
			return l.lost(errors.Join(err, io.ErrUnexpectedEOF))
		}
		rest = rest[n:]
	}
	l.queue.put(data, time.Now())
	return false
}

// fill takes what has come, and waits until there is something. At the end of the stream it fails with [io.EOF].
func (p *pipe) fill(from *socket) (n int, err error) {
	var failed error
	err = from.raw.Read(func(fd uintptr) bool {
		n, failed = splice(int(fd), p.in, spliceStep)
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err // the deadline, or the connection was closed
	case failed != nil:
		return 0, os.NewSyscallError("splice", failed)
	case n == 0:
		return 0, io.EOF
	}
	from.received.Add(int64(n))
	p.held = n
	return n, nil
}

// empty passes on what is in the pipe. After an error some of it may still be there.
func (p *pipe) empty(to *socket) (sent int, err error) {
	var failed error
	err = to.raw.Write(func(fd uintptr) bool {
		for p.held > 0 {
			var n int
			if n, failed = splice(p.out, int(fd), p.held); failed != nil {
				return failed != unix.EAGAIN
			}
			p.held -= n
			sent += n
		}
		return true
	})
	if err == nil && failed != nil {
		err = os.NewSyscallError("splice", failed)
	}
	return sent, err
}

func splice(from, to, most int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, most, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return int(max(n, 0)), err
		}
	}
}
