package faults

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/squall-proxy/squall/internal/document"
)

// TestKeyIsReplayable: what a key hashes to is what Roll makes of its text.
func TestKeyIsReplayable(t *testing.T) {
	v := get("/")
	v.RawQuery = "id=1&x=2&id=a+b&n%61me=c"
	v.Header = http.Header{"X-Test": {"one"}, "X-Many": {"one", "two"}}
	v.Source = netip.MustParseAddr("::ffff:10.1.2.3")
	for text, want := range map[string]string{
		"":              "",
		"rule":          "",
		"client":        "10.1.2.3",
		"connection":    "7",
		"header:x-test": "one",
		"header:X-Many": "one,two",
		"header:X-None": "",
		"query:id":      "1,a b",
		"query:name":    "c",
		"query:none":    "",
	} {
		k, err := parseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if k.hash(123, v) != hashKey(123, want) {
			t.Errorf("key %q is not %q", text, want)
		}
	}
}

func TestKeysWithoutHeadersDoNotPanic(t *testing.T) {
	for _, text := range []string{"client", "connection", "header:X-Test", "query:id"} {
		k, err := parseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		k.hash(1, &View{})
	}
}

func TestKeysRefused(t *testing.T) {
	for _, text := range []string{
		"rules", "header", "header:", "header:a b", "header:Host", "query:", "query", "client:", "connection:1", ":", "Header:a",
	} {
		_, err := parseKey(text)
		if refusal, ok := err.(*document.Error); !ok || refusal.Field != "key" {
			t.Errorf("key %q: got %v, want a refusal", text, err)
		}
	}
}
