package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// filled is what a process takes, step by step; each step's clients stay while the next comes.
type filled struct {
	started memory // there has been one exchange
	clients memory // clients, which all at once have had an exchange each
	reply   memory // a long reply has passed
	request memory // a long request has passed
}

// held is what slow readers have cost.
type held struct {
	each float64 // KiB that the process takes for each of them
	sent float64 // MiB that the upstream has sent to all of them
	read float64 // MiB that they have read
}

// memoryRow is a contender's memory, of a process of its own for each figure.
type memoryRow struct {
	holder
	filled []filled
	idle   []float64 // KiB for each idle client
	slow   []held
}

// measureMemory measures the contenders in turns, and prints the tables.
func (l *lab) measureMemory(ctx context.Context, s sizes, out io.Writer) error {
	l.procs = slices.Max(s.procs)
	var rows []memoryRow
	for _, h := range memoryField() {
		if h.program == "" || l.programs[h.program] != "" {
			rows = append(rows, memoryRow{holder: h})
		}
	}
	for range s.memoryRuns {
		for i := range rows {
			if err := l.measureHolder(ctx, &rows[i], s); err != nil {
				return fmt.Errorf("%s, memory: %w", rows[i].name, err)
			}
		}
	}
	printMemory(out, l.procs, s, rows)
	printEach(out, s, rows)
	return nil
}

func (l *lab) measureHolder(ctx context.Context, row *memoryRow, s sizes) error {
	for _, step := range []func(*process) error{
		func(p *process) error {
			f, err := fill(ctx, p, s)
			row.filled = append(row.filled, f)
			return err
		},
		func(p *process) error {
			each, err := idleClients(ctx, p, s.idle)
			row.idle = append(row.idle, each)
			return err
		},
		func(p *process) error {
			h, err := l.slowReaders(ctx, p, s)
			row.slow = append(row.slow, h)
			return err
		},
	} {
		p, err := row.start(ctx, l)
		if err != nil {
			return err
		}
		err = step(p)
		p.Stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// fill puts clients and long bodies on a process, step by step.
func fill(ctx context.Context, p *process, s sizes) (f filled, err error) {
	load, err := dial(p.Addr, s.clients)
	if err != nil {
		return f, err
	}
	defer load.close()
	upload := fmt.Sprintf("POST /items HTTP/1.1\r\nHost: items.internal\r\nContent-Length: %d\r\n\r\n", s.body)
	for _, step := range []struct {
		into *memory
		load func() error
	}{
		{&f.started, func() error { _, err := p.warm(ctx); return err }},
		{&f.clients, func() error { return load.drive(ctx, usualRequest, len(load)) }},
		{&f.reply, func() error { return load.one(ctx, bytesRequest(s.body), 0, s.body) }},
		{&f.request, func() error { return load.one(ctx, upload, s.body, 0) }},
	} {
		if err := step.load(); err != nil {
			return f, err
		}
		if *step.into, err = p.memory(); err != nil {
			return f, err
		}
	}
	return f, nil
}

// one does a single exchange while the other connections are idle; the reply must have so many bytes if that is above 0.
func (cs clients) one(ctx context.Context, head string, body, want int64) error {
	stop := context.AfterFunc(ctx, cs.close)
	defer stop()
	got, err := cs[0].exchange(head, body)
	if err == nil && want > 0 && got != want {
		err = fmt.Errorf("a reply of %d bytes instead of %d", got, want)
	}
	return err
}

// idleWave is how many of the clients that will be idle have their exchange at once.
const idleWave = 100

// idleClients says how many KiB a process takes for each of so many clients, which have had an exchange each and stay.
func idleClients(ctx context.Context, p *process, n int) (float64, error) {
	before, err := p.warm(ctx)
	if err != nil {
		return 0, err
	}
	load, err := dial(p.Addr, n)
	if err != nil {
		return 0, err
	}
	defer load.close()
	for wave := range slices.Chunk(load, idleWave) {
		if err := wave.drive(ctx, usualRequest, len(wave)); err != nil {
			return 0, err
		}
	}
	after, err := p.rested(ctx)
	return (after.resident - before.resident) * 1024 / float64(n), err
}

// warm has a process do its first exchange, and says what it takes then. Only now it is sure to have started: nginx
// accepts connections before it has set itself up.
func (p *process) warm(ctx context.Context) (memory, error) {
	load, err := dial(p.Addr, 1)
	if err != nil {
		return memory{}, err
	}
	defer load.close()
	if err := load.drive(ctx, usualRequest, 1); err != nil {
		return memory{}, err
	}
	return p.rested(ctx)
}

// rested says what a process takes once it has come to rest.
func (p *process) rested(ctx context.Context) (memory, error) {
	if _, err := p.cpu(ctx); err != nil {
		return memory{}, err
	}
	return p.memory()
}

// slowReaders has clients read a long reply slowly for some time, at the end of which the process is measured.
func (l *lab) slowReaders(ctx context.Context, p *process, s sizes) (h held, err error) {
	before, err := p.warm(ctx)
	if err != nil {
		return h, err
	}
	sentBefore, err := writtenBy(l.upstream.ID())
	if err != nil {
		return h, err
	}
	load, err := dial(p.Addr, s.slow)
	if err != nil {
		return h, err
	}
	var working sync.WaitGroup
	defer working.Wait()
	defer load.close()
	read, failed := make([]int64, len(load)), make(chan error, len(load))
	for i, c := range load {
		working.Go(func() { c.sip(ctx, s.slowBody, &read[i], failed) })
	}
	select {
	case err := <-failed:
		return h, err
	case <-time.After(s.slowTime):
	}
	after, err := p.memory()
	if err != nil {
		return h, err
	}
	sent, err := writtenBy(l.upstream.ID())
	load.close()
	working.Wait()
	h.each = (after.resident - before.resident) * 1024 / float64(s.slow)
	h.sent = float64(sent-sentBefore) / (1 << 20)
	for _, n := range read {
		h.read += float64(n) / (1 << 20)
	}
	return h, err
}

// Of a slow reader: it takes so much (bytes), and then waits.
const (
	sip      = 4 << 10
	sipPause = 100 * time.Millisecond
)

// sip asks for a reply of so many bytes and reads it slowly, until the connection is closed; an end before that goes to
// failed, which must have room. The kernel holds little for it, so that it is the proxy that must.
func (c *client) sip(ctx context.Context, body int64, read *int64, failed chan<- error) {
	err := c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4 * sip)
	if err == nil {
		_, err = io.WriteString(c.conn, bytesRequest(body))
	}
	buffer := make([]byte, sip)
	for err == nil {
		var n int
		n, err = c.conn.Read(buffer)
		*read += int64(n)
		if err == nil {
			err = wait.For(ctx, sipPause)
		}
	}
	failed <- err
}
