package faults

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/squall-proxy/squall/internal/document"
)

// FuzzBody: what a pointer finds in a body is what a decoder finds, and equal to itself.
func FuzzBody(f *testing.F) {
	for _, seed := range [][2]string{
		{"/a/0/b~1c", `{"a":[{"b/c":1.50}]}`},
		{"", ` [1,{"a":null},"\u00fc\"]}",true] `},
		{"/", `{"":{"":"x"}}`},
		{"/a", `{"a":1,"a":[2]}`},
		{"/~0", `{"~":{}}`},
		{"/0/1", `[[1,-2.0e-5]]`},
		{"x~", `null`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, pointer string, body []byte) {
		path, err := parsePointer(pointer)
		if err != nil || !json.Valid(body) || !utf8.Valid(body) {
			return
		}
		root, _ := cutValue(skip(body, ' '))
		value, found := find(root, path)
		decoder := json.NewDecoder(strings.NewReader(string(body)))
		decoder.UseNumber()
		var whole any
		if decoder.Decode(&whole) != nil {
			return
		}
		want, there := naiveFind(whole, path)
		if found != there {
			t.Fatalf("%q in %s: found %t, want %t", pointer, body, found, there)
		}
		if !found {
			return
		}
		decoder = json.NewDecoder(strings.NewReader(string(value)))
		decoder.UseNumber()
		var got any
		if err := decoder.Decode(&got); err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Fatalf("%q in %s: found %s, %v, want %v", pointer, body, value, err, want)
		}
		if n, err := document.ParseJSON(value); err == nil && !equalJSON(value, n) {
			t.Fatalf("%s is not equal to itself", value)
		}
	})
}

// naiveFind walks through a decoded document.
func naiveFind(value any, path []string) (any, bool) {
	for _, token := range path {
		var there bool
		switch container := value.(type) {
		case map[string]any:
			value, there = container[token]
		case []any:
			i, err := strconv.Atoi(token)
			if there = err == nil && i >= 0 && i < len(container) && strconv.Itoa(i) == token; there {
				value = container[i]
			}
		}
		if !there {
			return nil, false
		}
	}
	return value, true
}

// FuzzNumbers: two numbers are equal when their fractions are.
func FuzzNumbers(f *testing.F) {
	for _, seed := range [][2]string{{"1", "1.0"}, {"0", "-0e5"}, {"12e-1", "1.2"}, {"100", "1E+2"}, {"1e400", "10e399"}, {"-1", "1"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, number := range []string{a, b} {
			_, exponent, _ := strings.Cut(strings.ToLower(number), "e")
			if len(exponent) > 4 || !json.Valid([]byte(number)) || strings.Trim(number, "0123456789.eE+-") != "" {
				return
			}
		}
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if !okX || !okY {
			return
		}
		if got := equalNumbers([]byte(a), b); got != (x.Cmp(y) == 0) {
			t.Fatalf("%s and %s: equal %t", a, b, got)
		}
	})
}
