package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"encoding/json"
)

func TestProbe(t *testing.T) {
	for _, in := range []string{
		"a: 010\nb: 0x1F\nc: 0o17\nd: 1_000\ne: .5\nf: 1e3\ng: 1e400\nh: +5\ni: 18446744073709551615\nj: 18446744073709551616\nk: .inf\nl: -0\nm: 0b11\nn: 1.50\no: 12345678901234567890.1",
		"a: yes\nb: ~\nc: null\nd: Null\ne: true\nf: True\ng: on",
		"a: 2001-01-01\nb: 12:30\nc: |\n  x\n  y\nd: >\n  p\n  q\n",
		"a: \"\\u00e9 \\/ \\ud83d\\ude00\"",
		"\xef\xbb\xbfa: 1",
		"a: \xff",
		"a:\r\n  b: 1\r\n",
		"a:\tb",
		"---\n---\nfoo: 1",
		"---\na: 1\n---\nb: 2",
		"? a\n: b",
		"? [a]\n: b",
		"a: 1\na: 2",
		"a: !!str 5",
		"<<: {a: 1}",
		"a: &x 1\nb: *x",
		"{a: 1, b: [1,2,]}",
		"a: {b: 1, b: 2}",
		"1: x\ntrue: y",
		"a: [1, 2",
		"a: 'b",
		"- a\nb: 1",
		"# only comment",
		"",
		"a: \"x\ny\"",
		"a:\n  - b: 1\n    c: 2\n  -\n",
		"a: b: c",
		"%YAML 1.2\n---\na: 1",
		"a: @x", "a: `x`", "a: %x", "\"a\": 1, b",
	} {
		n, err := ParseYAML([]byte(in))
		var out []byte
		if n != nil { out, _ = json.Marshal(n) }
		fmt.Printf("%q -> %s err=%v\n", in, out, err)
	}
	for name, in := range map[string]string{
		"deep[":  strings.Repeat("[", 1<<20),
		"deep[]":  strings.Repeat("[", 50000)+strings.Repeat("]", 50000),
		"deep{":  strings.Repeat("{a: ", 200000),
		"deep-":  strings.Repeat("- ", 400000),
		"deep?":  strings.Repeat("? ", 400000),
		"deep!":  strings.Repeat("!a ", 300000),
		"deep&":  strings.Repeat("&a ", 300000),
		"indent": func() string { var b strings.Builder; for i := 0; i < 1400; i++ { b.WriteString(strings.Repeat(" ", i)+"a:\n") }; return b.String() }(),
		"long":   "a: " + strings.Repeat("x", 1000000),
		"quoted":   "a: \"" + strings.Repeat("\\n", 500000)+"\"",
		"list":   strings.Repeat("- x\n", 250000),
		"flow":   "[" + strings.Repeat("1,", 500000) + "]",
		"keys":   func() string { var b strings.Builder; for i := 0; i < 90000; i++ { fmt.Fprintf(&b, "k%d: 1\n", i) }; return b.String() }(),
		"comments": strings.Repeat("# x\n", 250000),
		"newlines": strings.Repeat("\n", 1000000),
		"spaces": strings.Repeat(" ", 1000000),
		"lit": "a: |\n"+strings.Repeat("  x\n", 250000),
		"multi": "a: x\n"+strings.Repeat("  x\n", 250000),
		"colon": strings.Repeat("a: ", 300000),
		"docs": strings.Repeat("---\n", 250000),
	} {
		start := time.Now()
		done := make(chan string, 1)
		go func() {
			_, err := ParseYAML([]byte(in))
			s := fmt.Sprint(err)
			if len(s) > 200 { s = s[:200] }
			done <- s
		}()
		select {
		case s := <-done:
			fmt.Printf("%s: %v %.200s\n", name, time.Since(start), s)
		case <-time.After(20*time.Second):
			fmt.Printf("%s: TIMEOUT\n", name)
		}
	}
}
