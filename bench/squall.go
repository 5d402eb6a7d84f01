package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/squall-proxy/squall/internal/program"
)

// setup is how a squall runs. The zero setup has no rules, writes no log lines and uses the default engine.
type setup struct {
	strangers int  // rules that never match
	abort     int  // percent of the exchanges that a rule answers with 503; 0 = no such rule
	logging   bool // a JSON line for each exchange, to where nobody reads it
	unjudged  bool // keeps no exchanges for verdicts
	engine    string
	rule      document // one more; nil = none
}

// startSquall starts squall. Unless it logs, it says on our standard error what goes wrong.
func startSquall(how setup) func(context.Context, *lab) (*process, error) {
	return func(ctx context.Context, l *lab) (*process, error) {
		addr, err := program.FreeAddr()
		if err != nil {
			return nil, err
		}
		config, err := squallConfig(addr, l.upstream.Addr, how)
		if err != nil {
			return nil, err
		}
		level := "info"
		if !how.logging {
			level = "warn"
		}
		admin, err := program.FreeAddr()
		if err != nil {
			return nil, err
		}
		options := []string{"--log-level", level}
		if how.unjudged {
			options = append(options, "--verdict-history", "0")
		}
		cmd := program.Serve(l.binary, config, admin, options...)
		if !how.logging {
			cmd.Stderr = os.Stderr
		}
		p, err := start(ctx, cmd, addr, l.procs)
		if err != nil {
			return nil, err
		}
		p.admin = admin
		return p, nil
	}
}

// document is a JSON object.
type document map[string]any

// squallConfig is a squall.yaml with one proxy and the rules that are asked for.
func squallConfig(listen, upstream string, how setup) (string, error) {
	proxy := document{"name": "items", "protocol": "http", "listen": listen, "upstream": "http://" + upstream}
	if how.engine != "" {
		proxy["engine"] = how.engine
	}
	rules := strangers(how.strangers)
	if how.abort > 0 {
		rules = append(rules, document{"name": "abort", "abort": 503, "percent": how.abort})
	}
	if how.rule != nil {
		rules = append(rules, how.rule)
	}
	text, err := json.Marshal(document{"seed": 1, "proxies": []document{proxy}, "rules": rules})
	return string(text), err
}

// strangers makes rules none of which matches [usualRequest], in the mix that a system of many services and tests has.
// Some agree with the request in all but one point; some cannot be found by a table of exact texts (prefixes, regular
// expressions, a method alone); some wait for the reply.
func strangers(n int) []document {
	rules := []document{}
	for i := range n {
		rule := stranger(i)
		rule["name"] = fmt.Sprintf("stranger-%d", i)
		rules = append(rules, rule)
	}
	return rules
}

func stranger(i int) document {
	switch i % 10 {
	case 0, 1: // another service
		return document{"abort": 503, "match": document{"path": fmt.Sprintf("/api/v1/orders/%d/**", i)}}
	case 2: // another item
		return document{"delay": "50ms", "match": document{"path": fmt.Sprintf("/api/v1/items/%d", 1000+i)}}
	case 3: // another method
		return document{"abort": 409, "percent": 50, "match": document{
			"methods": []string{"PUT", "DELETE"}, "path": fmt.Sprintf("/api/v%d/items/*", 1+i%3),
		}}
	case 4, 5: // another tenant
		return document{"abort": 503, "percent": 20, "match": document{"headers": document{"X-Tenant": fmt.Sprintf("tenant-%d", i)}}}
	case 6: // a header that is not there
		return document{"delay": "1s", "match": document{"headers": document{"X-Test-Run": fmt.Sprintf("run-%d", i)}}}
	case 7: // another client
		return document{"abort": 429, "match": document{"headers": document{"User-Agent": document{"prefix": fmt.Sprintf("robot-%d/", i)}}}}
	case 8: // paths that only a regular expression tells apart
		return document{"abort": 500, "match": document{"path": document{"regex": fmt.Sprintf("^/internal/[a-z]+/%d$", i)}}}
	default: // another reply
		return document{"abort": 502, "phase": "after", "match": document{
			"path": "/api/v1/**", "response": document{"status": 500 + i%4},
		}}
	}
}
