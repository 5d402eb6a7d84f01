package http1_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// errIncomplete says that bytes are the begin of a well-formed request.
var errIncomplete = errors.New("incomplete")

var (
	strictLine  = regexp.MustCompile(`^[!#$%&'*+.^_|~0-9A-Za-z-]+ (/[!-"$-~]*|\*) HTTP/1\.1$`)
	strictField = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\\x00-\\x08\\x0a-\\x1f\\x7f]*)$")
	strictSize  = regexp.MustCompile(`^[1-9a-f][0-9a-f]{0,8}$`)
	strictCount = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})$`)
)

// strictMessage is a request as a reader sees it who takes nothing but what RFC 9112 asks a sender for.
type strictMessage struct {
	method, target, body string
	field                map[string][]string // by name in lower case
}

// String gives what a table of expectations compares.
func (m strictMessage) String() string {
	return strings.TrimSpace(m.method + " " + m.target + " " + m.body)
}

// parseStrict reads the request that data begins with, and tells its length. It shares no code with the engine.
func parseStrict(data string) (m strictMessage, length int, err error) {
	head, rest, found := strings.Cut(data, "\r\n\r\n")
	if !found {
		return m, 0, strictBegin(data)
	}
	lines := strings.Split(head, "\r\n")
	if !strictLine.MatchString(lines[0]) {
		return m, 0, fmt.Errorf("request line %q", lines[0])
	}
	m.method, m.target, _ = strings.Cut(lines[0], " ")
	m.target, _, _ = strings.Cut(m.target, " ")
	if m.field, err = strictFields(lines[1:]); err != nil {
		return m, 0, err
	}
	if err := m.checkHead(); err != nil {
		return m, 0, err
	}
	body, err := m.readBody(rest)
	return m, len(head) + 4 + body, err
}

// strictBegin says whether data may be the begin of a head.
func strictBegin(data string) error {
	for i := range len(data) {
		switch last := i == len(data)-1; {
		case data[i] == '\n' && (i == 0 || data[i-1] != '\r'), data[i] == '\r' && !last && data[i+1] != '\n', data[i] == 0:
			return fmt.Errorf("a byte %#x in half a head %q", data[i], data)
		}
	}
	return errIncomplete
}

func strictFields(lines []string) (map[string][]string, error) {
	fields := make(map[string][]string)
	for _, line := range lines {
		parts := strictField.FindStringSubmatch(line)
		if parts == nil {
			return nil, fmt.Errorf("field line %q", line)
		}
		name := strings.ToLower(parts[1])
		fields[name] = append(fields[name], parts[2])
	}
	return fields, nil
}

// checkHead looks at what decides where the message ends, whom it is for, and what the proxy itself says.
func (m *strictMessage) checkHead() error {
	for _, name := range []string{"host", "x-forwarded-for", "x-forwarded-proto", "x-request-id"} {
		if len(m.field[name]) != 1 {
			return fmt.Errorf("%s is there %d times", name, len(m.field[name]))
		}
	}
	coding, length := m.field["transfer-encoding"], m.field["content-length"]
	switch {
	case len(coding)+len(length) > 1:
		return fmt.Errorf("framed twice: %q %q", coding, length)
	case len(coding) == 1 && !isASCIIFold(coding[0], "chunked"):
		return fmt.Errorf("Transfer-Encoding %q", coding[0])
	case len(length) == 1 && !strictCount.MatchString(length[0]):
		return fmt.Errorf("Content-Length %q", length[0])
	case len(m.field["http2-settings"]) > 0, len(m.field["keep-alive"]) > 0, len(m.field["proxy-connection"]) > 0:
		return errors.New("a field of another connection")
	}
	if upgrade := m.field["upgrade"]; len(upgrade) > 0 {
		if len(upgrade) > 1 || !isASCIIFold(upgrade[0], "websocket") || len(coding)+len(length) > 0 {
			return fmt.Errorf("Upgrade %q beside framing %q %q", upgrade, coding, length)
		}
	}
	return nil
}

func isASCIIFold(text, lower string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return strings.ToLower(text) == lower
}

// readBody reads the body, and tells how long it is on the wire.
func (m *strictMessage) readBody(rest string) (int, error) {
	if len(m.field["transfer-encoding"]) > 0 {
		return m.readChunks(rest)
	}
	if len(m.field["content-length"]) == 0 {
		return 0, nil
	}
	length, err := strconv.Atoi(m.field["content-length"][0])
	if err != nil {
		return 0, err
	}
	if len(rest) < length {
		return 0, errIncomplete
	}
	m.body = rest[:length]
	return length, nil
}

// readChunks takes no extensions, and no spelling of a size but the shortest in lower case.
func (m *strictMessage) readChunks(all string) (int, error) {
	for rest := all; ; {
		line, after, found := strings.Cut(rest, "\r\n")
		if !found {
			return 0, strictBegin(rest)
		}
		if line == "0" {
			return m.readTrailers(all, after)
		}
		if !strictSize.MatchString(line) {
			return 0, fmt.Errorf("chunk size %q", line)
		}
		size, err := strconv.ParseInt(line, 16, 64)
		switch {
		case err != nil:
			return 0, err
		case int64(len(after)) < size+2:
			return 0, errIncomplete
		case after[size:size+2] != "\r\n":
			return 0, fmt.Errorf("%q behind a chunk", after[size:size+2])
		}
		m.body += after[:size]
		rest = after[size+2:]
	}
}

func (m *strictMessage) readTrailers(all, rest string) (int, error) {
	section, after := "", strings.TrimPrefix(rest, "\r\n")
	if len(after) == len(rest) {
		var found bool
		if section, after, found = strings.Cut(rest, "\r\n\r\n"); !found {
			return 0, strictBegin(rest)
		}
		trailers, err := strictFields(strings.Split(section, "\r\n"))
		if err != nil {
			return 0, err
		}
		for _, name := range []string{"host", "content-length", "transfer-encoding", "trailer", "connection", "upgrade"} {
			if len(trailers[name]) > 0 {
				return 0, fmt.Errorf("%s in the trailers", name)
			}
		}
	}
	return len(all) - len(after), nil
}
