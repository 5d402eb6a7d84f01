package http1_test

import "strings"

// bodyVectors have bodies where a reader may expect none: CL.0, 0.CL, bodies of GET and HEAD.
func bodyVectors() []vector {
	const length = "\r\nHost: x\r\nContent-Length: 33\r\n\r\n" + hidden
	const chunk = "\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n21\r\n" + hidden + "\r\n0\r\n\r\n"
	text := " " + strings.TrimSpace(hidden)
	return []vector{
		accepted("GET", "GET /v HTTP/1.1"+length, "GET /v"+text),
		accepted("HEAD", "HEAD /v HTTP/1.1"+length, "HEAD /v"+text),
		accepted("OPTIONS", "OPTIONS * HTTP/1.1"+length, "OPTIONS *"+text),
		accepted("DELETE", "DELETE /v HTTP/1.1"+length, "DELETE /v"+text),
		accepted("TRACE", "TRACE /v HTTP/1.1"+length, "TRACE /v"+text),
		accepted("ChunkedGET", "GET /v HTTP/1.1"+chunk, "GET /v"+text),
		accepted("ChunkedHEAD", "HEAD /v HTTP/1.1"+chunk, "HEAD /v"+text),
		accepted("HEADWithoutABody", "HEAD /v HTTP/1.1\r\nHost: x\r\n\r\n"+hidden, "HEAD /v", "GET /hidden"),
		accepted("POSTWithoutFraming", "POST /v HTTP/1.1\r\nHost: x\r\n\r\n"+hidden, "POST /v", "GET /hidden"),
		accepted("HTTP/1.0", "POST /v HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 33\r\n\r\n"+hidden, "POST /v"+text),
	}
}

// expectVectors obfuscate Expect, which makes some proxies lose track of the body.
func expectVectors() []vector {
	var vectors []vector
	for name, value := range map[string]string{
		"Plain":         "100-continue",
		"AnyCase":       "100-CONTINUE",
		"WordBefore":    "y 100-continue",
		"WordBehind":    "100-continue y",
		"List":          "100-continue, 100-continue",
		"Unknown":       "x",
		"Empty":         "",
		"ObsText":       "100-continue\xa0",
		"CommaBefore":   ",100-continue",
		"TabsAround":    "\t100-continue\t",
		"Quoted":        `"100-continue"`,
		"KelvinLookup":  "100-\u212aontinue",
		"LeadingZero":   "0100-continue",
		"WithParameter": "100-continue;x=y",
	} {
		vectors = append(
			vectors,
			accepted(name, posted("Expect: "+value+"\r\nContent-Length: 33", hidden), "POST /v "+strings.TrimSpace(hidden)),
			accepted(name+"OfAGET", "GET /v HTTP/1.1\r\nHost: x\r\nExpect: "+value+"\r\nContent-Length: 5\r\n\r\nhello", "GET /v hello"),
			accepted(name+"WithoutABody", "GET /v HTTP/1.1\r\nHost: x\r\nExpect: "+value+"\r\n\r\n"+hidden, "GET /v", "GET /hidden"),
		)
	}
	return append(vectors,
		accepted("Chunked", posted("Expect: 100-continue\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		accepted("Twice", posted("Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5", "hello"), "POST /v hello"),
		refused("Folded", posted("Expect:\r\n 100-continue\r\nContent-Length: 5", "hello")),
		refused("FoldedOver", posted("Expect: 100-continue\r\n Content-Length: 5", "hello")),
	)
}

// hopVectors list fields in Connection that the proxy must not take away for that.
func hopVectors() []vector {
	const body = "5\r\nhello\r\n0\r\n\r\n"
	var vectors []vector
	for _, listed := range []string{
		"Content-Length", "content-length", "Transfer-Encoding", "transfer-encoding, content-length", "Host", "Connection", "Expect",
		"X-Forwarded-For", "X-Forwarded-Proto, X-Request-Id", "Trailer", "TE", "upgrade", "close-not", "x, Content-Length, y",
		"Content-Length\tTransfer-Encoding", "\"content-length\"", "*", ",,,", "", "Transfer\u017fencoding",
	} {
		vectors = append(
			vectors,
			accepted("Length/"+listed, posted("Connection: "+listed+"\r\nContent-Length: 33", hidden), "POST /v "+strings.TrimSpace(hidden)),
			accepted("Chunked/"+listed, posted("Connection: "+listed+"\r\nTransfer-Encoding: chunked", body), "POST /v hello"),
		)
	}
	return append(vectors,
		accepted("TwoLines", posted("Connection: x\r\nConnection: content-length\r\nContent-Length: 5", "hello"), "POST /v hello"),
		accepted("ListedBehind", posted("Content-Length: 5\r\nConnection: content-length", "hello"), "POST /v hello"),
		accepted("Proxy-Connection", posted("Proxy-Connection: content-length\r\nContent-Length: 5", "hello"), "POST /v hello"),
		accepted("Keep-Alive", posted("Keep-Alive: content-length\r\nContent-Length: 5", "hello"), "POST /v hello"),
	)
}

// upgradeVectors ask for an upgrade that the upstream does not grant, or that none may pass on.
func upgradeVectors() []vector {
	const webSocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n"
	return []vector{
		accepted("WebSocket", "GET /v HTTP/1.1\r\nHost: x\r\n"+webSocket+"\r\n"+hidden, "GET /v", "GET /hidden"),
		accepted("WebSocketWithALength", posted(webSocket+"Content-Length: 33", hidden), "POST /v "+strings.TrimSpace(hidden)),
		accepted("WebSocketChunked", posted(webSocket+"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		accepted("WebSocketAndH2C", posted("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", ""), "POST /v"),
		accepted("WebSocketAndH2CInAList", posted("Connection: Upgrade\r\nUpgrade: websocket, h2c", ""), "POST /v"),
		accepted("H2CFirst", posted("Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket", ""), "POST /v"),
		accepted("H2C", posted("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", ""), "POST /v"),
		accepted("H2CNotListed", posted("Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", ""), "POST /v"),
		accepted("FoldsToWebSocket", posted("Connection: Upgrade\r\nUpgrade: web\u017focket", ""), "POST /v"),
		accepted("TLS", posted("Connection: Upgrade\r\nUpgrade: TLS/1.2", ""), "POST /v"),
		accepted("InHTTP/1.0", "GET /v HTTP/1.0\r\nHost: x\r\nConnection: upgrade, keep-alive\r\nUpgrade: websocket\r\n\r\n", "GET /v"),
		refused("Folded", posted("Connection: Upgrade\r\nUpgrade:\r\n websocket", "")),
	}
}
