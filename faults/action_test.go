package faults

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAttribution(t *testing.T) {
	for rule, want := range map[string]string{
		"slow":           "rule=slow; kind=abort; n=3",
		"mode/failure":   "rule=mode/failure; kind=abort; n=3",
		"slow stock":     `rule="slow stock"; kind=abort; n=3`,
		"a;kind=delay":   `rule="a;kind=delay"; kind=abort; n=3`,
		"a;b":            `rule="a;b"; kind=abort; n=3`,
		`say "hi"`:       `rule="say \"hi\""; kind=abort; n=3`,
		"größe":          `rule="gr\u00f6\u00dfe"; kind=abort; n=3`,
		"a\r\nX-Evil: b": `rule="a\r\nX-Evil: b"; kind=abort; n=3`,
		"":               `rule=""; kind=abort; n=3`,
	} {
		if got := Attribution(Decision{Rule: rule, Kind: "abort", N: 3}); got != want {
			t.Errorf("%q: got %s, want %s", rule, got, want)
		}
	}
}

// TestAttributionCanBeReadBack: whatever the rule's name, the value is plain ASCII of three parts.
func TestAttributionCanBeReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Decision{Rule: rapid.String().Draw(t, "rule"), Kind: "abort", N: rapid.Uint64().Draw(t, "n")}
		text := Attribution(d)
		if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Fatalf("%q has other characters than plain ones", text)
		}
		name, ok := strings.CutPrefix(text, "rule=")
		if !ok {
			t.Fatalf("%q does not begin with the rule", text)
		}
		rest := ""
		if quoted, err := strconv.QuotedPrefix(name); err == nil {
			rest = name[len(quoted):]
			if name, err = strconv.Unquote(quoted); err != nil {
				t.Fatal(err)
			}
		} else {
			name, rest, _ = strings.Cut(name, ";")
			rest = ";" + rest
		}
		if want := fmt.Sprintf("; kind=abort; n=%d", d.N); name != d.Rule || rest != want {
			t.Fatalf("%q is read as rule %q and %q, want %q", text, name, rest, want)
		}
	})
}
