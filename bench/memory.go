package main

import (
	"context"
	"fmt"
)

// memoryRow is what a contender takes, step by step; each step's load stays while the next comes.
type memoryRow struct {
	contender
	started memory // nothing has happened yet
	idle    memory // idle clients, which all at once have had an exchange each
	reply   memory // a long reply has passed
	request memory // a long request has passed
}

// measureMemory measures a fresh process of each contender that is marked for it.
func (l *lab) measureMemory(ctx context.Context, s sizes) ([]memoryRow, error) {
	var rows []memoryRow
	for _, c := range contenders() {
		if !c.memory {
			continue
		}
		row, err := l.fill(ctx, c, s)
		if err != nil {
			return nil, fmt.Errorf("%s, memory: %w", c.name, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// fill starts a contender and puts the load on it, step by step.
func (l *lab) fill(ctx context.Context, c contender, s sizes) (memoryRow, error) {
	row := memoryRow{contender: c}
	p, err := c.start(ctx, l)
	if err != nil {
		return row, err
	}
	defer p.stop()
	load, err := dial(p.addr, s.idle)
	if err != nil {
		return row, err
	}
	defer load.close()
	download := fmt.Sprintf("GET %s%d HTTP/1.1\r\nHost: items.internal\r\n\r\n", bytesPath, s.body)
	upload := fmt.Sprintf("POST /items HTTP/1.1\r\nHost: items.internal\r\nContent-Length: %d\r\n\r\n", s.body)
	for _, step := range []struct {
		into *memory
		load func() error
	}{
		{&row.started, func() error { return nil }},
		{&row.idle, func() error { return load.drive(ctx, len(load)) }},
		{&row.reply, func() error { return load.one(ctx, download, 0, s.body) }},
		{&row.request, func() error { return load.one(ctx, upload, s.body, 0) }},
	} {
		if err := step.load(); err != nil {
			return row, err
		}
		if *step.into, err = p.memory(); err != nil {
			return row, err
		}
	}
	return row, nil
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
