package http1_test

import "strings"

// codingVectors are spellings of Transfer-Encoding that some reader takes for chunked, and another does not.
func codingVectors() []vector {
	const body = "5\r\nhello\r\n0\r\n\r\n"
	vectors := []vector{
		accepted("Plain", posted("Transfer-Encoding: chunked", body), "POST /v hello"),
		accepted("AnyCase", posted("tRANSFER-eNCODING: ChUnKeD", body), "POST /v hello"),
		accepted("NoSpace", posted("Transfer-Encoding:chunked", body), "POST /v hello"),
		accepted("SpacesAndTabsAround", posted("Transfer-Encoding: \t chunked \t ", body), "POST /v hello"),
		accepted("AnotherField", posted("Transfer_Encoding: chunked", ""), "POST /v"),
		accepted("AnotherFieldWithAPrefix", posted("X-Transfer-Encoding: chunked", ""), "POST /v"),
	}
	for name, line := range map[string]string{
		"OneMoreLetterBefore":    "Transfer-Encoding: xchunked",
		"OneMoreLetterBehind":    "Transfer-Encoding: chunkedx",
		"Quoted":                 `Transfer-Encoding: "chunked"`,
		"QuotedSingly":           "Transfer-Encoding: 'chunked'",
		"VerticalTabBefore":      "Transfer-Encoding: \vchunked",
		"VerticalTabBehind":      "Transfer-Encoding: chunked\v",
		"FormFeed":               "Transfer-Encoding: \fchunked",
		"NULBefore":              "Transfer-Encoding: \x00chunked",
		"NULBehind":              "Transfer-Encoding: chunked\x00",
		"Backspace":              "Transfer-Encoding: chunked\b",
		"SpaceBeforeTheColon":    "Transfer-Encoding : chunked",
		"TabBeforeTheColon":      "Transfer-Encoding\t: chunked",
		"TwoColons":              "Transfer-Encoding:: chunked",
		"Identity":               "Transfer-Encoding: identity",
		"IdentityBehind":         "Transfer-Encoding: chunked, identity",
		"IdentityBefore":         "Transfer-Encoding: identity, chunked",
		"ChunkedTwiceInAList":    "Transfer-Encoding: chunked, chunked",
		"CommaBehind":            "Transfer-Encoding: chunked,",
		"CommaBefore":            "Transfer-Encoding: ,chunked",
		"Parameter":              "Transfer-Encoding: chunked;q=1",
		"GzipBefore":             "Transfer-Encoding: gzip, chunked",
		"Gzip":                   "Transfer-Encoding: gzip",
		"Empty":                  "Transfer-Encoding:",
		"TwoLines":               "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
		"TwoLinesOneOfThemBad":   "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
		"TwoLinesTheFirstBad":    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
		"TwoLinesOneIdentity":    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
		"Folded":                 "Transfer-Encoding:\r\n chunked",
		"FoldedByATab":           "Transfer-Encoding:\r\n\tchunked",
		"FoldedBehind":           "Transfer-Encoding: chunked\r\n , identity",
		"FoldedFieldBefore":      "X: y\r\n Transfer-Encoding: chunked",
		"BareLineFeedBefore":     "X: y\nTransfer-Encoding: chunked",
		"BareCarriageReturn":     "X: y\rTransfer-Encoding: chunked",
		"ObsTextBehind":          "Transfer-Encoding: chunked\xa0",
		"ObsTextBefore":          "Transfer-Encoding: \x85chunked",
		"NoBreakSpace":           "Transfer-Encoding: \u00a0chunked",
		"FoldsToChunkedInUTF8":   "Transfer-Encoding: chun\u212aed", // KELVIN SIGN
		"FullWidthInUTF8":        "Transfer-Encoding: ｃhunked",
		"InHTTP/1.0":             "Transfer-Encoding: chunked",
		"ObsTextInTheName":       "Transfer-Encoding\xff: chunked",
		"KelvinSignInTheName":    "Connec\u212aion: x",
		"LongSInTheName":         "Tran\u017ffer-Encoding: chunked",
		"DeleteCharacterInValue": "Transfer-Encoding: chunked\x7f",
	} {
		raw := posted(line, body)
		if name == "InHTTP/1.0" {
			raw = strings.Replace(raw, "HTTP/1.1", "HTTP/1.0", 1)
		}
		vectors = append(vectors, refused(name, raw))
	}
	return vectors
}

// lengthVectors are spellings of Content-Length that readers take for different numbers.
func lengthVectors() []vector {
	vectors := []vector{
		accepted("Plain", posted("Content-Length: 5", "hello"), "POST /v hello"),
		accepted("Zero", posted("Content-Length: 0", ""), "POST /v"),
		accepted("SpacesAround", posted("Content-Length:  \t5 ", "hello"), "POST /v hello"),
		accepted("TwiceTheSame", posted("Content-Length: 5\r\nContent-Length: 5", "hello"), "POST /v hello"),
		accepted("AnotherField", posted("Content_Length: 5", ""), "POST /v"),
		accepted("ShorterThanWhatComes", posted("Content-Length: 2", "ab"+hidden), "POST /v ab", "GET /hidden"),
	}
	for name, line := range map[string]string{
		"Plus":                "Content-Length: +5",
		"Minus":               "Content-Length: -5",
		"MinusZero":           "Content-Length: -0",
		"Hexadecimal":         "Content-Length: 0x5",
		"Underscore":          "Content-Length: 0_5",
		"LeadingZero":         "Content-Length: 05",
		"OctalToSome":         "Content-Length: 010",
		"TwoZeros":            "Content-Length: 00",
		"SpaceInside":         "Content-Length: 1 5",
		"TabInside":           "Content-Length: 1\t5",
		"LettersBehind":       "Content-Length: 5abc",
		"Fraction":            "Content-Length: 5.0",
		"Exponent":            "Content-Length: 5e0",
		"Quoted":              `Content-Length: "5"`,
		"ListOfTheSame":       "Content-Length: 5, 5",
		"ListOfOthers":        "Content-Length: 5, 6",
		"CommaBehind":         "Content-Length: 5,",
		"CommaBefore":         "Content-Length: ,5",
		"TwoLines":            "Content-Length: 5\r\nContent-Length: 6",
		"TwoLinesOneZero":     "Content-Length: 0\r\nContent-Length: 5",
		"TwoLinesOneSpelling": "Content-Length: 5\r\nContent-Length: 05",
		"TwoLinesOneEmpty":    "Content-Length: 5\r\nContent-Length:",
		"Empty":               "Content-Length:",
		"OnlySpaces":          "Content-Length:   ",
		"BeyondInt64":         "Content-Length: 9223372036854775808",
		"BeyondUint64":        "Content-Length: 18446744073709551621", // 5 modulo 2^64
		"BeyondUint32":        "Content-Length: 0004294967301",        // 5 modulo 2^32
		"Huge":                "Content-Length: " + strings.Repeat("9", 100),
		"VerticalTab":         "Content-Length: \v5",
		"NUL":                 "Content-Length: 5\x00",
		"ObsText":             "Content-Length: \xa05",
		"ArabicDigit":         "Content-Length: \u0665",
		"FullWidthDigit":      "Content-Length: \uff15",
		"SpaceBeforeTheColon": "Content-Length : 5",
		"Folded":              "Content-Length:\r\n 5",
		"FoldedNumber":        "Content-Length: 1\r\n 5",
		"BareLineFeedBefore":  "X: y\nContent-Length: 5",
		"CarriageReturn":      "Content-Length: 5\r",
	} {
		vectors = append(vectors, refused(name, posted(line, "hello")))
	}
	return vectors
}

// bothVectors have a length for one reader, and a coding for the other: CL.TE, TE.CL and TE.TE.
func bothVectors() []vector {
	const body = "0\r\n\r\n" + hidden
	var vectors []vector
	for name, lines := range map[string]string{
		"LengthFirst":          "Content-Length: 38\r\nTransfer-Encoding: chunked",
		"CodingFirst":          "Transfer-Encoding: chunked\r\nContent-Length: 38",
		"LengthOfZero":         "Transfer-Encoding: chunked\r\nContent-Length: 0",
		"CodingXchunked":       "Content-Length: 38\r\nTransfer-Encoding: xchunked",
		"CodingIdentity":       "Content-Length: 38\r\nTransfer-Encoding: identity",
		"CodingKelvin":         "Content-Length: 38\r\nTransfer-Encoding: chun\u212aed",
		"CodingFolded":         "Content-Length: 38\r\nTransfer-Encoding:\r\n chunked",
		"CodingBehindSpace":    "Content-Length: 38\r\nTransfer-Encoding : chunked",
		"CodingListedAsHop":    "Connection: transfer-encoding\r\nContent-Length: 38\r\nTransfer-Encoding: chunked",
		"LengthListedAsHop":    "Connection: content-length\r\nContent-Length: 38\r\nTransfer-Encoding: chunked",
		"CodingBehindBareLF":   "Content-Length: 38\nTransfer-Encoding: chunked",
		"CodingBehindBareCR":   "Content-Length: 38\rTransfer-Encoding: chunked",
		"CodingInAFoldedField": "Content-Length: 38\r\nX: y\r\n Transfer-Encoding: chunked",
		"LengthInvalid":        "Transfer-Encoding: chunked\r\nContent-Length: x",
	} {
		vectors = append(vectors, refused(name, posted(lines, body)))
	}
	return append(vectors,
		refused("InHTTP/1.0", strings.Replace(posted("Content-Length: 38\r\nTransfer-Encoding: chunked", body), "1.1", "1.0", 1)),
		accepted("CodingWithAnUnderscore", posted("Content-Length: 5\r\nTransfer_Encoding: chunked", "0\r\n\r\n"), "POST /v 0"),
		accepted("LengthWithAnUnderscore", posted("Content_Length: 38\r\nTransfer-Encoding: chunked", body), "POST /v", "GET /hidden"),
	)
}
