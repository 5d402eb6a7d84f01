package faults_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// decode reads a rule as the admin API does.
func decode(text string) faults.Rule {
	var rule faults.Rule
	n, err := document.ParseJSON([]byte(text))
	if err == nil {
		err = document.Decode(n, &rule)
	}
	if err != nil {
		fmt.Println(err)
	}
	return rule
}

// show prints what a rule does to an exchange.
func show(text string) {
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: decode(text)}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	view := &faults.View{Method: "GET", Path: "/stock/7", Status: 200}
	var plan faults.Plan
	plan.Begin(set, view)
	defer plan.Done()
	action, _ := plan.Next(view)
	if action == nil {
		plan.BeginAfter(view)
		action, _ = plan.Next(view)
	}
	switch a := action.(type) {
	case faults.Answer:
		fmt.Printf("answer %d %s %s", a.Status, a.ContentType, a.Body)
		if a.GRPC != nil {
			fmt.Println("to a gRPC call:", a.ForGRPC().Header)
		}
	case faults.End:
		fmt.Printf("end %d raw %q body %t bytes %d fraction %v\n", a.How, a.Raw, a.Body, a.Bytes, a.Fraction)
	case faults.Body:
		body, err := a.Apply("", []byte(`{"price":7,"stock":3}`))
		fmt.Printf("body %s %v\n", body, err)
	default:
		fmt.Printf("%T %+v\n", a, a)
	}
}

// An executor asks for one exchange after the other: before the upstream is called, and when its reply is there.
func Example() {
	set, err := faults.Compile(faults.Config{
		Seed: 42,
		Entries: []faults.Entry{
			{Rule: decode(`{"name":"slow","delay":"300ms","match":{"path":"/stock/*"}}`), Counter: faults.NewCounter()},
			{Rule: decode(`{"name":"twice","abort":503,"first":2}`), Counter: faults.NewCounter()},
		},
		Protect: []string{"/health"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/stock/7", "/price/7", "/stock/8", "/health"} {
		view := &faults.View{Method: "GET", Path: faults.CleanPath(path), Now: time.Now()}
		var plan faults.Plan
		plan.Begin(set, view)
		fmt.Println("GET", path)
		for action, decision := plan.Next(view); action != nil; action, decision = plan.Next(view) {
			fmt.Printf("  %T by %s\n", action, faults.Attribution(decision))
		}
		for _, decision := range plan.Record().Decisions() {
			fmt.Println(" ", decision.Rule+":", cmp.Or(string(decision.Why), string(decision.Outcome)))
		}
		plan.Done()
	}
	// Output:
	// GET /stock/7
	//   faults.Wait by rule=slow; kind=delay; n=1
	//   faults.Answer by rule=twice; kind=abort; n=1
	//   slow: hit
	//   twice: hit
	// GET /price/7
	//   faults.Answer by rule=twice; kind=abort; n=2
	//   slow: match
	//   twice: hit
	// GET /stock/8
	//   faults.Wait by rule=slow; kind=delay; n=2
	//   slow: hit
	//   twice: selection
	// GET /health
	//   slow: protected
	//   twice: protected
}

func ExampleRule_DecodeDocument() {
	rule := decode(`{"proxy":"flaky","delay":"300ms","percent":50}`)
	fmt.Println(rule.Kind, rule.Phase, rule.Attributes.(*faults.Delay).Latency, rule.Percent)
	decode(`{"proxy":"flaky","delay":{"latancy":"300ms"}}`)
	decode(`{"proxy":"flaky","dely":"300ms"}`)
	// Output:
	// delay before 300ms 50
	// delay.latancy: unknown field, did you mean latency?
	// dely: unknown field, did you mean delay?
}

func ExampleDelay() {
	show(`{"delay":"300ms"}`)
	show(`{"name":"slow","delay":{"latency":"200ms","jitter":"50ms"}}`)
	show(`{"name":"slow","delay":{"p50":"20ms","p99":"300ms"}}`)
	show(`{"name":"slow","delay":{"quantiles":{"p0":"5ms","p50":"20ms","p99":"300ms","p100":"1s"}}}`)
	show(`{"delay":{"latency":"1s","mode":"floor"}}`)
	// Output:
	// faults.Wait {For:300ms}
	// faults.Wait {For:179.051614ms}
	// faults.Wait {For:10.520269ms}
	// faults.Wait {For:13.715484ms}
	// faults.Wait {For:1s}
}

func ExampleAbort() {
	show(`{"abort":503}`)
	show(`{"abort":{"status":429,"body":{"error":"slow down"},"headers":{"Retry-After":"1"}}}`)
	show(`{"abort":{"grpc_status":"UNAVAILABLE","grpc_message":"50 % are down"}}`)
	// Output:
	// answer 503 application/json {"message":"Service Unavailable"}
	// answer 429 application/json {"error":"slow down"}
	// answer 503 application/json {"message":"Service Unavailable"}
	// to a gRPC call: [{Grpc-Status 14} {Grpc-Message 50 %25 are down}]
}

func ExampleDegrade() {
	show(`{"degrade":{"merge":{"stock":null,"stale":true}}}`)
	show(`{"degrade":{"patch":[{"op":"replace","path":"/price","value":0}]}}`)
	show(`{"degrade":{"drop":["/stock"]}}`)
	show(`{"degrade":{"body":{"message":"fallback","data":[1,2,3]}},"phase":"before"}`)
	// Output:
	// body {"price":7,"stale":true} <nil>
	// body {"price":0,"stock":3} <nil>
	// body {"price":7} <nil>
	// answer 200 application/json {"message":"fallback","data":[1,2,3]}
}

// What remembers replies is shared by all Sets of a process, and is handed each reply as it passes.
func ExampleReplies() {
	entry := faults.Entry{Rule: decode(`{"degrade":{"stale":"5m"}}`), Counter: faults.NewCounter()}
	var replies faults.Replies
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{entry}, Replies: &replies})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	for _, body := range []string{`{"price":7}`, `{"price":8}`} {
		view := &faults.View{Method: "GET", Path: "/stock/7", Status: 200, Now: now}
		var plan faults.Plan
		plan.Begin(set, view)
		plan.BeginAfter(view)
		keeper := plan.Keeper(view)
		if recall, ok := next(&plan, view).(faults.Recall); ok {
			fmt.Printf("%s %v\n", recall.Body, recall.Header)
		}
		keeper.Add([]byte(body))
		keeper.Finish()
		plan.Done()
		now = now.Add(30 * time.Second)
	}
	replies.Retain() // no rule is left
	fmt.Println(replies.Taken(), "bytes")
	// Output:
	// {"price":7} [{Age 30}]
	// 0 bytes
}

// next gives the next action of a plan.
func next(plan *faults.Plan, view *faults.View) faults.Action {
	action, _ := plan.Next(view)
	return action
}

func ExampleBlackhole() {
	show(`{"blackhole":"5s"}`)
	// Output:
	// faults.Hold {For:5s}
}

func ExampleReset() {
	show(`{"reset":"start"}`)
	show(`{"reset":{"at":"body","after":"1KB"}}`)
	// Output:
	// end 1 raw "" body false bytes 0 fraction 0
	// end 1 raw "" body true bytes 1000 fraction 0
}

func ExampleTruncate() {
	show(`{"truncate":100}`)
	show(`{"truncate":{"after":0.5,"how":"hang"}}`)
	// Output:
	// end 0 raw "" body true bytes 100 fraction 0
	// end 2 raw "" body true bytes 0 fraction 0.5
}

func ExampleThrottle() {
	show(`{"throttle":"10KB"}`)
	show(`{"throttle":{"rate":500,"side":"both","scope":"rule"}}`)
	// Output:
	// faults.Pace {Rate:10000 Side:response Shared:false}
	// faults.Pace {Rate:500 Side:both Shared:true}
}

func ExampleDrip() {
	show(`{"drip":10}`)
	show(`{"drip":{"chunk":"1KB","interval":"1s"}}`)
	// Output:
	// faults.Pieces {Size:10 Interval:100ms}
	// faults.Pieces {Size:1000 Interval:1s}
}

func ExampleCorrupt() {
	body := []byte(`{"left":3,"name":"tea"}`)
	rule := decode(`{"corrupt":{"bytes":4,"where":"end"}}`)
	fmt.Println(rule.Kind, rule.Phase)
	flipper := faults.Flip{Where: "end", Bytes: 4, Seed: 42}.Of(int64(len(body)))
	flipper.Flip(body) // as much of the body as there is, piece by piece
	fmt.Println(len(body), string(body[:19]), json.Valid(body))
	// Output:
	// corrupt after
	// 23 {"left":3,"name":"t false
}

func ExamplePacer() {
	var pacer faults.Pacer
	pacer.Add(1000, &faults.Bucket{}) // bytes per second
	now, sent := time.Unix(0, 0), 0
	for sent < 1000 {
		n := pacer.Limit(1000 - sent)
		now = now.Add(pacer.Take(now, n)) // whoever sends waits for so long
		pacer.Sent(now, n)
		sent += n
	}
	fmt.Println(now.Sub(time.Unix(0, 0)))
	// Output:
	// 975ms
}

func ExampleEmpty() {
	show(`{"empty":{}}`)
	// Output:
	// end 0 raw "" body false bytes 0 fraction 0
}

func ExampleMalformed() {
	show(`{"malformed":"header"}`)
	// Output:
	// end 0 raw "HTTP/1.1 200 OK\r\nthis is no field\r\nContent-Length: 2\r\n\r\nok" body false bytes 0 fraction 0
}

// What a rate limit lets through it does not hit: under this one, only the first request of a second passes.
func ExampleRateLimit() {
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: decode(`{"rate_limit":1}`)}}})
	if err != nil {
		fmt.Println(err)
	}
	for range 2 {
		view := &faults.View{Method: "GET", Path: "/", Now: time.Unix(0, 0)}
		var plan faults.Plan
		plan.Begin(set, view)
		if refusal, ok := first(plan.Next(view)).(faults.Answer); ok {
			fmt.Println(refusal.Status, refusal.Header)
		}
		for _, decision := range plan.Record().Decisions() {
			fmt.Println(decision.Outcome, decision.Why)
		}
		plan.Done()
	}
	// Output:
	// skip room
	// 429 [{Retry-After 1}]
	// hit
}

func first(action faults.Action, _ faults.Decision) faults.Action { return action }

// The second exchange waits until the first is over, a third is refused.
func ExampleConcurrency() {
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: decode(`{"concurrency":{"max":1,"queue":1}}`)}}})
	if err != nil {
		fmt.Println(err)
	}
	view := &faults.View{Method: "GET", Path: "/"}
	plans := make([]faults.Plan, 3)
	for i := range plans {
		plans[i].Begin(set, view)
		fmt.Printf("%T\n", first(plans[i].Next(view)))
	}
	plans[0].Done()
	<-plans[1].Granted()
	plans[1].Done()
	// Output:
	// <nil>
	// faults.Acquire
	// faults.Answer
}

func ExampleDuplicate() {
	show(`{"duplicate":2}`)
	// Output:
	// faults.Repeat {Times:2}
}

func ExampleGoaway() {
	show(`{"goaway":{}}`)
	// Output:
	// faults.Leave {}
}

// Handshakes are decided by themselves, before there is a request.
func ExampleTLSFault() {
	rule := decode(`{"tls":"expired","match":{"sni":"stock.test"}}`)
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule}}})
	if err != nil {
		fmt.Println(err)
	}
	for _, name := range []string{"stock.test", "shop.test"} {
		view := &faults.View{SNI: name, Now: time.Unix(0, 0)}
		var plan faults.Plan
		plan.BeginHandshake(set, view)
		fmt.Printf("%s: %+v\n", name, first(plan.Next(view)))
		plan.Done()
	}
	// Output:
	// stock.test: {Flaw:expired}
	// shop.test: <nil>
}

func ExampleTrailers() {
	show(`{"trailers":{"drop":["X-Sum"],"set":{"X-Time":"0"}}}`)
	show(`{"trailers":{"drop":"all"}}`)
	// Output:
	// faults.Trailer {DropAll:false Drop:[X-Sum] Set:[{Name:X-Time Value:0}]}
	// faults.Trailer {DropAll:true Drop:[] Set:[]}
}

func ExampleHeaders() {
	show(`{"headers":{"request":{"set":{"X-Tenant":"beta"}},"response":{"remove":["ETag"]}}}`)
	// Output:
	// faults.Header {Request:{Set:[{Name:X-Tenant Value:beta}] Add:[] Remove:[]} Response:{Set:[] Add:[] Remove:[ETag]}}
}

// A recorded decision can be replayed: this is the chance that it had.
func ExampleRoll() {
	for n := uint64(1); n <= 3; n++ {
		roll := faults.Roll(42, "flaky", "slow", "", n, 0)
		fmt.Printf("exchange %d: %.4f, hit by a rule of 20 percent: %t\n", n, roll, roll < 0.2)
	}
	// Output:
	// exchange 1: 0.0693, hit by a rule of 20 percent: true
	// exchange 2: 0.2286, hit by a rule of 20 percent: false
	// exchange 3: 0.1936, hit by a rule of 20 percent: true
}

func ExampleWebSocket() {
	view := &faults.View{Method: "GET", Path: "/feed", Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}}
	for _, text := range []string{`{"websocket":{"cut_after":{"messages":3},"how":"reset"}}`, `{"websocket":{"refuse":503}}`} {
		set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: decode(text)}}})
		if err != nil {
			fmt.Println(err)
		}
		var plan faults.Plan
		plan.Begin(set, view)
		switch action, _ := plan.Next(view); a := action.(type) {
		case faults.Socket:
			fmt.Printf("cut after %d messages, ending %d\n", a.Messages, a.How)
		case faults.Answer:
			fmt.Println("answer", a.Status)
		}
		plan.Done()
	}
	// Output:
	// cut after 3 messages, ending 1
	// answer 503
}
