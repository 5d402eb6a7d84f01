package proxytest

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// hostile is an upstream's reply that breaks the protocol, or more than one.
type hostile struct {
	name, method string // "" = GET
	says         string
	end          string // of the connection behind it; "" = it stays open
	status       int    // that the client gets; 502 = an error of the proxy's
	body         string // that the client gets whole, or up to where it breaks
	broken       bool   // it breaks off
}

const (
	another = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" // a reply that nobody asked for
	length5 = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
	coded   = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
)

func hostiles() []hostile {
	return []hostile{
		{"BytesBehindALength", "", length5 + "helloevil", "", 200, "hello", false},
		{"BytesBehindChunks", "", coded + "5\r\nhello\r\n0\r\n\r\nevil", "", 200, "hello", false},
		{"BytesBehindTrailers", "", coded + "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nevil", "", 200, "hello", false},
		{"TwoReplies", "", length5 + "hello" + another, "", 200, "hello", false},
		{"TwoChunkedReplies", "", coded + "5\r\nhello\r\n0\r\n\r\n" + another, "", 200, "hello", false},
		{"TooLittle", "", length5 + "hel", fin, 200, "hel", true},
		{"TooLittleAndAReset", "", length5 + "hel", rst, 200, "hel", true},
		{"ResetBehindAWholeBody", "", length5 + "hello", rst, 200, "hello", false},
		{"ChunkCutOff", "", coded + "5\r\nhel", fin, 200, "hel", true},
		{"ChunkLineCutOff", "", coded + "5\r\nhello\r\n1", fin, 200, "hello", true},
		{"NoLastChunk", "", coded + "5\r\nhello\r\n", fin, 200, "hello", true},
		{"LastChunkCutOff", "", coded + "5\r\nhello\r\n0\r\n", fin, 200, "hello", true},
		{"TrailerCutOff", "", coded + "5\r\nhello\r\n0\r\nX-Sum: ", rst, 200, "hello", true},
		{"ChunkLongerThanItsSize", "", coded + "4\r\nhello\r\n0\r\n\r\n", "", 200, "hell", true},
		{"ChunkShorterThanItsSize", "", coded + "6\r\nhello\r\n0\r\n\r\n", "", 200, "hello\r", true},
		{"ChunkSizeIsNone", "", coded + "5\r\nhello\r\n-1\r\n\r\n", "", 200, "hello", true},
		{"ChunkSizeOverflows", "", coded + "10000000000000005\r\nhello\r\n0\r\n\r\n", "", 200, "", true},
		{"ChunkEndsWithABareLineFeed", "", coded + "5\nhello\n0\n\n", "", 200, "", true},
		{"BodyOfHEAD", "HEAD", length5 + "hello", "", 200, "", false},
		{"ReplyBehindHEAD", "HEAD", length5 + another, "", 200, "", false},
		{"ChunksOfHEAD", "HEAD", coded + "5\r\nhello\r\n0\r\n\r\n", "", 200, "", false},
		{"BodyOf204", "", "HTTP/1.1 204 No Content\r\n\r\nhello", "", 204, "", false},
		{"LengthOf204", "", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "", 204, "", false},
		{"ChunksOf204", "", strings.Replace(coded, "200 OK", "204 No Content", 1) + "5\r\nhello\r\n0\r\n\r\n", "", 204, "", false},
		{"BodyOf304", "", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "", 304, "", false},
		{"ReplyBehind304", "", "HTTP/1.1 304 Not Modified\r\n\r\n" + another, "", 304, "", false},
		{"Unasked101", "", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello", "", 502, "", false},
		{"ChunksAndALength", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", 502, "", false},
		{"TwoLengths", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello", "", 502, "", false},
		{"ListOfLengths", "", "HTTP/1.1 200 OK\r\nContent-Length: 5, 4\r\n\r\nhello", "", 502, "", false},
		{"NegativeLength", "", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "", 502, "", false},
		{"SignedLength", "", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "", 502, "", false},
		{"UnknownCoding", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", 502, "", false},
		{"BareLineFeeds", "", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "", 502, "", false},
		{"FoldedField", "", "HTTP/1.1 200 OK\r\nX-F: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", "", 502, "", false},
		{"NUL", "", "HTTP/1.1 200 OK\r\nX-F: a\x00b\r\nContent-Length: 5\r\n\r\nhello", "", 502, "", false},
		{"SpaceBeforeTheColon", "", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", "", 502, "", false},
		{"Status099", "", "HTTP/1.1 099 Low\r\nContent-Length: 5\r\n\r\nhello", "", 502, "", false},
		{"Status1000", "", "HTTP/1.1 1000 High\r\nContent-Length: 5\r\n\r\nhello", "", 502, "", false},
		{"HTTP2", "", "HTTP/2 200\r\nContent-Length: 5\r\n\r\nhello", "", 502, "", false},
		{"Garbage", "", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", "", 502, "", false},
		{"Nothing", "", "", fin, 502, "", false},
		{"NothingButAReset", "", "", rst, 502, "", false},
		{"HalfAHead", "", "HTTP/1.1 200 OK\r\nContent-Le", rst, 502, "", false},
	}
}

// hostileUpstream shows that whatever an upstream says, the client gets an error or exactly its own reply, and that the
// next exchanges are right, on the same connection and on another.
func (s engineSuite) hostileUpstream(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			if h.method == "" {
				h.method = http.MethodGet
			}
			ended := make(chan struct{}, 100)
			r := s.start(t, scripted(t, func(p *peer) { h.serve(p, ended) }))
			for range 2 { // the second time over a connection that was used before
				r.good(t, r.dial())
				c := r.dial()
				h.try(t, c)
				if h.end != "" { // else another exchange may find the connection idle, and its end may come then
					within(t, "the upstream's end", ended)
				}
				outcome := proxy.OK
				if h.broken || h.status == http.StatusBadGateway {
					outcome = proxy.RealError
				}
				equal(t, "outcome", r.exchange().Outcome, outcome)
				if h.broken {
					c.expectEnd()
				} else {
					r.good(t, c)
				}
				r.good(t, r.dial())
			}
		})
	}
}

// serve answers /evil as it is hostile, and everything else with what was asked for. ended is told when it has left.
func (h hostile) serve(p *peer, ended chan<- struct{}) {
	for {
		line, _, err := p.head()
		if err != nil {
			return
		}
		target := strings.Fields(line)[1]
		if target != "/evil" {
			p.send("HTTP/1.1 200 OK", "Content-Length: "+strconv.Itoa(len(target)), "", target)
			continue
		}
		p.send(h.says)
		if h.end != "" {
			p.leave(h.end)
			ended <- struct{}{}
			return
		}
	}
}

// try has the upstream do it, and looks at what a client gets.
func (h hostile) try(t *testing.T, c *peer) {
	t.Helper()
	c.send(h.method+" /evil HTTP/1.1", "Host: x", "", "")
	reply, err := http.ReadResponse(c.reader, &http.Request{Method: h.method})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	equal(t, "status", reply.StatusCode, h.status)
	if h.status == http.StatusBadGateway {
		expectProblem(t, reply, string(body), h.status, "upstream")
		return
	}
	equal(t, "body", string(body), h.body)
	equal(t, "broken off", err != nil, h.broken)
}

// good makes a request with a target of its own, and expects the reply to that.
func (r *rig) good(t *testing.T, c *peer) {
	t.Helper()
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	target := "/good/" + port
	c.send("GET "+target+" HTTP/1.1", "Host: x", "", "")
	reply, body := c.reply(http.MethodGet)
	equal(t, "status of another exchange", reply.StatusCode, 200)
	equal(t, "body of another exchange", body, target)
	equal(t, "outcome of another exchange", r.exchange().Outcome, proxy.OK)
}
