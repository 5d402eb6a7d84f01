package http1_test

// chunkedPost is a request with a chunked body, as it is on the wire.
func chunkedPost(body string) string { return posted("Transfer-Encoding: chunked", body) }

// chunkVectors are bodies that readers cut into chunks differently.
func chunkVectors() []vector {
	vectors := []vector{
		accepted("UpperCase", chunkedPost("A\r\n0123456789\r\n0\r\n\r\n"), "POST /v 0123456789"),
		accepted("LeadingZeros", chunkedPost("005\r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		accepted("LastChunkOfSeveralZeros", chunkedPost("00\r\n\r\n"), "POST /v"),
		accepted("Several", chunkedPost("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), "POST /v hello!"),
		accepted("LineEndsInTheData", chunkedPost("9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"), "POST /v \r\n0"),
		accepted("ARequestBehindTheLast", chunkedPost("0\r\n\r\n"+hidden), "POST /v", "GET /hidden"),
	}
	for name, body := range map[string]string{
		"NoSize":                 "\r\nhello\r\n0\r\n\r\n",
		"Hexadecimal":            "0x5\r\nhello\r\n0\r\n\r\n",
		"UpperHexadecimal":       "0X5\r\nhello\r\n0\r\n\r\n",
		"Plus":                   "+5\r\nhello\r\n0\r\n\r\n",
		"Minus":                  "-5\r\nhello\r\n0\r\n\r\n",
		"MinusZero":              "-0\r\n\r\n",
		"Underscore":             "0_5\r\nhello\r\n0\r\n\r\n",
		"Letter":                 "5g\r\nhello\r\n0\r\n\r\n",
		"Fraction":               "5.0\r\nhello\r\n0\r\n\r\n",
		"SpaceBefore":            " 5\r\nhello\r\n0\r\n\r\n",
		"SpaceBehind":            "5 \r\nhello\r\n0\r\n\r\n",
		"TabBehind":              "5\t\r\nhello\r\n0\r\n\r\n",
		"SpaceInside":            "0 5\r\nhello\r\n0\r\n\r\n",
		"SpaceBehindTheLast":     "0 \r\n\r\n",
		"NUL":                    "5\x00\r\nhello\r\n0\r\n\r\n",
		"VerticalTab":            "5\v\r\nhello\r\n0\r\n\r\n",
		"FullWidthDigit":         "\uff15\r\nhello\r\n0\r\n\r\n",
		"BeyondUint64":           "10000000000000005\r\nhello\r\n0\r\n\r\n",
		"BeyondInt64":            "8000000000000005\r\nhello\r\n0\r\n\r\n",
		"LargestUint64":          "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"LeadingZerosWithoutEnd": "00000000000000005\r\nhello\r\n0\r\n\r\n",
		"SizeEndsWithLineFeed":   "5\nhello\r\n0\r\n\r\n",
		"SizeEndsWithCR":         "5\rhello\r\n0\r\n\r\n",
		"SizeEndsWithCRCRLF":     "5\r\r\nhello\r\n0\r\n\r\n",
		"SizeEndsWithCRX":        "5\rXhello\r\n0\r\n\r\n",
		"DataEndsWithLineFeed":   "5\r\nhello\n0\r\n\r\n",
		"DataEndsWithCR":         "5\r\nhello\r0\r\n\r\n",
		"NothingBehindTheData":   "5\r\nhello0\r\n\r\n",
		"OtherBytesBehind":       "5\r\nhelloXX0\r\n\r\n",
		"SpillOfOne":             "5\r\nhelloX\r\n0\r\n\r\n",
		"LineFeedCRBehind":       "5\r\nhello\n\r0\r\n\r\n",
		"LastEndsWithLineFeeds":  "0\n\n",
		"LastEndsWithLineFeed":   "0\r\n\n",
		"LastEndsWithCR":         "0\r\n\r\r\n",
		"NoEmptyLine":            "0\r\n",
		"EmptyLineBetween":       "5\r\nhello\r\n\r\n0\r\n\r\n",
	} {
		vectors = append(vectors, refused(name, chunkedPost(body)))
	}
	return vectors
}

// extensionVectors are those of "Funky Chunks": TERM.EXT, EXT.TERM, TERM.SPILL, SPILL.TERM, ONE.TWO, TWO.ONE, ZERO.TWO.
func extensionVectors() []vector {
	const smuggled = "0\r\n\r\n" + hidden
	return []vector{
		accepted("Plain", chunkedPost("5;a=b\r\nhello\r\n0;c\r\n\r\n"), "POST /v hello"),
		accepted("Empty", chunkedPost("5;\r\nhello\r\n0;\r\n\r\n"), "POST /v hello"),
		accepted("SpaceBehindTheSemicolon", chunkedPost("5; a = b \r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		accepted("Quoted", chunkedPost("5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		accepted("QuoteThatDoesNotEnd", chunkedPost("5;a=\"b\r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		accepted("SizeInTheExtension", chunkedPost("5;ff\r\nhello\r\n0\r\n\r\n"), "POST /v hello"),
		refused("SpaceBeforeTheSemicolon", chunkedPost("5 ;a\r\nhello\r\n0\r\n\r\n")),
		refused("NoSemicolon", chunkedPost("5 a=b\r\nhello\r\n0\r\n\r\n")),
		refused("CommaForASemicolon", chunkedPost("5,a\r\nhello\r\n0\r\n\r\n")),
		refused("NoSize", chunkedPost(";a\r\nhello\r\n0\r\n\r\n")),
		refused("TERM.EXT", chunkedPost("5;\nhello\r\n0\r\n\r\n")),
		refused("TERM.EXTWithARequest", chunkedPost("2;\nxx\r\n27\r\n"+smuggled+"\r\n0\r\n\r\n")),
		refused("EXT.TERM", chunkedPost("5;a\nb\r\nhello\r\n0\r\n\r\n")),
		refused("EXT.TERMOfTheLast", chunkedPost("0;\n\r\n"+hidden)),
		refused("TERM.SPILL", chunkedPost("5\r\nhello\n0\r\n\r\n")),
		refused("SPILL.TERM", chunkedPost("5\r\nhelloxx0\r\n\r\n"+hidden)),
		refused("ONE.TWO", chunkedPost("5\r\nhello\n\n0\r\n\r\n")),
		refused("TWO.ONE", chunkedPost("5\r\nhello\r0\r\n\r\n")),
		refused("ZERO.TWO", chunkedPost("5\r\nhello0\r\n\r\n")),
		refused("CRInTheExtension", chunkedPost("5;a\rb\r\nhello\r\n0\r\n\r\n")),
		refused("CRBehindTheSemicolon", chunkedPost("5;\rb\r\nhello\r\n0\r\n\r\n")),
		refused("CRCRLFBehindTheExtension", chunkedPost("5;a\r\r\nhello\r\n0\r\n\r\n")),
		refused("CRInTheLast", chunkedPost("0;\r0\r\n\r\n")),
		refused("QuotedLineEnd", chunkedPost("5;a=\"\nb\"\r\nhello\r\n0\r\n\r\n")),
		refused("NULInTheExtension", chunkedPost("5;a\x00b\r\nhello\r\n0\r\n\r\n")),
		refused("FoldedExtension", chunkedPost("5;a\r\n b\r\nhello\r\n0\r\n\r\n")),
	}
}

// trailerVectors have trailers that some reader would merge into the head, or not see the end of.
func trailerVectors() []vector {
	vectors := []vector{
		accepted("Plain", chunkedPost("0\r\nX-Sum: 1\r\n\r\n"), "POST /v"),
		accepted("ContentLength", chunkedPost("0\r\nContent-Length: 100\r\n\r\n"), "POST /v"),
		accepted("TransferEncoding", chunkedPost("0\r\nTransfer-Encoding: identity\r\n\r\n"), "POST /v"),
		accepted("Host", chunkedPost("0\r\nHost: other.test\r\n\r\n"), "POST /v"),
		accepted("Connection", chunkedPost("0\r\nConnection: close\r\n\r\n"), "POST /v"),
		accepted("Upgrade", chunkedPost("0\r\nUpgrade: h2c\r\n\r\n"), "POST /v"),
		accepted("AnyCaseAmongOthers", chunkedPost("0\r\nX: 1\r\ncONTENT-lENGTH: 1\r\nY: 2\r\n\r\n"), "POST /v"),
		refused("AnnouncedContentLength", posted("Trailer: Content-Length\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
		refused("AnnouncedTransferEncoding", posted("Trailer: X, transfer-encoding\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
	}
	for name, trailers := range map[string]string{
		"RequestLine":         hidden,
		"LineFeed":            "X: y\n\r\n",
		"EmptyLineOfLineFeed": "X: y\r\n\n",
		"CarriageReturn":      "X: y\rz\r\n\r\n",
		"Folded":              "X: y\r\n z\r\n\r\n",
		"SpaceBefore":         " X: y\r\n\r\n",
		"SpaceBeforeTheColon": "Content-Length : 5\r\n\r\n",
		"NoColon":             "X\r\n\r\n",
		"NUL":                 "X: \x00\r\n\r\n",
	} {
		vectors = append(vectors, refused(name, chunkedPost("0\r\n"+trailers)))
	}
	return vectors
}
