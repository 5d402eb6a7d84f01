package admin_test

// held is a rule on a lease.
const held = `{"proxy":"flaky","delay":"300ms","lease":{"id":"run-42","for":"1h"}}`

// leaseRouteTests are those of what makes faults end, and of what tells who changed what.
func leaseRouteTests() []routeTest {
	return []routeTest{
		{"leases: none", nil, step{"GET", "/admin/leases", "", "", want{200, []string{`{"leases":[],"revision":0}`}, []string{`ETag: "0"`}}}},
		{"leases", []string{"PUT /admin/faults/rules/slow " + held}, step{"GET", "/admin/leases", "", "", want{200, []string{`{"leases":[{"id":"run-42","for":"1h0m0s","expires_in":"59m59.`, `"holds":["rules.slow"]}],"revision":1}`}, []string{`ETag: "1"`}}}},
		{"lease: renew", []string{"PUT /admin/faults/rules/slow " + held}, step{"POST", "/admin/leases/run-42/renew", "", "", want{200, []string{`{"id":"run-42","for":"1h0m0s","expires_in":"1h0m0s","holds":["rules.slow"]}`}, []string{"ETag: "}}}},
		{"lease: renew none", []string{"PUT /admin/faults/rules/slow " + held}, step{"POST", "/admin/leases/run-43/renew", "", "", want{404, []string{`"field":"lease"`, `"did_you_mean":"run-42"`}, nil}}},
		{"lease: renew with terms", []string{"PUT /admin/faults/rules/slow " + held}, step{"POST", "/admin/leases/run-42/renew?dry_run=1", "", "", want{400, []string{`"field":"dry_run"`}, nil}}},
		{"lease: end", []string{"PUT /admin/faults/rules/slow " + held}, step{"DELETE", "/admin/leases/run-42", "", "", want{204, nil, []string{`ETag: "2"`}}}},
		{"lease: end none", nil, step{"DELETE", "/admin/leases/run-42", "", "", want{404, []string{`"field":"lease"`}, nil}}},
		{"lease: end stale", []string{"PUT /admin/faults/rules/slow " + held}, step{"DELETE", "/admin/leases/run-42", "", `If-Match: "0"`, want{412, nil, nil}}},
		{"lease: end dry", []string{"PUT /admin/faults/rules/slow " + held}, step{"DELETE", "/admin/leases/run-42?dry_run=1", "", "", want{204, nil, []string{"ETag: "}}}},

		{"halt: not", nil, step{"GET", "/admin/halt", "", "", want{200, []string{`{"halted":false,"revision":0}`}, []string{`ETag: "0"`}}}},
		{"halt", []string{"PUT /admin/faults/rules/slow " + held}, step{"PUT", "/admin/halt", "", "", want{200, []string{`{"halted":true,"revision":2}`}, []string{`ETag: "2"`}}}},
		{"halt: again", []string{"PUT /admin/halt "}, step{"PUT", "/admin/halt", `{"halted":true,"revision":1}`, "", want{200, []string{`{"halted":true,"revision":1}`}, []string{`ETag: "1"`}}}},
		{"halt: dry", nil, step{"PUT", "/admin/halt?dry_run=1", "", "", want{200, []string{`{"halted":true,"revision":1}`}, []string{"ETag: "}}}},
		{"halt: stale", nil, step{"PUT", "/admin/halt", "", `If-Match: "7"`, want{412, nil, nil}}},
		{"halt: nonsense", nil, step{"PUT", "/admin/halt", `{"halte":true}`, "", want{400, []string{`"field":"halte"`, `"did_you_mean":"halted"`}, nil}}},
		{"halt: unknown parameter", nil, step{"DELETE", "/admin/halt?owner=me", "", "", want{400, []string{`"field":"owner"`}, nil}}},
		{"halt: released", []string{"PUT /admin/halt "}, step{"DELETE", "/admin/halt", "", "", want{200, []string{`{"halted":false,"revision":2}`}, []string{`ETag: "2"`}}}},
		{"halt: released by a document", []string{"PUT /admin/halt "}, step{"PUT", "/admin/halt", `{"halted":false}`, "", want{200, []string{`{"halted":false,"revision":2}`}, nil}}},
		{"halted: no fault", []string{"PUT /admin/halt "}, step{"PUT", "/admin/faults", `{"mode":"failure"}`, "", want{403, []string{"until the halt is released"}, nil}}},
		{"halted: it is said", []string{"PUT /admin/halt "}, step{"GET", "/admin/faults", "", "", want{200, []string{`"halted":true`}, nil}}},

		{"audit: none", nil, step{"GET", "/admin/audit", "", "", want{200, []string{`{"changes":[]}`}, nil}}},
		{"audit", []string{`PUT /admin/faults {"mode":"failure"}`}, step{"GET", "/admin/audit", "", "", want{200, []string{`{"changes":[{"revision":1,"at":"`, `"by":"127.0.0.1:`, `"before":{"mode":"normal"},"after":{"mode":"failure"}}]}`}, nil}}},
		{"audit: since", []string{`PUT /admin/faults {"mode":"failure"}`, `PUT /admin/faults {"seed":7}`}, step{"GET", "/admin/audit?since=1", "", "", want{200, []string{`{"changes":[{"revision":2,`, `"before":{"seed":42},"after":{"seed":7}}]}`}, nil}}},
		{"audit: bad since", nil, step{"GET", "/admin/audit?since=yesterday", "", "", want{400, []string{`"field":"since"`, "a revision"}, nil}}},
		{"audit: bad limit", nil, step{"GET", "/admin/audit?limit=0", "", "", want{400, []string{`"field":"limit"`}, nil}}},
		{"audit: unknown parameter", nil, step{"GET", "/admin/audit?from=1", "", "", want{400, []string{`"field":"from"`}, nil}}},

		{"OpenAPI", nil, step{"GET", "/admin/openapi.yaml", "", "", want{200, []string{"openapi: 3.1"}, []string{"Content-Type: application/yaml"}}}},
	}
}
