package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

// changes asks for the audit.
func (l *lab) changes(t *testing.T, since string, limit int) []admin.Change {
	t.Helper()
	list, err := l.client(t).Changes(t.Context(), since, limit)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// parts writes before and after of a change on two lines.
func parts(t *testing.T, c admin.Change) string {
	t.Helper()
	was, err := json.Marshal(c.Before)
	if err != nil {
		t.Fatal(err)
	}
	is, err := json.Marshal(c.After)
	if err != nil {
		t.Fatal(err)
	}
	return string(was) + "\n" + string(is)
}

func TestTheAuditTellsWhatChanged(t *testing.T) {
	const (
		a   = `{"name":"a","kind":"abort","phase":"before","percent":100,"attributes":{"status":503},"enabled":true}`
		b   = `{"name":"b","kind":"abort","phase":"before","percent":100,"attributes":{"status":503},"enabled":true}`
		abc = `PUT /admin/faults {"rules":[{"name":"a","abort":503},{"name":"b","abort":503},{"name":"c","abort":503}]}`
	)
	for _, test := range []struct {
		name    string
		given   []string
		request string
		was, is string
	}{
		{"a mode", nil, `PUT /admin/faults {"mode":"failure"}`, `{"mode":"normal"}`, `{"mode":"failure"}`},
		{
			"a mode for a time", nil, `PUT /admin/faults {"mode":"failure","ttl":"30s","owner":"me"}`,
			`{"mode":"normal"}`, `{"mode":{"mode":"failure","ttl":"30s","owner":"me"}}`,
		},
		{
			"the same mode for another time",
			[]string{`PUT /admin/faults {"mode":"failure","ttl":"30s"}`},
			`PUT /admin/faults {"mode":"failure"}`,
			`{"mode":{"mode":"failure","ttl":"30s"}}`, `{"mode":"failure"}`,
		},
		{
			"a mode on a lease", nil, `PUT /admin/faults {"modes":{"flaky":"failure"},"lease":{"id":"run-42","for":"5s"}}`,
			`{"leases":{},"modes":{}}`, `{"leases":{"run-42":"5s"},"modes":{"flaky":{"mode":"failure","lease":"run-42"}}}`,
		},
		{
			"a proxy given back for a time",
			[]string{`PUT /admin/faults {"modes":{"flaky":"failure"}}`},
			`PUT /admin/faults {"modes":{"flaky":null},"ttl":"1m"}`,
			`{"modes":{"flaky":"failure"}}`, `{"modes":{"flaky":{"mode":"","ttl":"1m0s"}}}`,
		},
		{"one of three rules", []string{abc}, `DELETE /admin/faults/rules/b`, `{"rules":[` + b + `]}`, `{"rules":[]}`},
		{"a rule patched", []string{abc}, `PATCH /admin/faults/rules/a {"percent":5}`, `{"rules":[` + a + `]}`, `{"rules":[` + strings.Replace(a, "100", "5", 1) + `]}`},
		{"a rule started anew", []string{abc}, `POST /admin/faults/rules/b/rearm`, `{"rules":[` + b + `]}`, `{"rules":[` + b + `]}`},
		{
			"a list for a time",
			[]string{abc},
			`PUT /admin/faults {"rules":[],"ttl":"30s","owner":"me"}`,
			`{"rules":[` + a + "," + b + "," + strings.Replace(a, `"a"`, `"c"`, 1) + `],"timed_rules":null}`,
			`{"rules":[],"timed_rules":{"ttl":"30s","owner":"me"}}`,
		},
		{"a profile", nil, `PUT /admin/faults {"profiles":{"odd":{"failure_rate":0.5}}}`, `{"profiles":{}}`, `{"profiles":{"odd":{"failure_rate":0.5}}}`},
		{"the lever", []string{`PUT /admin/faults {"mode":"failure","ttl":"30s"}`}, `PUT /admin/halt`, `{"halted":false,"mode":{"mode":"failure","ttl":"30s"}}`, `{"halted":true,"mode":"normal"}`},
		{"a proxy taken away", nil, `DELETE /admin/proxies/flaky`, ``, `{"proxies":[]}`},
		{"what is too long to repeat", nil, `PUT /admin/faults {"profiles":{"big":{"body":"` + strings.Repeat("x", 64<<10) + `"}}}`, `{"profiles":{}}`, `{"profiles":"(65555 bytes)"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			for _, line := range append(test.given, test.request) {
				part := strings.SplitN(line+" ", " ", 3)
				l.must(t, part[0], part[1], part[2])
			}
			list := l.changes(t, "", 0)
			if len(list) != len(test.given)+1 || list[0].Revision != uint64(len(list)) || time.Since(list[0].At) > time.Minute {
				t.Fatalf("got %+v", list)
			}
			was, is, _ := strings.Cut(parts(t, list[0]), "\n")
			if test.was != "" && was != test.was || is != test.is {
				t.Errorf("before %s\nwant   %s\nafter  %s\nwant   %s", was, test.was, is, test.is)
			}
		})
	}
}

func TestTheAuditTellsWho(t *testing.T) {
	for _, test := range []struct {
		name, from string
		fields     []string
		adjust     func(*admin.Server)
		by         string
	}{
		{"an address", "192.0.2.1:1000", nil, nil, "192.0.2.1:1000"},
		{"what others say of themselves", "192.0.2.1:1000", []string{"X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7", "X-Real-IP: 198.51.100.7"}, nil, "192.0.2.1:1000"},
		{"a unix socket", "@", nil, nil, "unix socket"},
		{"a token", "192.0.2.1:1000", []string{"Authorization: Bearer " + token}, withToken, "192.0.2.1:1000 (admin token)"},
		{"a token that nobody asked for", "192.0.2.1:1000", []string{"Authorization: Bearer x"}, nil, "192.0.2.1:1000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			audit := admin.NewAudit()
			controller := newController(t, control.Config{Engine: &engine{}, Policy: control.DefaultPolicy(), Publish: audit.Publish})
			server := &admin.Server{Controller: controller, Audit: audit}
			if test.adjust != nil {
				test.adjust(server)
			}
			fields := append(test.fields, "From: "+test.from)
			check(t, ask(t, server)("PUT", "/admin/faults", `{"mode":"failure"}`, fields...), want{200, nil, nil})
			check(t, ask(t, server)("GET", "/admin/audit", "", fields...), want{200, []string{`"by":"` + test.by + `"`}, nil})
		})
	}
}

// What is no change is not in the audit: reading, renewing, trying, being refused, doing what is done already.
func TestTheAuditHasChangesAlone(t *testing.T) {
	l := newLab(t)
	l.must(t, "PUT", "/admin/faults/rules/slow", held)
	l.must(t, "POST", "/admin/leases/run-42/renew", "")
	l.must(t, "GET", "/admin/faults", "")
	l.must(t, "PUT", "/admin/faults?dry_run=1", `{"mode":"failure"}`)
	l.must(t, "PUT", "/admin/faults", `{}`)
	l.do(t, "PUT", "/admin/faults", `{"mode":"nonsense"}`)
	if list := l.changes(t, "", 0); len(list) != 1 {
		t.Errorf("got %+v", list)
	}
}

// brokenStore saves until it is broken.
type brokenStore struct{ broken atomic.Bool }

func (s *brokenStore) Save(*control.State) error {
	if s.broken.Load() {
		return errors.New("input/output error")
	}
	return nil
}

func TestTheAuditOfAnExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		audit, began := admin.NewAudit(), time.Now()
		store := &brokenStore{}
		controller := newController(t, control.Config{Engine: &engine{}, Publish: audit.Publish, Store: store})
		ask := ask(t, &admin.Server{Controller: controller, Audit: audit})
		ask("PUT", "/admin/faults", `{"mode":"failure","rules":[{"name":"a","abort":503,"ttl":"20s"}],"lease":{"id":"run","for":"20s"}}`)
		store.broken.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		var got struct{ Changes []admin.Change }
		if err := json.Unmarshal([]byte(ask("GET", "/admin/audit?since=1h", "").body), &got); err != nil || len(got.Changes) != 3 {
			t.Fatalf("want one line for an hour of trouble: %+v, %v", got, err)
		}
		trouble, ended := got.Changes[0], got.Changes[1]
		if !strings.Contains(trouble.Error, "input/output error") || len(trouble.Before) != 0 || len(trouble.Ended) != 0 {
			t.Errorf("trouble: %+v", trouble)
		}
		if ended.By != "expiry" || fmt.Sprint(ended.Ended) != "[mode rules]" || ended.At.Sub(began) != 20*time.Second || ended.Revision != 2 {
			t.Errorf("expiry: %+v", ended)
		}
		for query, want := range map[string]int{
			"": 3, "?limit=1": 1, "?since=1": 2, "?since=2": 0, "?since=30m": 0, "?since=59m40s": 2, "?since=59m39s": 0, "?since=2h": 3,
			"?since=" + began.Add(20*time.Second).UTC().Format(time.RFC3339): 2,
		} {
			if err := json.Unmarshal([]byte(ask("GET", "/admin/audit"+query, "").body), &got); err != nil || len(got.Changes) != want {
				t.Errorf("%q: %d changes, want %d (%v)", query, len(got.Changes), want, err)
			}
		}
	})
}

func TestWithoutAnAudit(t *testing.T) {
	ask, _ := bubble(t)
	check(t, ask("GET", "/admin/audit", ""), want{200, []string{`{"changes":[]}`}, nil})
}
