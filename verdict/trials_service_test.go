package verdict_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// serviceTrials are about slow services, second requests and connections.
func serviceTrials() []trial {
	return []trial{
		{
			id: "D13", rate: 1, lead: hanging(verdicttest.Answer{Wait: time.Hour}), after: 40 * time.Second,
			good: func(l *lab) call { return l.client(client{timeout: 2 * time.Second}).get },
			bad:  func(l *lab) call { return l.client(client{}).get },
		},
		{
			id: "D13", variant: " in the body", rate: 1, after: 40 * time.Second,
			lead: hanging(verdicttest.Answer{Status: 200, Body: "late", Stall: 50 * time.Second}),
			good: func(l *lab) call { return l.client(client{timeout: 2 * time.Second}).get },
			bad:  func(l *lab) call { return l.client(client{}).get },
		},
		{
			id: "D13", variant: " at a drip", rate: 1, after: 40 * time.Second,
			lead: hanging(verdicttest.Answer{Status: 200, Body: strings.Repeat("x", 60), Drip: time.Second}),
			good: func(l *lab) call { return l.client(client{timeout: 2 * time.Second}).get },
			bad:  func(l *lab) call { return l.client(client{}).get },
		},
		{
			id: "D14", rate: 5, after: 30 * time.Second, lead: slow(5*time.Second, 1),
			good: func(l *lab) call { return l.spared(client{timeout: time.Second}).get },
			bad:  func(l *lab) call { return l.spared(client{timeout: time.Second, forgets: true}).get },
		},
		{
			id: "D23", after: 10 * time.Second, lead: slow(2*time.Second, 0.05),
			good: func(l *lab) call { return l.hedge(200*time.Millisecond, true) },
			bad:  func(l *lab) call { return l.hedge(5*time.Millisecond, true) },
		},
		{
			id: "D23", variant: " with losers left", after: 10 * time.Second, lead: slow(4*time.Second, 0.05),
			good: func(l *lab) call { return l.hedge(200*time.Millisecond, true) },
			bad:  func(l *lab) call { return l.hedge(200*time.Millisecond, false) },
		},
		{
			id: "D24", lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{keepsBody: true}).get },
		},
		{
			id: "D24", variant: " unread", lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{closesBody: true}).get },
		},
		{
			id: "D24", variant: " unread and large", lead: large(5 * time.Second), after: 20 * time.Second, want: verdict.Warn,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{closesBody: true}).get },
		},
		{
			id: "D25", lead: cut(6 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad:  func(l *lab) call { return l.spared(client{attempts: 20, pause: fixed(50 * time.Millisecond)}).get },
		},
	}
}

// hanging answers nothing in time, for as long as a few calls take.
func hanging(answer verdicttest.Answer) func(*lab) {
	answer.Injected = true
	name := "blackhole"
	if answer.Drip > 0 {
		name = "drip"
	}
	return func(l *lab) {
		l.Lead(verdicttest.Fault(name, 1), 10*time.Second, func(verdicttest.Arrival) verdicttest.Answer { return answer })
		l.Lead(verdicttest.Recovery(), time.Second, l.fine)
	}
}

// slow delays a share of the replies.
func slow(by time.Duration, share float64) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("delay "+by.String(), share), 10*time.Second, func(a verdicttest.Arrival) verdicttest.Answer {
			answer := l.fine(a)
			if share == 1 || a.N%20 == 0 {
				answer.Wait, answer.Delayed = by, true
			}
			return answer
		})
	}
}

// large refuses with replies that are long to read.
func large(length time.Duration) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("abort 503", 1), length, func(verdicttest.Arrival) verdicttest.Answer {
			return verdicttest.Answer{Wait: time.Millisecond, Status: 503, Body: strings.Repeat("x", 20_000), Injected: true}
		})
	}
}

// cut ends every connection.
func cut(length time.Duration) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("reset", 1), length, func(verdicttest.Arrival) verdicttest.Answer {
			return verdicttest.Answer{Wait: time.Millisecond, Injected: true}
		})
		l.Lead(verdicttest.Recovery(), 10*time.Second, l.fine)
	}
}

// hedge makes a second request after a delay, and takes the first reply; the other is cancelled, or left.
func (l *lab) hedge(delay time.Duration, cancels bool) call {
	c := l.client(client{})
	return func(ctx context.Context, i int) {
		one, cancel := context.WithCancel(ctx)
		defer cancel()
		got := make(chan int, 2)
		try := func() {
			defer l.Done.Done()
			status, _, _ := c.do(one, i, "GET", fmt.Sprintf("/stock/%d", i), "")
			got <- status
		}
		l.Done.Add(1)
		go try()
		select {
		case <-got:
			return
		case <-time.After(delay):
		}
		l.Done.Add(1)
		go try()
		<-got
		if !cancels {
			<-got
		}
	}
}
