package document_test

import (
	"fmt"

	"github.com/squall-proxy/squall/internal/document"
)

func ExampleDecode() {
	type settings struct {
		Mode string `json:"mode"`
		Seed int    `json:"seed"`
	}
	n, err := document.ParseJSON([]byte("{\n  \"seed\": 42,\n  \"mdoe\": \"failure\"\n}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	out := settings{Mode: "normal"}
	if err := document.Decode(n, &out); err != nil {
		e := err.(*document.Error)
		fmt.Printf("%d:%d: %v\n", e.Line, e.Column, e)
	}
	// Output: 3:3: mdoe: unknown field, did you mean mode?
}

func ExampleMerge() {
	rule, _ := document.ParseJSON([]byte(`{"kind": "delay", "percent": 100, "owner": "TestCheckout"}`))
	patch, _ := document.ParseJSON([]byte(`{"percent": 10, "owner": null}`))
	merged, _ := document.Merge(rule, patch).MarshalJSON()
	fmt.Println(string(merged))
	// Output: {"kind":"delay","percent":10}
}
