package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"testing"
)

func TestEndingsEnd(t *testing.T) {
	for _, rule := range []string{`{"reset":{}}`, `{"truncate":1}`, `{"empty":{}}`, `{"malformed":"chunk"}`} {
		if !Ends(actionOf(t, rule)) {
			t.Errorf("%s does not end the exchange", rule)
		}
		set, counters := setOf(t, rule, `{"name":"behind","abort":503,"phase":"after"}`)
		if actions, _ := exchange(set, get("/")); len(actions) != 1 || counters[1].Status().Matched != 0 {
			t.Errorf("%s: got %+v, and behind it %+v", rule, actions, counters[1].Status())
		}
	}
}

// TestAResetInTheBodyActsAfter: at body there is no other phase; naming another one is a mistake.
func TestAResetInTheBodyActsAfter(t *testing.T) {
	for rule, want := range map[string]Phase{
		`{"reset":"body"}`: After, `{"reset":{"at":"body"},"phase":"after"}`: After,
		`{"kind":"reset","attributes":{"at":"body","after":5}}`: After,
		`{"reset":"start"}`: Before, `{"reset":"head","phase":"after"}`: After, `{"reset":{}}`: Before,
	} {
		if r := mustRule(t, rule); r.Phase != want {
			t.Errorf("%s acts in phase %s, want %s", rule, r.Phase, want)
		}
	}
}

func TestPartsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, c := range []struct{ given, written string }{
		{`10`, `10`},
		{`"10"`, `10`},
		{`"10B"`, `10`},
		{`"10KB"`, `10000`},
		{`"10 MB"`, `10000000`},
		{`0.5`, `0.5`},
		{`25e-2`, `0.25`},
		{`0`, `0`},
	} {
		rule := mustRule(t, `{"truncate":`+c.given+`}`)
		written, err := json.Marshal(rule.Attributes)
		if err != nil || string(written) != `{"after":`+c.written+`}` {
			t.Errorf("%s is written as %s, %v", c.given, written, err)
		}
	}
}

// TestPartsInGo: rules that were made in Go are held to the same bounds.
func TestPartsInGo(t *testing.T) {
	for _, part := range []*Part{nil, {Bytes: -1}, {Fraction: -0.1}, {Fraction: 1}, {Bytes: 1, Fraction: 0.5}, {Bytes: MaxCount + 1}} {
		if (&Truncate{After: part}).check(After) == nil {
			t.Errorf("%+v is accepted", part)
		}
	}
	if err := (&Truncate{After: &Part{}}).check(After); err != nil {
		t.Errorf("nothing of the body: %v", err)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		end    End
		length int64
		bytes  int64
		ok     bool
	}{
		{End{Bytes: 5}, 6, 5, true},
		{End{Bytes: 5}, 5, 5, false},
		{End{Bytes: 5}, 0, 5, false},
		{End{Bytes: 5}, -1, 5, true},
		{End{Bytes: 0}, 0, 0, false},
		{End{How: EndHang, Bytes: 5}, 5, 5, false},
		{End{How: EndReset, Bytes: 5}, 5, 5, true},
		{End{How: EndReset, Bytes: 5}, -1, 5, true},
		{End{Fraction: 0.5}, 9, 4, true},
		{End{Fraction: 0.5}, 1, 0, true},
		{End{Fraction: 0.5}, 0, 0, false},
		{End{Fraction: 0.5}, -1, 0, false},
		{End{How: EndReset, Fraction: 0.5}, -1, 0, false},
	} {
		if bytes, ok := c.end.Cut(c.length); bytes != c.bytes && ok || ok != c.ok {
			t.Errorf("%+v of %d: got %d, %t, want %d, %t", c.end, c.length, bytes, ok, c.bytes, c.ok)
		}
	}
}

// TestAWithdrawnEndingEndsNothing: the rules behind it are decided as if it had not hit.
func TestAWithdrawnEndingEndsNothing(t *testing.T) {
	set, counters := setOf(t, `{"truncate":5}`, `{"name":"behind","abort":503,"phase":"after"}`)
	v := get("/")
	var p Plan
	p.Begin(set, v)
	p.BeginAfter(v)
	if action, _ := p.Next(v); !Ends(action) {
		t.Fatalf("got %+v", action)
	}
	p.Withdraw()
	if action, _ := p.Next(v); !reflect.DeepEqual(action, actionOf(t, `{"abort":503}`)) {
		t.Errorf("behind it: got %+v", action)
	}
	p.Done()
	var why []Why
	for _, d := range p.Record().Decisions() {
		why = append(why, d.Why)
	}
	if want := []Why{WhyBody, ""}; !reflect.DeepEqual(why, want) {
		t.Errorf("recorded %q, want %q", why, want)
	}
	if got := counters[0].Status(); got.Hit != 0 || got.Active != 0 || got.Skipped.Body != 1 {
		t.Errorf("counted %+v", got)
	}
	if got := counters[1].Status(); got.Hit != 1 || got.Active != 0 {
		t.Errorf("behind it: counted %+v", got)
	}
}

// TestMalformedRepliesAreRefused by a client, each where it says.
func TestMalformedRepliesAreRefused(t *testing.T) {
	for as, inBody := range map[string]bool{"status_line": false, "header": false, "chunk": true, "garbage": false} {
		raw := actionOf(t, `{"malformed":"`+as+`"}`).(End).Raw
		reply, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if (err == nil) != inBody {
			t.Errorf("%s: the head is read with %v", as, err)
		}
		if err != nil {
			continue
		}
		if body, err := io.ReadAll(reply.Body); err == nil || len(body) > 0 {
			t.Errorf("%s: the body is read as %q, %v", as, body, err)
		}
		_ = reply.Body.Close()
	}
}
