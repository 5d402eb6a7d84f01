package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// active is a kind of fault that acts on every exchange of a contender.
type active struct {
	kind       string
	attributes any
	ends       bool   // the connection: each exchange has one of its own
	head       string // of the request; "" = the usual one
}

// actives has every kind of HTTP once, with settings under which what it costs is its own work and not a wait: delays are
// short, rates are high. tls acts
// before there is an exchange.
func actives() []active {
	return []active{
		{kind: "delay", attributes: "1ms"},
		{kind: "abort", attributes: 503},
		{kind: "degrade", attributes: document{"merge": document{"stock": 0}}},
		{kind: "corrupt", attributes: 4},
		{kind: "throttle", attributes: "100MB"},
		{kind: "drip", attributes: document{"chunk": 40, "interval": "1ms"}},
		{kind: "rate_limit", attributes: document{"rate": 1_000_000, "per": "1s", "burst": 1_000_000}},
		{kind: "concurrency", attributes: 10_000},
		{kind: "headers", attributes: document{"response": document{"set": document{"X-Tested": "yes"}}}},
		{kind: "duplicate", attributes: 1},
		{kind: "websocket", attributes: document{"refuse": 503}, head: upgradeRequest},
		{kind: "trailers", attributes: document{"set": document{"X-Sum": "7"}}, ends: true},
		{kind: "goaway", attributes: document{}, ends: true},
		{kind: "truncate", attributes: 10, ends: true},
		{kind: "reset", attributes: "start", ends: true},
		{kind: "empty", attributes: document{}, ends: true},
		{kind: "malformed", attributes: "garbage", ends: true},
		{kind: "blackhole", attributes: "1ms", ends: true},
	}
}

// upgradeRequest asks for a WebSocket.
const upgradeRequest = "GET /api/v1/items/42?fields=name,price HTTP/1.1\r\nHost: items.internal:8080\r\n" +
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

const (
	kindConnections = 32
	onceName        = "squall, once"
)

// kindField holds every kind while it acts against a squall without rules: over connections that go on, or over new ones.
func kindField() []contender {
	all := []contender{
		{name: "squall", start: startSquall(setup{})},
		{name: "squall A/A", start: startSquall(setup{}), twin: "squall"},
		{name: onceName, start: startSquall(setup{}), once: true},
		{name: onceName + " A/A", start: startSquall(setup{}), once: true, twin: onceName},
	}
	for _, a := range actives() {
		c := contender{
			name: a.kind, aborts: a.kind == "abort" || a.kind == "websocket", once: a.ends, active: a.kind, head: a.head,
			start: startSquall(setup{rule: document{"name": a.kind, a.kind: a.attributes}}), against: []comparison{{with: "squall"}},
		}
		if a.ends {
			c.against[0].with = onceName
		}
		all = append(all, c)
	}
	return all
}

// checkActive finds out whether the kind of a contender has acted, or let pass what it counts.
func (r running) checkActive(ctx context.Context) error {
	if r.active == "" {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.process.admin+"/admin/faults/rules/"+r.active, nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var rule struct {
		Status struct {
			Matched, Hit int
			Skipped      struct{ Room int }
		}
	}
	if err := json.NewDecoder(reply.Body).Decode(&rule); err != nil {
		return fmt.Errorf("%s: %s: %w", r.name, reply.Status, err)
	}
	if s := rule.Status; s.Matched == 0 || s.Hit+s.Skipped.Room != s.Matched {
		return fmt.Errorf("%s: of %d exchanges %d were hit, and %d had room", r.name, s.Matched, s.Hit, s.Skipped.Room)
	}
	return nil
}

// single makes an exchange on a connection of its own, which the other side ends, in whatever way, unless the client leaves
// first. It gives the bytes that came.
func (c *client) single(head string) (int64, error) {
	conn, err := net.Dial("tcp", c.once)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(clientLimit)) // a socket that is open takes a deadline
	if c.leaves {
		one := client{conn: conn, in: bufio.NewReader(conn)}
		return one.exchange(head, 0)
	}
	if _, err := io.WriteString(conn, strings.TrimSuffix(head, "\r\n")+"Connection: close\r\n\r\n"); err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	return n, nil // a reset is an end like another
}
