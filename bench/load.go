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

// bytesRequest asks for a reply of so many bytes.
func bytesRequest(n int64) string {
	return fmt.Sprintf("GET %s%d HTTP/1.1\r\nHost: items.internal:8080\r\n\r\n", bytesPath, n)
}

// client is a keep-alive connection.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	buffer  []byte // for long replies
	aborts  bool   // whether a 503 is a reply like another
	aborted int    // how many there were
	once    string // where each exchange has a connection of its own; "" = it has not
	leaves  bool   // whether the client ends that once it has its reply
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
		all = append(all, &client{conn: conn, in: bufio.NewReader(conn)})
	}
	return all, nil
}

// exchange sends a request whose head is given, with a body of so many bytes, and reads the reply, which must be a 200
// with a length. It gives the length of the reply's body.
func (c *client) exchange(head string, body int64) (int64, error) {
	if c.once != "" {
		return c.single(head)
	}
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
	case c.aborts && strings.HasPrefix(status, "HTTP/1.1 503 "):
		c.aborted++
	case !strings.HasPrefix(status, "HTTP/1.1 200 "):
		return 0, fmt.Errorf("answered %q", status)
	}
	if length <= 0 {
		return 0, errors.New("a reply without a length")
	}
	return length, c.skip(length)
}

// skip reads so many bytes, in large pieces, so that the load is not what a long reply waits for.
func (c *client) skip(n int64) error {
	buffered := min(n, int64(c.in.Buffered()))
	if _, err := c.in.Discard(int(buffered)); err != nil {
		return err
	}
	n -= buffered
	if n > 0 && c.buffer == nil {
		c.buffer = make([]byte, 256<<10)
	}
	for n > 0 {
		got, err := c.in.Read(c.buffer[:min(n, int64(len(c.buffer)))])
		n -= int64(got)
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// clients are connections that work at once.
type clients []*client

// drive does a number of exchanges, on each connection one after the other.
func (cs clients) drive(ctx context.Context, head string, exchanges int) error {
	stop := context.AfterFunc(ctx, cs.close)
	defer stop()
	failed := make([]error, len(cs))
	var working sync.WaitGroup
	for i, c := range cs {
		share := exchanges * (i + 1) / len(cs)
		share -= exchanges * i / len(cs)
		working.Go(func() { failed[i] = c.repeat(head, share) })
	}
	working.Wait()
	return errors.Join(failed...)
}

func (c *client) repeat(head string, times int) error {
	for range times {
		if _, err := c.exchange(head, 0); err != nil {
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

// piece is what bodies are made of: 64 KiB.
var piece = bytes.Repeat([]byte("0123456789abcdef"), 4<<10)

// writeBody sends so many bytes.
func writeBody(w io.Writer, n int64) error {
	for n > 0 {
		sent, err := w.Write(piece[:min(n, int64(len(piece)))])
		if err != nil {
			return err
		}
		n -= int64(sent)
	}
	return nil
}
