package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clientLimit bounds everything that is done on one client's connection.
const clientLimit = 5 * time.Minute

// usualRequest is what the load asks for: an ordinary call of a service.
const usualRequest = "GET /api/v1/items/42?fields=name,price HTTP/1.1\r\n" +
	"Host: items.internal:8080\r\n" +
	"User-Agent: bench/1.0\r\n" +
	"Accept: application/json\r\n" +
	"X-Tenant: tenant-a\r\n" +
	"\r\n"

// client is a keep-alive connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

// dial opens a number of connections.
func dial(addr string, n int) (clients, error) {
	var all clients
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			all.close()
			return nil, err
		}
		_ = conn.SetDeadline(time.Now().Add(clientLimit)) // a socket that is open takes a deadline
		all = append(all, &client{conn, bufio.NewReader(conn)})
	}
	return all, nil
}

// exchange sends a request whose head is given, with a body of so many bytes, and reads the reply, which must be a 200
// with a length. It gives the length of the reply's body.
func (c *client) exchange(head string, body int64) (int64, error) {
	if _, err := io.WriteString(c.conn, head); err != nil {
		return 0, err
	}
	if body > 0 {
		if err := writeBody(c.conn, body); err != nil {
			return 0, err
		}
	}
	status, length, err := readHead(c.in)
	switch {
	case err != nil:
		return 0, err
	case !strings.HasPrefix(status, "HTTP/1.1 200 "):
		return 0, fmt.Errorf("answered %q", status)
	case length <= 0:
		return 0, errors.New("a reply without a length")
	}
	return io.CopyN(io.Discard, c.in, length)
}

// clients are connections that work at once.
type clients []*client

// drive does a number of usual exchanges, on each connection one after the other.
func (cs clients) drive(ctx context.Context, exchanges int) error {
	stop := context.AfterFunc(ctx, cs.close)
	defer stop()
	failed := make([]error, len(cs))
	var working sync.WaitGroup
	for i, c := range cs {
		share := exchanges * (i + 1) / len(cs)
		share -= exchanges * i / len(cs)
		working.Go(func() { failed[i] = c.repeat(share) })
	}
	working.Wait()
	return errors.Join(failed...)
}

func (c *client) repeat(times int) error {
	for range times {
		if _, err := c.exchange(usualRequest, 0); err != nil {
			return err
		}
	}
	return nil
}

func (cs clients) close() {
	for _, c := range cs {
		_ = c.conn.Close() // nothing is under way on it that anyone waits for
	}
}

// readHead reads the head of a request or a reply. It gives the first line, and the length of the body that follows, 0
// if none is named.
func readHead(in *bufio.Reader) (first string, length int64, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return first, length, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			return first, length, nil
		case first == "":
			first = string(line)
		default:
			name, value, _ := bytes.Cut(line, []byte(":"))
			if !bytes.EqualFold(name, []byte("Content-Length")) {
				continue
			}
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return first, 0, err
			}
		}
	}
}

// writeBody sends so many bytes.
func writeBody(w io.Writer, n int64) error {
	piece := bytes.Repeat([]byte("0123456789abcdef"), 4<<10) // 64 KiB
	for n > 0 {
		sent, err := w.Write(piece[:min(n, int64(len(piece)))])
		if err != nil {
			return err
		}
		n -= int64(sent)
	}
	return nil
}
