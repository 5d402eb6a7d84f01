package squalltest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/squalltest"
)

// TestOptionsSelect: which of 100 requests are hit.
func TestOptionsSelect(t *testing.T) {
	url, _ := stock(t)
	for name, c := range map[string]struct {
		options []squalltest.Option
		hits    int
		begin   string // of what became of them
	}{
		"burst":           {[]squalltest.Option{squalltest.Burst(2, 3)}, 40, "xx---xx---"},
		"max_consecutive": {[]squalltest.Option{squalltest.MaxConsecutive(2)}, 67, "xx-xx-xx-x"},
		"exactly":         {[]squalltest.Option{squalltest.Exactly(30)}, 30, ""},
	} {
		p := squalltest.New(t, url)
		fault := p.Abort(503, c.options...)
		got := ""
		for range 100 {
			if response, _ := get(t, p.URL); response.StatusCode == 503 {
				got += "x"
			} else {
				got += "-"
			}
		}
		if fault.Hits() != c.hits || got[:len(c.begin)] != c.begin {
			t.Errorf("%s: %d hits: %s", name, fault.Hits(), got)
		}
	}
}

// TestAFloorOnTheWire: the request is at the upstream at once, and the reply not at the client before its time.
func TestAFloorOnTheWire(t *testing.T) {
	const floor = 300 * time.Millisecond
	arrived := make(chan time.Time, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- time.Now()
		time.Sleep(floor / 2) // within the floor, so that the two do not add up
	}))
	defer upstream.Close()
	p := squalltest.New(t, upstream.URL)
	fault := p.Arm(faults.Rule{
		Kind: "delay", Phase: faults.After, Percent: 100, Enabled: true,
		Attributes: &faults.Delay{Latency: faults.Duration(floor), Mode: "floor"},
	})
	begin := time.Now()
	if response, _ := get(t, p.URL); response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
	if took := time.Since(begin); took < floor {
		t.Errorf("the reply came after %v", took)
	}
	if reached := (<-arrived).Sub(begin); reached >= floor {
		t.Errorf("the request reached the upstream after %v", reached)
	}
	if fault.Hits() != 1 {
		t.Errorf("%d hits", fault.Hits())
	}
}

// TestEditsOfTheReply: every edit reaches the client, and one that changes nothing has not hit.
func TestEditsOfTheReply(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.Patch([]map[string]any{{"op": "add", "path": "/tags", "value": []int{1, 2, 3}}})
	p.CutLists(1)
	p.Drop([]string{"/left"})
	p.Null([]string{"/name"})
	unused := p.Drop([]string{"/nothing"}, squalltest.Named("unused"), squalltest.MayMiss())
	if _, body := get(t, p.URL); body != `{"name":null,"tags":[1]}` || unused.Hits() != 0 {
		t.Errorf("got %s, %d hits of what changes nothing", body, unused.Hits())
	}
}

// TestWebSocketsBreak: the second one ends behind its first message; what is no WebSocket passes.
func TestWebSocketsBreak(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer socket.CloseNow()
		for _, message := range []string{"one", "two"} {
			_ = socket.Write(r.Context(), websocket.MessageText, []byte(message)) // the client may be cut off
		}
		_, _, _ = socket.Read(r.Context()) // until its end
	}))
	t.Cleanup(server.Close)
	p := squalltest.New(t, server.URL)
	p.RefuseWebSocket(503, squalltest.First(1))
	p.CutWebSocket(1)
	if _, reply, err := websocket.Dial(t.Context(), p.URL, nil); err == nil || reply.StatusCode != 503 {
		t.Errorf("the first: %v, %v", reply, err)
	}
	socket, _, err := websocket.Dial(t.Context(), p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if _, message, err := socket.Read(t.Context()); err != nil || string(message) != "one" {
		t.Errorf("the first message: %q, %v", message, err)
	}
	if _, message, err := socket.Read(t.Context()); err == nil || websocket.CloseStatus(err) != -1 {
		t.Errorf("behind the cut: %q, %v", message, err)
	}
	if response, _ := get(t, p.URL); response.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("no WebSocket: status %d", response.StatusCode)
	}
}

// TestBodyOfTheRequest: only orders that are paid are refused.
func TestBodyOfTheRequest(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.Abort(503, squalltest.Body("/paid", true), squalltest.Body("/items/0/sku", "tea"))
	for body, want := range map[string]int{
		`{"items":[{"sku":"tea"}],"paid":true}`:  503,
		`{"items":[{"sku":"tea"}],"paid":false}`: 200,
		`{"items":[],"paid":true}`:               200,
		`paid`:                                   200,
	} {
		response, err := http.Post(p.URL, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", body, response.StatusCode, want)
		}
	}
}

func TestRetryAfterOnTheWire(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.Arm(faults.Rule{
		Kind: "abort", Phase: faults.Before, Percent: 100, Enabled: true,
		Attributes: &faults.Abort{Status: 503, RetryAfter: &faults.RetryAfter{From: 5, To: 5, Date: true}},
	})
	begin := time.Now().Truncate(time.Second)
	response, _ := get(t, p.URL)
	at, err := http.ParseTime(response.Header.Get("Retry-After"))
	if err != nil || at.Before(begin.Add(5*time.Second)) {
		t.Errorf("Retry-After is %q, asked at %v", response.Header.Get("Retry-After"), begin.UTC())
	}
	p2 := squalltest.New(t, url)
	p2.Abort(503)
	if response, _ := get(t, p2.URL); response.Header.Get("Retry-After") != "" {
		t.Errorf("Retry-After is %q although none was asked for", response.Header.Get("Retry-After"))
	}
}

// TestHitsAfterAnotherSeed are counted anew.
func TestHitsAfterAnotherSeed(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	fault := p.Abort(503)
	get(t, p.URL)
	p.Seed(2)
	if got := fault.Hits(); got != 0 {
		t.Errorf("%d hits before there was a request", got)
	}
	get(t, p.URL)
	get(t, p.URL)
	if got := fault.Hits(); got != 2 {
		t.Errorf("%d hits, want 2", got)
	}
	once := p.Abort(500, squalltest.First(1), squalltest.Named("once"), squalltest.Path("/once"))
	fault.Disarm()
	get(t, p.URL+"/once")
	p.Seed(3) // and it does not hit again
	if got := once.Hits(); got != 0 {
		t.Errorf("%d hits", got)
	}
}
