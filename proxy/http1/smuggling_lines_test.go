package http1_test

import "strings"

// lineEndVectors end lines as only some readers see it.
func lineEndVectors() []vector {
	ends := func(end string) string { return strings.ReplaceAll(posted("X: y", ""), "\r\n", end) }
	return []vector{
		accepted("EmptyLineBefore", "\r\n"+posted("X: y", ""), "POST /v"),
		refused("LineFeeds", ends("\n")),
		refused("CarriageReturns", ends("\r")),
		refused("LineFeedCarriageReturn", ends("\n\r")),
		refused("CarriageReturnTwice", ends("\r\r\n")),
		refused("CarriageReturnBeforeLineFeedTwice", ends("\r\n\n")),
		refused("LineFeedBefore", "\n", posted("X: y", "")),
		refused("CarriageReturnBefore", "\r", posted("X: y", "")),
		refused("CarriageReturnTwiceBefore", "\r\r\n", posted("X: y", "")),
		refused("EmptyLinesBefore", "\r\n\r\n", posted("X: y", "")),
		refused("RequestLineEndsWithLineFeed", "GET /v HTTP/1.1\nHost: x\r\n\r\n"),
		refused("RequestLineEndsWithCarriageReturn", "GET /v HTTP/1.1\rHost: x\r\n\r\n"),
		refused("FieldEndsWithLineFeed", "GET /v HTTP/1.1\r\nHost: x\n\r\n"),
		refused("EmptyLineIsALineFeed", "GET /v HTTP/1.1\r\nHost: x\r\n\n"),
		refused("EmptyLineOfCarriageReturns", "GET /v HTTP/1.1\r\nHost: x\r\n\r\r\n"),
		refused("EmptyLineOfASpace", "GET /v HTTP/1.1\r\nHost: x\r\n \r\n", hidden),
		refused("LineFeedInAValue", posted("X: y\nHost: z", "")),
		refused("CarriageReturnInAValue", posted("X: y\rz", "")),
		refused("NULInAValue", posted("X: y\x00z", "")),
		refused("EscapeInAValue", posted("X: y\x1bz", "")),
		accepted("ObsTextInAValue", posted("X: \xe4\x85", ""), "POST /v"),
		accepted("TabInAValue", posted("X: y\tz", ""), "POST /v"),
	}
}

// fieldNameVectors have field lines that are none.
func fieldNameVectors() []vector {
	vectors := []vector{
		accepted("EveryTokenCharacter", posted("!#$%&'*+-.^_`|~09azAZ: y", ""), "POST /v"),
		accepted("ColonInTheValue", posted("X: Content-Length: 5", ""), "POST /v"),
		refused("SpaceBeforeTheFirst", "POST /v HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n"),
		refused("TabBeforeTheFirst", "POST /v HTTP/1.1\r\n\tContent-Length: 5\r\nHost: x\r\n\r\nhello"),
		refused("SpaceBeforeTheFirstAsPartOfTheTarget", "POST /v HTTP/1.1\r\n HTTP/1.1\r\nHost: x\r\n\r\n"),
		refused("TwoHosts", posted("Host: y", "")),
		refused("TwoHostsTheSame", posted("Host: x", "")),
		refused("HostFolded", "POST /v HTTP/1.1\r\nHost:\r\n x\r\n\r\n"),
		refused("HostBehindASpace", "POST /v HTTP/1.1\r\nHost : x\r\n\r\n"),
		refused("HostWithUserinfo", "POST /v HTTP/1.1\r\nHost: a@x\r\n\r\n"),
		refused("HostWithAPath", "POST /v HTTP/1.1\r\nHost: x/y\r\n\r\n"),
		refused("HostWithASpace", "POST /v HTTP/1.1\r\nHost: x y\r\n\r\n"),
		refused("HostList", "POST /v HTTP/1.1\r\nHost: x\ty\r\n\r\n"),
		refused("NoHost", "POST /v HTTP/1.1\r\nX: y\r\n\r\n"),
		accepted("NoHostInHTTP/1.0", "GET /v HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /v"),
	}
	for name, line := range map[string]string{
		"Empty":            ": y",
		"Space":            " : y",
		"SpaceBehind":      "X : y",
		"TabBehind":        "X\t: y",
		"SpaceInside":      "X Y: z",
		"NUL":              "X\x00: y",
		"NULBeforeTheName": "\x00Content-Length: 5",
		"VerticalTab":      "\vContent-Length: 5",
		"NoColon":          "X",
		"NoColonInFraming": "Content-Length 5",
		"Slash":            "X/Y: z",
		"Quote":            `"X": y`,
		"Parenthesis":      "(X): y",
		"Brackets":         "X[]: y",
		"AtSign":           "X@Y: z",
		"Comma":            "X,Y: z",
		"Equals":           "X=Y: z",
		"Semicolon":        "X;Y: z",
		"ObsText":          "X\xe4: y",
		"Delete":           "X\x7f: y",
		"CarriageReturn":   "X\r: y",
		"ByteOrderMark":    "\ufeffX: y",
	} {
		vectors = append(vectors, refused(name, posted(line, "")))
	}
	return vectors
}

// requestLineVectors have first lines that readers split differently.
func requestLineVectors() []vector {
	vectors := []vector{
		accepted("Options", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS *"),
		accepted("TwoSlashes", "GET //v HTTP/1.1\r\nHost: x\r\n\r\n", "GET //v"),
		accepted("URLInThePath", "GET /http://y/v HTTP/1.1\r\nHost: x\r\n\r\n", "GET /http://y/v"),
		accepted("AtSignInThePath", "GET /@y/v HTTP/1.1\r\nHost: x\r\n\r\n", "GET /@y/v"),
		accepted("BackslashInThePath", `GET /\v HTTP/1.1`+"\r\nHost: x\r\n\r\n", `GET /\v`),
		accepted("EscapedLineEnd", "GET /%0d%0aX:y HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%0d%0aX:y"),
		accepted("EscapedSpaceAndVersion", "GET /%20HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%20HTTP/1.1"),
		refused("HTTP/2.0Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	}
	for name, line := range map[string]string{
		"TwoSpacesBehindTheMethod": "GET  /v HTTP/1.1",
		"TwoSpacesBehindTheTarget": "GET /v  HTTP/1.1",
		"TabBehindTheMethod":       "GET\t/v HTTP/1.1",
		"TabBehindTheTarget":       "GET /v\tHTTP/1.1",
		"VerticalTab":              "GET\v/v HTTP/1.1",
		"SpaceBefore":              " GET /v HTTP/1.1",
		"TabBefore":                "\tGET /v HTTP/1.1",
		"SpaceBehind":              "GET /v HTTP/1.1 ",
		"TabBehind":                "GET /v HTTP/1.1\t",
		"SpaceInTheTarget":         "GET /v /hidden HTTP/1.1",
		"TwoVersions":              "GET /v HTTP/1.1 HTTP/1.1",
		"LowerCaseVersion":         "GET /v http/1.1",
		"HTTP/0.9":                 "GET /v",
		"HTTP/0.9WithAVersion":     "GET /v HTTP/0.9",
		"HTTP/1":                   "GET /v HTTP/1",
		"HTTP/1.":                  "GET /v HTTP/1.",
		"HTTP/1.10":                "GET /v HTTP/1.10",
		"HTTP/01.1":                "GET /v HTTP/01.1",
		"HTTP/1.01":                "GET /v HTTP/1.01",
		"HTTP/+1.1":                "GET /v HTTP/+1.1",
		"HTTP/1,1":                 "GET /v HTTP/1,1",
		"HTTP/1.2":                 "GET /v HTTP/1.2",
		"HTTP/3.0":                 "GET /v HTTP/3.0",
		"ICY":                      "GET /v ICY/1.1",
		"RTSP":                     "GET /v RTSP/1.0",
		"NoMethod":                 " /v HTTP/1.1",
		"OnlyAMethod":              "GET",
		"MethodWithASlash":         "G/T /v HTTP/1.1",
		"MethodWithAColon":         "Host: x",
		"MethodWithObsText":        "G\xcbT /v HTTP/1.1",
		"MethodWithNUL":            "GE\x00T /v HTTP/1.1",
		"NULInTheTarget":           "GET /v\x00 HTTP/1.1",
		"DeleteInTheTarget":        "GET /v\x7f HTTP/1.1",
		"FragmentInTheTarget":      "GET /v#/hidden HTTP/1.1",
		"NoSlash":                  "GET v HTTP/1.1",
		"EmptyTarget":              "GET  HTTP/1.1",
		"Query":                    "GET ?v HTTP/1.1",
		"Asterisk":                 "GET * HTTP/1.1",
		"BadEscape":                "GET /%0 HTTP/1.1",
		"AuthorityForm":            "GET x:80 HTTP/1.1",
		"Connect":                  "CONNECT x:80 HTTP/1.1",
		"ConnectToAPath":           "CONNECT /v HTTP/1.1",
		"AbsoluteForAnotherHost":   "GET http://other.test/v HTTP/1.1",
		"AbsoluteForTheHostField":  "GET http://x/v HTTP/1.1",
		"AbsoluteWithUserinfo":     "GET http://x@other.test/v HTTP/1.1",
		"AbsoluteWithoutAHost":     "GET http:///v HTTP/1.1",
		"AbsoluteWithoutSlashes":   "GET http:/v HTTP/1.1",
		"AbsoluteOfAFile":          "GET file:///v HTTP/1.1",
		"AbsoluteWithABackslash":   `GET http://x\@other.test/v HTTP/1.1`,
	} {
		vectors = append(vectors, refused(name, line, "\r\nHost: x\r\n\r\n"))
	}
	return vectors
}
