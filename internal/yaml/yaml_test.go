package yaml

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/squall-proxy/squall/internal/document"
)

func text(t testing.TB, n *document.Node) string {
	t.Helper()
	written, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
}

func TestYAMLIsReadAsTheSameJSON(t *testing.T) {
	for yaml, want := range map[string]string{
		"":                                 `null`,
		"# nothing but this":               `null`,
		"---\n":                            `null`,
		"---\na: 1":                        `{"a":1}`,
		"\ufeffa: 1":                       `{"a":1}`,
		"a: 1\r\nb:\r\n  - c\r\n":          `{"a":1,"b":["c"]}`,
		"a: [1, x, {b: 2}, ]":              `{"a":[1,"x",{"b":2}]}`,
		"a: {b: 1, c: [2]}":                `{"a":{"b":1,"c":[2]}}`,
		"a:\n  - b: 1\n    c: 2\n  -":      `{"a":[{"b":1,"c":2},null]}`,
		"a: ~\nb:\nc: null":                `{"a":null,"b":null,"c":null}`,
		"a: true\nb: False\nc: yes\nd: on": `{"a":true,"b":false,"c":"yes","d":"on"}`,
		"a: 7\nb: -7\nc: 1.50\nd: 1e3\ne: -0\nf: 18446744073709551615": `{"a":7,"b":-7,"c":1.50,"d":1e3,"e":-0,"f":18446744073709551615}`,
		"a: 18446744073709551616\nb: 1e400\nc: 0.1":                    `{"a":18446744073709551616,"b":1e400,"c":0.1}`,
		"a: '7'\nb: \"7\"\nc: 30s\nd: 10KB\ne: 1.2.3\nf: 127.0.0.1:80": `{"a":"7","b":"7","c":"30s","d":"10KB","e":"1.2.3","f":"127.0.0.1:80"}`,
		"a: |\n  x\n  y\nb: >-\n  p\n  q\n":                            `{"a":"x\ny\n","b":"p q"}`,
		"a: \"\\u00e9\\n\\ud83d\\ude00\\/\"":                           `{"a":"é\n😀/"}`,
		"a: 2001-01-01\nb: 12:30":                                      `{"a":"2001-01-01","b":"12:30"}`,
		"1: x\ntrue: y\n'q': z\n\"r\": w":                              `{"1":"x","true":"y","q":"z","r":"w"}`,
		"a:\n  \"X-Id\": b # comment\n":                                `{"a":{"X-Id":"b"}}`,
		`{"a": [1, 2.50, "x\/", null, true], "b": {}}`:                 `{"a":[1,2.50,"x/",null,true],"b":{}}`,
	} {
		n, err := Parse([]byte(yaml))
		if err != nil {
			t.Errorf("%q: %v", yaml, err)
		} else if got := text(t, n); got != want {
			t.Errorf("%q: got %s, want %s", yaml, got, want)
		}
	}
}

func TestWhatOfYAMLIsRefused(t *testing.T) {
	for yaml, want := range map[string]string{
		"a: &x 1\nb: *x":              "1:4 anchors and aliases are not supported",
		"a: 1\nb: *x":                 "2:4 anchors and aliases are not supported",
		"<<: {a: 1}":                  "1:1 anchors and aliases are not supported",
		"a: !!str 5":                  "1:4 tags are not supported",
		"%YAML 1.2\n---\na: 1":        "1:1 directives are not supported",
		"? a\n: b":                    "1:1 keys that begin with a question mark are not supported",
		"a: 1\n---\nb: 2":             "2:1 one document is wanted, here it ends",
		"---\n---\na: 1":              "2:1 one document is wanted, here it ends",
		"a: 010":                      `1:4 "010": write numbers as JSON does`,
		"a: 1\nb: 0x1F":               `2:4 "0x1F": write numbers as JSON does`,
		"a: 1_000":                    `1:4 "1_000": write numbers as JSON does`,
		"a: +5":                       `1:4 "+5": write numbers as JSON does`,
		"a: .5":                       `1:4 ".5": write numbers as JSON does`,
		"a: .inf":                     "1:4 not supported here: Infinity",
		"a: .nan":                     "1:4 not supported here: Nan",
		"a: 1\nb: 2\na: 3":            `3:1 mapping key "a" already defined at [1:1]`,
		"a: 1\n'a': 3":                `2:1 mapping key "a" already defined at [1:1]`,
		"a: {b: 1, b: 2}":             `1:11 mapping key "b" already defined at [1:5]`,
		"[a]: 1":                      "",
		"a: [1, 2":                    "1:4 sequence end token ']' not found",
		"a: 'b":                       "1:4 could not find end character of single-quoted text",
		"a: b: c":                     "1:4 mapping value is not allowed in this context",
		"a: 1\n\tb: 2":                "",
		"a: @x":                       "1:4 '@' is a reserved character",
		"- a\nb: 1":                   "2:1 value is not allowed in this context",
		"a: é\nb: é\xff":              "2:5 a byte that is not UTF-8",
		`{"a":1,"a":2}`:               "1:8 given twice",
		strings.Repeat("[", 65) + "x": "1:65 nested more than 64 levels deep",
	} {
		n, err := Parse([]byte(yaml))
		var refusal *document.Error
		if !errors.As(err, &refusal) || refusal.Line == 0 || refusal.Column == 0 {
			t.Errorf("%q: got %v, %v", yaml, n, err)
			continue
		}
		if got := fmt.Sprintf("%d:%d %s", refusal.Line, refusal.Column, refusal.Reason); want != "" && got != want {
			t.Errorf("%q: got %s, want %s", yaml, got, want)
		}
	}
}

// Places are those of the words that a reader would point at.
func TestPlaces(t *testing.T) {
	n, err := Parse([]byte("é: 1\nrules:\n  - name: x\n    match: {path: /a}\n  - [1]\nlast: |\n  text\n"))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"": "1:1", "é": "1:4", "rules": "3:3", "rules[0]": "3:5", "rules[0].name": "3:11", "rules[0].match": "4:13",
		"rules[0].match.path": "4:19", "rules[1]": "5:5", "rules[1][0]": "5:6", "last": "6:7",
	} {
		var at *document.Error
		errors.As(document.Locate(n, document.Errorf(field, "")), &at)
		if got := fmt.Sprintf("%d:%d", at.Line, at.Column); got != want {
			t.Errorf("%q: at %s, want %s", field, got, want)
		}
	}
	members := n.Get("rules").Items[0].Members
	if members[1].Name != "match" || members[1].Line != 4 || members[1].Column != 5 {
		t.Errorf("got %+v", members[1])
	}
}

// drawNode makes a document that is as deep as documents are.
func drawNode(t *rapid.T, depth int) *document.Node {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind = rapid.IntRange(4, 5).Draw(t, "kind")
	} else if depth == 4 {
		kind = rapid.IntRange(0, 3).Draw(t, "kind")
	}
	switch kind {
	case 0:
		return &document.Node{Kind: document.Null}
	case 1:
		return &document.Node{Kind: document.Bool, Bool: rapid.Bool().Draw(t, "bool")}
	case 2:
		number := rapid.SampledFrom([]string{"0", "-1", "42", "1.50", "1e3", "-0.001E-7", "18446744073709551616"})
		return &document.Node{Kind: document.Number, Text: number.Draw(t, "number")}
	case 3:
		plain := rapid.StringMatching(`[a-zA-Z0-9 :.,#'"\\/{}\[\]&*!|>%@\n\t-]{0,12}`)
		return &document.Node{Kind: document.String, Text: rapid.OneOf(plain, rapid.String()).Draw(t, "string")}
	case 4:
		n := &document.Node{Kind: document.List}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			n.Items = append(n.Items, drawNode(t, depth+1))
		}
		return n
	}
	n := &document.Node{Kind: document.Object}
	for i := range rapid.IntRange(0, 3).Draw(t, "members") {
		name := fmt.Sprint(rapid.SampledFrom([]string{"a", "X-Id", "true", "7", "é", "a b"}).Draw(t, "name"), i)
		n.Members = append(n.Members, document.Member{Name: name, Value: drawNode(t, depth+1)})
	}
	return n
}

// asYAML writes a document as YAML: blocks where it can, strings in JSON's quotes.
func asYAML(t *rapid.T, n *document.Node, indent string) string {
	var b strings.Builder
	switch {
	case n.Kind == document.List && len(n.Items) > 0:
		for _, item := range n.Items {
			b.WriteString("\n" + indent + "- " + strings.TrimPrefix(asYAML(t, item, indent+"  "), "\n"+indent+"  "))
		}
		return b.String()
	case n.Kind == document.Object && len(n.Members) > 0:
		for _, m := range n.Members {
			value := asYAML(t, m.Value, indent+"  ")
			if !strings.HasPrefix(value, "\n") {
				value = " " + value
			}
			b.WriteString("\n" + indent + `"` + m.Name + `":` + value)
		}
		return b.String()
	}
	written, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
}

func TestYAMLAndJSONOfOneDocumentAreOneTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t, 0)
		want, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{string(want), asYAML(t, n, "") + "\n"} {
			read, err := Parse([]byte(source))
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			if got, err := json.Marshal(read); err != nil || string(got) != string(want) {
				t.Fatalf("%s: got %s, want %s", source, got, want)
			}
		}
	})
}

// Whatever a file holds, reading it is over soon.
func TestHostileFilesAreRefusedSoon(t *testing.T) {
	lines := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const big = MaxFile / 8
	for name, source := range map[string]string{
		"large":      strings.Repeat("# x\n", MaxFile/4+1),
		"open lists": strings.Repeat("[", big),
		"lists":      strings.Repeat("[", big/2) + strings.Repeat("]", big/2),
		"objects":    strings.Repeat("{a: ", big/4),
		"dashes":     strings.Repeat("- ", big/2),
		"dashes by line": func() string {
			var b strings.Builder
			for i := range 1000 {
				b.WriteString(strings.Repeat(" ", i) + "-\n")
			}
			return b.String()
		}(),
		"indented": func() string {
			var b strings.Builder
			for i := range 1000 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(),
		"question marks":   strings.Repeat("? ", big/2),
		"tags":             strings.Repeat("!a ", big/3),
		"anchors":          strings.Repeat("&a ", big/3),
		"colons":           strings.Repeat("a: ", big/3),
		"keys":             lines("k%d: 1\n", 90_000),
		"items":            lines("- %d\n", 120_000),
		"a billion laughs": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
		"documents":        strings.Repeat("---\n", big/4),
		"quotes":           strings.Repeat("'", big-1),
		"a number":         strings.Repeat("9", big) + ": [",
	} {
		began := time.Now()
		_, err := Parse([]byte(source))
		if took := time.Since(began); err == nil || took > 20*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		} else if took > time.Second {
			t.Logf("%s: %v after %v", name, err, took)
		}
	}
	began := time.Now()
	rules := "rules:\n" + lines("  - {name: r%d, proxy: flaky, delay: 300ms, percent: 50}\n", 2500)
	if n, err := Parse([]byte(rules)); err != nil || len(n.Get("rules").Items) != 2500 {
		t.Errorf("2500 rules: %v after %v", err, time.Since(began))
	}
}

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"", "admin: {listen: \"127.0.0.1:8474\"}  # where\nrules:\n  - {delay: 300ms}\n", "a: [1, {b: 'c'}, \"d\", |\n e\n]", "- - a\n  - b: c\n", "a: 010\n", "{\"a\": 1}", "? a\n: &b !c *d\n", "---\na\n---\n%b\n",
		"a:\n  b:\n  - c: d\n    e: >-\n      f\n", "\ufeff#\n<<: 1", "a: \xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			return // slowness has a test of its own
		}
		n, err := Parse(data)
		var refusal *document.Error
		if err != nil {
			if !errors.As(err, &refusal) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		written := text(t, n)
		again, err := document.ParseJSON([]byte(written))
		if err != nil {
			t.Fatalf("read as %s, which is not a document: %v", written, err)
		}
		if rewritten := text(t, again); rewritten != written {
			t.Fatalf("%s became %s", written, rewritten)
		}
	})
}

// A file may be JSON, in which a megabyte can be half a million values.
func TestAFileOfTooManyValuesIsRefused(t *testing.T) {
	list := func(n int) string { return "[1" + strings.Repeat(",1", n-1) + "]" }
	if _, err := Parse([]byte(list(document.MaxValues - 1))); err != nil {
		t.Error(err)
	}
	var refusal *document.Error
	if _, err := Parse([]byte(list(document.MaxValues))); !errors.As(err, &refusal) || refusal.Line != 1 || !strings.Contains(refusal.Reason, "more than 100000 values") {
		t.Errorf("got %v", err)
	}
}
