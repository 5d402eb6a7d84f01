package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// plain is the proxy without a rule.
const plain = "no delay"

// lateAim is the lateness that 99 of 100 waits should stay under, on an idle machine.
const lateAim = 2 * time.Millisecond

// waitProxies have a delay each. n counts for each client, so that every wait is known in advance.
func waitProxies() []proxy {
	all := []proxy{{name: plain}}
	for _, latency := range []string{"1ms", "10ms", "100ms"} {
		all = append(all, proxy{name: latency, rule: document{"delay": latency}})
	}
	all = append(all,
		proxy{name: "10ms after", rule: document{"delay": "10ms", "phase": "after"}},
		proxy{name: "floor of 10ms", rule: document{"delay": document{"latency": "10ms", "mode": "floor"}}},
		proxy{name: "10ms on nethttp", engine: "nethttp", rule: document{"delay": "10ms"}},
	)
	for _, d := range spreads() {
		all = append(all, proxy{name: d.name, rule: document{"delay": d.delay}})
	}
	for i := range all {
		if all[i].rule != nil {
			all[i].rule["key"] = "header:X-Client"
		}
	}
	return all
}

const waitFormat = "%-16s %7s %10s %10s %10s %10s  %s\n"

// measureWaits holds the time that exchanges took against the wait that each was given.
func measureWaits(ctx context.Context, r *rig, out io.Writer, s sizes) error {
	fmt.Fprintf(out, "\ndelay on the wire: what a client measured less what was asked for, over %d connections at once\n", s.clients)
	row(out, waitFormat, "delay", "waits", "least", "p50", "p99", "most", "aim for p99")
	var broken error
	for _, p := range waitProxies() {
		late, err := r.lateness(ctx, p, s)
		if err != nil {
			return err
		}
		slices.Sort(late)
		p99, aim := quantile(late, 0.99), ""
		if p.rule != nil {
			aim = verdict(p99 < lateAim, "under "+lateAim.String())
			broken = join(broken, late[0] >= 0, "delay %s: a reply came %v early", p.name, -late[0])
		}
		row(out, waitFormat, p.name, fmt.Sprint(len(late)), millis(late[0]), millis(quantile(late, 0.5)), millis(p99),
			millis(late[len(late)-1]), aim)
	}
	return broken
}

// lateness makes all exchanges of a proxy and gives how much longer each took than it was to wait.
func (r *rig) lateness(ctx context.Context, p proxy, s sizes) ([]time.Duration, error) {
	all, err := r.clients(ctx, p.name, s.clients)
	if err != nil {
		return nil, err
	}
	late := make([][]time.Duration, len(all))
	err = each(all, func(i int, c *client) error {
		asked := make([]time.Duration, s.waits/len(all))
		if p.rule != nil {
			var err error
			if asked, err = foretell(p.rule.of(p.name), c.key, len(asked)); err != nil {
				return err
			}
		}
		for _, wait := range asked {
			status, took, err := c.get(ctx, "/")
			if err != nil || status != 200 {
				return errors.Join(fmt.Errorf("%s: status %d", p.name, status), err)
			}
			late[i] = append(late[i], took-wait)
		}
		return nil
	})
	return slices.Concat(late...), err
}
