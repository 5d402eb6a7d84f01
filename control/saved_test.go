package control

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawState makes a state by random documents: modes, lists and rules, timed and not, owned and not, one over the other.
func drawState(t *rapid.T) *State {
	s := stateWith("a", "b", "x.y")
	s.Revision = rapid.Uint64().Draw(t, "revision")
	s.Seed = rapid.Uint64().Draw(t, "seed")
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	rules := func() string {
		var list []string
		for range rapid.IntRange(0, 3).Draw(t, "rules") {
			list = append(list, pick("rule",
				`{"abort":503}`, `{"proxy":"a","delay":{"latency":"1s","jitter":"5ms"},"percent":0.0001}`,
				`{"abort":{"status":500,"body":{"a":[1,2.50,1e3,"\u2028<>&"]},"headers":{"X-A":"b"}},"ttl":"24h","owner":"o"}`,
				`{"proxy":"x.y","degrade":{"body":null},"enabled":false,"shadow":true,"ttl":"1ns"}`,
				`{"match":{"path":["/a/*",{"regex":"^/b"}],"headers":{"X":{"absent":true}},"query":{"q":"1"}},"except":{"methods":["GET"]},"delay":"1m"}`,
				`{"degrade":{"merge":{"a":null}},"key":"header:X-Id","skip":1,"first":2,"every":3,"max_total":9007199254740991,"max_active":1}`,
				`{"headers":{"request":{"set":{"A":"b"}}},"percent":99.9999}`, `{"blackhole":{},"phase":"after","percent":0}`,
			))
		}
		return strings.Join(list, ",")
	}
	for range rapid.IntRange(0, 6).Draw(t, "changes") {
		ttl := pick("ttl", `"0s"`, `"1ms"`, `"17m3s"`, `"24h"`)
		owner := pick("owner", `"me"`, `"someone else"`)
		text := pick("change",
			`{"mode":"failure","owner":`+owner+`,"ttl":`+ttl+`}`, `{"mode":"normal","owner":`+owner+`}`,
			`{"modes":{"a":"fallback","x.y":{"mode":"failure","ttl":"5s"}},"owner":`+owner+`,"ttl":`+ttl+`}`, `{"modes":{"a":null},"ttl":`+ttl+`}`,
			`{"rules":[`+rules()+`],"owner":`+owner+`,"ttl":`+ttl+`}`, `{"rules":[`+rules()+`]}`,
			`{"profiles":{"p":{"failure_rate":0.123456},"q":{"body":"text\n","rules":[{"name":"n","abort":500}]}}}`, "rule",
		)
		if text != "rule" {
			text = strings.ReplaceAll(text, `,"ttl":"0s"`, "") // which stands for none here
			d, err := tryParse[Document](text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if err := s.Apply(d, t0); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			continue
		}
		r := abort("", pick("proxy", "", "a", "b"))
		r.TTL = ttlHold(0, t0).TTL
		if ttl != `"0s"` {
			r = withTTL(r, time.Hour)
		}
		proxyName := r.Proxy
		if proxyName == "" {
			proxyName = AnyProxy
		}
		if _, err := s.PutRule(Address{Name: pick("name", "abort-1", "delay-1", "n"), Proxy: &proxyName}, r, "", t0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryStateIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	store := open(t, path)
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		if err := store.Save(s); err != nil {
			t.Fatal(err)
		}
		loaded, damage, err := store.Load(t0)
		if err != nil || damage != nil {
			t.Fatal(damage, err)
		}
		was, is := asText(t, s), asText(t, loaded)
		if was != is {
			t.Fatalf("saved\n%s\nloaded\n%s", was, is)
		}
		// It goes on alike, too.
		for _, at := range []time.Duration{time.Millisecond, 5 * time.Second, time.Hour, 24 * time.Hour} {
			s.expire(after(at))
			loaded.expire(after(at))
			if was, is := asText(t, s), asText(t, loaded); was != is {
				t.Fatalf("after %v: saved\n%s\nloaded\n%s", at, was, is)
			}
		}
	})
}

func asText(t *rapid.T, s *State) string {
	text, err := encodeState(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTimeGoesOnWhileSquallIsDown(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"mode":"failure","ttl":"30s"}`, t0)
	put(t, s, `{"rules":[{"name":"x","abort":503,"ttl":"10s"},{"name":"y","abort":503}]}`, t0)
	for _, tt := range []struct {
		name string
		now  time.Time // of the start, by the wall clock
		mode time.Duration
		want string
	}{
		{"at once", t0, 30 * time.Second, "~x@* y@*"},
		{"later", after(9 * time.Second), 21 * time.Second, "~x@* y@*"},
		{"after an end", after(10 * time.Second), 20 * time.Second, "y@*"},
		{"after all", after(time.Hour), 0, "y@*"},
		{"the clock was set back", after(-100 * time.Hour), 30 * time.Second, "~x@* y@*"},
	} {
		saved, err := encodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := decodeState(saved, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		loaded.expire(tt.now)
		check(t, loaded)
		left := loaded.Mode.Hold.Until.Sub(tt.now)
		if tt.mode == 0 && loaded.Mode.Hold.Timed() || tt.mode != 0 && left != tt.mode || rulesOf(loaded) != tt.want {
			t.Errorf("%s: %v left of mode %s, rules %s", tt.name, left, loaded.Mode.Name, rulesOf(loaded))
		}
	}
}

func FuzzState(f *testing.F) {
	for n := range uint64(3) {
		content, err := renderState(numbered(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		_, body, _ := bytes.Cut(content, []byte("\n"))
		f.Add(body)
	}
	s := stateWith("a")
	put(f, s, `{"mode":"failure","modes":{"a":"fallback"},"rules":[{"abort":503,"ttl":"5s"}],"ttl":"1h","lease":{"id":"l","for":"5s"}}`, t0)
	put(f, s, `{"profiles":{"p":{"failure_rate":0.5,"body":[1],"rules":[{"delay":"1s"}]}},"mode":"p","ttl":"1m"}`, t0)
	body, err := encodeState(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Fuzz(func(t *testing.T, content []byte) {
		_, _ = parseState(content, t0)
		s, err := decodeState(content, t0) // as if the checksum were right
		if err != nil {
			return
		}
		s.expire(t0)
		s.settle()
		if _, err := s.endpoints(nil, nil); err != nil {
			t.Fatalf("a state that was accepted cannot run: %v", err)
		}
		written, err := encodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeState(written, t0)
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, written)
		}
		if rewritten, err := encodeState(again); err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("written\n%s\nread and written\n%s", written, rewritten)
		}
		for next := s.nextEnd(); !next.IsZero(); next = s.nextEnd() {
			if s.expire(next); s.nextEnd().Equal(next) {
				t.Fatalf("what ends at %v does not end", next)
			}
		}
	})
}
