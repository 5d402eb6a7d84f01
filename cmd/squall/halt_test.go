package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestHaltAndRelease(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	s := startServe(t, nil, "--state", state)
	s.squall("proxies", "add", "stock", "127.0.0.1:0", fineUpstream(t))
	s.squall("faults", "set", "failure", "--ttl", "1h")
	if status, _ := get(t, s.url("stock")); status != 503 {
		t.Fatalf("status %d", status)
	}
	if out := s.squall("halt"); !strings.Contains(out, `"halted": true`) {
		t.Errorf("halt: %s", out)
	}
	if status, _ := get(t, s.url("stock")); status != 200 {
		t.Errorf("halted: %d", status)
	}
	refused := func(s *served) {
		t.Helper()
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, "faults", "set", "failure")
		if code != exitFail || !strings.Contains(errs, "halted") {
			t.Errorf("exit code %d, %q", code, errs)
		}
	}
	refused(s)
	if code := s.end(); code != exitOK {
		t.Fatalf("exit code %d: %s", code, s.log)
	}
	again := startServe(t, nil, "--state", state)
	refused(again)
	if out := again.squall("release"); !strings.Contains(out, `"halted": false`) {
		t.Errorf("release: %s", out)
	}
	again.squall("faults", "set", "failure")
}

func TestLeases(t *testing.T) {
	s := startServe(t, nil)
	s.squall("faults", "rule", "slow", `{"delay":"1s","lease":{"id":"run 42","for":"1h"}}`)
	if out := s.squall("leases", "list"); !strings.Contains(out, "HOLDS") || !strings.Contains(out, "run 42") || !strings.Contains(out, "rules.slow") {
		t.Errorf("list: %s", out)
	}
	if out := s.squall("leases", "renew", "run 42"); !strings.Contains(out, `"expires_in": "1h0m0s"`) {
		t.Errorf("renew: %s", out)
	}
	s.squall("leases", "end", "run 42")
	if out := s.squall("faults", "get"); strings.Contains(out, "slow") {
		t.Errorf("after its end: %s", out)
	}
	for _, args := range [][]string{{"leases", "renew", "run 42"}, {"leases", "end", "run 42"}} {
		code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, args...)
		if code != exitFail || !strings.Contains(errs, `"run 42"`) {
			t.Errorf("%q: exit code %d, %q", args, code, errs)
		}
	}
	if code, _, _ := runSquall(t, nil, "leases", "renew"); code != exitUsage {
		t.Errorf("without an id: exit code %d", code)
	}
}

// What is started by squall serve has an audit, also of what a restart drops.
func TestTheAuditOfServe(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	s := startServe(t, nil, "--state", state)
	s.squall("faults", "rule", "slow", `{"delay":"1s","lease":{"id":"run-42","for":"1h"}}`)
	if _, body := get(t, s.admin+"/admin/audit"); !strings.Contains(body, `"by": "127.0.0.1:`) || !strings.Contains(body, `"run-42"`) {
		t.Errorf("audit: %s", body)
	}
	s.end()
	again := startServe(t, nil, "--state", state)
	if _, body := get(t, again.admin+"/admin/audit"); !strings.Contains(body, `"by": "expiry"`) || !strings.Contains(body, `"rules.slow"`) {
		t.Errorf("audit after a restart: %s", body)
	}
	if !strings.Contains(again.log.String(), "rules.slow") {
		t.Errorf("the log does not say what was dropped: %s", again.log)
	}
}
