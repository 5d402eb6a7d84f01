package admin_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/proxy"
)

// ids lists the exchanges of an answer.
func ids(exchanges []admin.Exchange) []uint64 {
	list := []uint64{}
	for _, e := range exchanges {
		list = append(list, e.ID)
	}
	return list
}

func TestExchanges(t *testing.T) {
	l := newLab(t)
	l.must(t, "PUT", "/admin/faults/rules/shop", `{"abort":503,"match":{"path":"/shop"}}`)
	l.must(t, "PUT", "/admin/faults/rules/off", `{"abort":503,"enabled":false}`)
	now := time.Now().UTC()
	for i, e := range []proxy.Exchange{
		{Proxy: "flaky", At: now.Add(-time.Hour), Outcome: proxy.Injected, Faults: l.decide(t, "flaky", "/shop")},
		{Proxy: "flaky", At: now.Add(-time.Minute), Outcome: proxy.OK, Faults: l.decide(t, "flaky", "/other")},
		{Proxy: "hello", At: now.Add(-time.Second), Outcome: proxy.RealError, Error: "refused"},
	} {
		e.ID = uint64(i + 1)
		l.Recent.Add(&e)
	}
	yes, no := true, false
	client := l.client(t)
	for _, test := range []struct {
		name   string
		filter admin.ExchangeFilter
		want   []uint64
	}{
		{"all, the latest first", admin.ExchangeFilter{}, []uint64{3, 2, 1}},
		{"limit", admin.ExchangeFilter{Limit: 2}, []uint64{3, 2}},
		{"limit beyond all", admin.ExchangeFilter{Limit: 1000}, []uint64{3, 2, 1}},
		{"proxy", admin.ExchangeFilter{Proxy: "flaky"}, []uint64{2, 1}},
		{"outcome", admin.ExchangeFilter{Outcome: "real_error"}, []uint64{3}},
		{"hit", admin.ExchangeFilter{Hit: &yes}, []uint64{1}},
		{"not hit", admin.ExchangeFilter{Hit: &no}, []uint64{3, 2}},
		{"decided for a rule", admin.ExchangeFilter{Rule: "shop"}, []uint64{2, 1}},
		{"hit by a rule", admin.ExchangeFilter{Rule: "shop", Hit: &yes}, []uint64{1}},
		{"not hit by a rule", admin.ExchangeFilter{Rule: "shop", Hit: &no}, []uint64{2}},
		{"hit by another rule", admin.ExchangeFilter{Rule: "off", Hit: &yes}, []uint64{}},
		{"since an instant", admin.ExchangeFilter{Since: now.Add(-time.Minute).Format(time.RFC3339Nano)}, []uint64{3, 2}},
		{"since a time back", admin.ExchangeFilter{Since: "30m"}, []uint64{3, 2}},
		{"since an exchange", admin.ExchangeFilter{Since: "1"}, []uint64{3, 2}},
		{"since the last", admin.ExchangeFilter{Since: "3"}, []uint64{}},
		{"since a forgotten one", admin.ExchangeFilter{Since: "77"}, []uint64{3, 2, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := client.Exchanges(t.Context(), test.filter)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, ids(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A list since something says when it may not be whole: the limit was reached, or older ones are forgotten.
func TestAListSaysThatItIsNotWhole(t *testing.T) {
	l := newLab(t, func(s *admin.Server) { s.Recent = admin.NewRecent(3, 3) })
	now := time.Now().UTC().Truncate(time.Second)
	add := func(id uint64) {
		e := proxy.Exchange{ID: id, Proxy: []string{"hello", "flaky"}[id%2], At: now.Add(time.Duration(id) * time.Second), Attempt: proxy.Attempt{ClosedBy: proxy.ByProxy}}
		l.Recent.Add(&e)
	}
	add(1)
	add(2)
	truncated := func(query string, want bool) {
		t.Helper()
		body := l.must(t, "GET", "/admin/exchanges?"+query, "").body
		if strings.Contains(body, `"truncated": true`) != want {
			t.Errorf("%s: %s, want truncated %v", query, body, want)
		}
	}
	before, at3 := now.Format(time.RFC3339), now.Add(3*time.Second).Format(time.RFC3339)
	truncated("", false)
	truncated("limit=1", false) // the latest, which is what was asked for
	truncated("since="+before, false)
	truncated("since="+before+"&limit=1", true)
	truncated("since="+before+"&limit=1&proxy=flaky", false)
	truncated("since=1&limit=1", false)
	truncated("since=77", true)
	add(3)
	add(4)
	truncated("since=2", false)
	truncated("since=1", true)
	truncated("since="+before, true)
	truncated("since="+at3, false)
	for since, want := range map[string]bool{"": false, "&since=" + before: true, "&since=" + at3: false} { // of a verdict, too
		body := l.must(t, "GET", "/admin/verdict?format=json"+since, "").body
		if strings.Contains(body, `"overrun": true`) != want {
			t.Errorf("%q: want overrun %v: %.200s", since, want, body)
		}
	}
	if body := l.must(t, "GET", "/admin/exchanges", "").body; !strings.Contains(body, `"closed_by": "proxy"`) {
		t.Errorf("nobody has ended it: %s", body)
	}
}

func TestTheShapeOfAnExchange(t *testing.T) {
	l := newLab(t)
	l.must(t, "PUT", "/admin/faults", `{"rules":[{"name":"late","delay":"1ms"},{"name":"no","abort":500,"percent":0},{"name":"end","abort":503}]}`)
	l.Recent.Add(&proxy.Exchange{
		ID: 7, Proxy: "flaky", At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Client: "192.0.2.1:5", Method: "GET",
		Host: "flaky:6055", Path: "/<x>&", RequestID: "abc", Status: 503, RequestBytes: 1, ResponseBytes: 37,
		Duration: 1500 * time.Microsecond, Outcome: proxy.Injected, Delayed: true, Faulted: true,
		Faults: l.decide(t, "flaky", "/"),
		Front:  &proxy.Front{Peer: "192.0.2.1", Name: "nginx", Client: netip.MustParseAddr("203.0.113.9")},
	})
	const want = `{
  "exchanges": [
    {
      "id": 7,
      "proxy": "flaky",
      "at": "2026-01-02T03:04:05.000006Z",
      "client": "192.0.2.1:5",
      "method": "GET",
      "host": "flaky:6055",
      "path": "/<x>&",
      "status": 503,
      "request_bytes": 1,
      "response_bytes": 37,
      "duration": "1.5ms",
      "upstream_duration": "0s",
      "upstream_attempts": 0,
      "outcome": "injected",
      "flags": [
        "DI",
        "FI"
      ],
      "request_id": "abc",
      "front": {
        "peer": "192.0.2.1",
        "name": "nginx",
        "client": "203.0.113.9"
      },
      "faults": [
        {
          "rule": "late",
          "kind": "delay",
          "decision": "hit",
          "n": 1
        },
        {
          "rule": "no",
          "kind": "abort",
          "decision": "skip",
          "why": "roll"
        },
        {
          "rule": "end",
          "kind": "abort",
          "decision": "hit",
          "n": 1
        }
      ]
    }
  ]
}
`
	if diff := cmp.Diff(want, l.must(t, "GET", "/admin/exchanges", "").body); diff != "" {
		t.Error(diff)
	}
}

func TestRecentForgetsTheOldest(t *testing.T) {
	l := newLab(t) // remembers ten
	for i := range 25 {
		l.Recent.Add(&proxy.Exchange{ID: uint64(i + 1), Path: strings.Repeat("é", 600)})
	}
	got, err := l.client(t).Exchanges(t.Context(), admin.ExchangeFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{25, 24, 23, 22, 21, 20, 19, 18, 17, 16}; !cmp.Equal(ids(got), want) {
		t.Errorf("got %v, want %v", ids(got), want)
	}
	if want := strings.Repeat("é", 512) + "…"; got[0].Path != want {
		t.Errorf("a long path was kept as %d bytes", len(got[0].Path))
	}
}

func TestRecentIsAddedToWhileItIsRead(t *testing.T) {
	l := newLab(t)
	client := l.client(t)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 500 {
				l.Recent.Add(&proxy.Exchange{ID: uint64(w*1000 + i), Proxy: fmt.Sprint(w)})
			}
		})
	}
	for range 20 {
		if _, err := client.Exchanges(t.Context(), admin.ExchangeFilter{}); err != nil {
			t.Error(err)
		}
	}
	writers.Wait()
}

func BenchmarkRecentAdd(b *testing.B) {
	recent := admin.NewRecent(1000, 5000)
	e := proxy.Exchange{ID: 1, Proxy: "flaky", Method: "GET", Path: "/", Outcome: proxy.OK}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			recent.Add(&e)
		}
	})
}
