package document

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A path is a chain of elements: names with dots between them, indices in brackets, odd names quoted in brackets:
// rules[1].headers["x.y"].prefix.

// maxQuoted bounds, in bytes, how much of a user's text a path or a reason repeats.
const maxQuoted = 64

// join puts a path element before a path.
func join(element, path string) string {
	if path == "" || path[0] == '[' {
		return element + path
	}
	return element + "." + path
}

// key is the path element of a member: its name, quoted if it could be misread.
func key(name string) string {
	if name != "" && len(name) <= maxQuoted && strings.IndexFunc(name, isOdd) < 0 {
		return name
	}
	return "[" + quote(name) + "]"
}

func isOdd(r rune) bool {
	return r == utf8.RuneError || r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// index is the path element of a list's item.
func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

func isIndex(element string) bool {
	digits, opened := strings.CutPrefix(element, "[")
	digits, closed := strings.CutSuffix(digits, "]")
	return opened && closed && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// quote is s in double quotes, cut when it is long.
func quote(s string) string {
	return strconv.Quote(shorten(s))
}

// shorten cuts s where it is longer than a message should repeat.
func shorten(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	end := maxQuoted
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// walk follows a path from n as far as the tree has it, and returns the last node reached.
func walk(n *Node, path string) *Node {
	for path != "" {
		var next *Node
		if next, path = step(n, path); next == nil {
			break
		}
		n = next
	}
	if n == nil {
		return &Node{}
	}
	return n
}

// step follows the first element of path from n; it returns nil where n has no such value.
func step(n *Node, path string) (next *Node, rest string) {
	bracketed, ok := strings.CutPrefix(path, "[")
	if !ok {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			return n.Get(path), ""
		}
		return n.Get(path[:end]), strings.TrimPrefix(path[end:], ".")
	}
	if quoted, err := strconv.QuotedPrefix(bracketed); err == nil {
		name, _ := strconv.Unquote(quoted)
		rest = strings.TrimPrefix(bracketed[len(quoted):], "]")
		return n.Get(name), strings.TrimPrefix(rest, ".")
	}
	digits, rest, _ := strings.Cut(bracketed, "]")
	i, err := strconv.Atoi(digits)
	if err != nil || n == nil || n.Kind != List || i < 0 || i >= len(n.Items) {
		return nil, ""
	}
	return n.Items[i], strings.TrimPrefix(rest, ".")
}
