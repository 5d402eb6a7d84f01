package experiments

import (
	"encoding/json"
	"testing"

	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

func TestTolerances(t *testing.T) {
	reply := map[string]any{
		"status": json.Number("200"), "body": `{"items": [{"id": 1}, {"id": 2.0}], "state": "ok"}`,
		"headers": map[string]any{"X-Mode": "normal"},
	}
	program := map[string]any{"status": json.Number("0"), "stdout": "42 orders\n", "stderr": ""}
	for _, test := range []struct {
		tolerance string
		answer    any
		good      bool
	}{
		{"200", reply, true},
		{"2e2", reply, true},
		{"201", reply, false},
		{"'200'", reply, false},
		{"[200, 204]", reply, true},
		{"[201, 204]", reply, false},
		{"[201, 204, 200]", reply, true},
		{"[201, 202, 204]", reply, false},
		{"{one_of: [200, 404]}", reply, true},
		{"{one_of: [199, 404]}", reply, false},
		{"{range: [200, 299]}", reply, true},
		{"{range: [1, 2], target: status}", reply, false},
		{"{regex: 'state.*ok', target: body}", reply, true},
		{"{regex: '^normal$', target: headers}", reply, false},
		{"{regex: '^42', target: stdout}", program, true},
		{"{regex: '^42', target: stderr}", program, false},
		{"{jsonpath: '$.items[*].id', expect: [1, 2], target: body}", reply, true},
		{"{jsonpath: '$.items[*].id', expect: [2, 1], target: body}", reply, false},
		{"{jsonpath: '$.state', expect: ok, target: body}", reply, true},
		{"{jsonpath: '$.state', target: body}", reply, true},
		{"{jsonpath: '$.nothing', target: body}", reply, false},
		{"{jsonpath: '$.items[*]', count: 2, target: body}", reply, true},
		{"{jsonpath: '$.items[?@.id == 1]', count: 1, target: body}", reply, true},
		{"{jsonpath: '$.items[*]', count: 3, target: body}", reply, false},
		{"{jsonpath: '$.headers[\"X-Mode\"]', expect: normal}", reply, true},
		{"0", program, true},
		{"1", program, false},
		{"[0, 10]", json.Number("9.99"), true},
		{"[0, 10]", json.Number("10.0"), true},
		{"[0, 10]", json.Number("10.01"), false},
		{"[0, 10]", json.Number("1e999999999"), false},
		{"[0, 10]", "x", false},
		{"0.3", json.Number("0.30"), true},
		{"true", true, true},
		{"true", false, false},
		{"ok", "ok", true},
		{"ok", "not ok", false},
		{"{regex: ok}", "not ok", true},
	} {
		n, err := yaml.Parse([]byte(test.tolerance))
		if err != nil {
			t.Fatal(err)
		}
		var tolerance Tolerance
		if err := document.Decode(n, &tolerance); err != nil {
			t.Fatalf("%s: %v", test.tolerance, err)
		}
		if why := tolerance.Judge(test.answer); (why == "") != test.good {
			t.Errorf("%s of %v: %q, want good %v", test.tolerance, test.answer, why, test.good)
		}
	}
}
