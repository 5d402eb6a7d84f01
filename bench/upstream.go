package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// usualReply is what the upstream answers, but to a request for bytes.
const usualReply = "HTTP/1.1 200 OK\r\n" +
	"Date: Mon, 06 Jul 2026 12:00:00 GMT\r\n" +
	"Content-Type: application/json\r\n" +
	"Content-Length: 78\r\n" +
	"X-Served-By: bench\r\n" +
	"\r\n" +
	`{"message":"Hello from the service!","data":[1,2,3,4,5],"stock":7,"ok":true}` + "\r\n"

// bytesPath is the path whose last segment says how many bytes to answer.
const bytesPath = "/bytes/"

// serveUpstream answers HTTP/1.1 requests, each in one write, until the listener is closed: an upstream that costs so
// little that it does not hide what a proxy costs. The connections end when their clients end them, or the process.
func serveUpstream(ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go answer(conn)
	}
}

// answer serves one connection until the other side ends it.
func answer(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		request, length, err := readHead(in)
		if err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, in, length); err != nil {
			return
		}
		if err := reply(conn, request); err != nil {
			return
		}
	}
}

func reply(w io.Writer, request string) error {
	_, rest, found := strings.Cut(request, bytesPath)
	if !found {
		_, err := io.WriteString(w, usualReply)
		return err
	}
	digits, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n); err != nil {
		return err
	}
	return writeBody(w, n)
}
