package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// MaxWait bounds how long GET /admin/wait waits; without a timeout it waits for defaultWait.
const (
	MaxWait     = 60 * time.Second
	defaultWait = 5 * time.Second
)

// rulesView is the answer to GET /admin/faults/rules.
type rulesView struct {
	Rules    []control.RuleView `json:"rules"`
	Revision uint64             `json:"revision"`
}

// getRules answers GET /admin/faults/rules.
func (d *desk) getRules(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	s := d.Controller.State()
	return answer{body: rulesView{s.View(time.Now()).Rules, s.Revision}, revision: &s.Revision}, nil
}

// ruleAddressed reads which rule a request is about, and its parameters: those that every change of one takes, and more.
func ruleAddressed(r *http.Request, more ...string) (params, control.Address, error) {
	p, err := readParams(r, append(more, "dry_run", "proxy")...)
	if err != nil {
		return nil, control.Address{}, err
	}
	at, err := p.address(pathName(r))
	return p, at, err
}

// getRule answers GET /admin/faults/rules/{name}.
func (d *desk) getRule(r *http.Request) (answer, error) {
	p, err := readParams(r, "proxy")
	if err != nil {
		return answer{}, err
	}
	at, err := p.address(pathName(r))
	if err != nil {
		return answer{}, err
	}
	s := d.Controller.State()
	return ruleAnswer(http.StatusOK, s, at, &s.Revision)
}

// ruleAnswer describes the rule at an address.
func ruleAnswer(status int, s *control.State, at control.Address, revision *uint64) (answer, error) {
	rule, err := s.Rule(at)
	if err != nil {
		return answer{}, err
	}
	return answer{status: status, body: rule.View(time.Now()), revision: revision}, nil
}

// postRule answers POST /admin/faults/rules: a rule is added at the end, and named if it has no name.
func (d *desk) postRule(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run")
	if err != nil {
		return answer{}, err
	}
	var rule faults.Rule
	sent, err := decode(r, &rule)
	if err != nil {
		return answer{}, err
	}
	at := control.Address{Proxy: proxyOf(rule)}
	after, revision, err := d.change(r, p, func(s *control.State) error {
		at.Name, err = s.AddRule(rule, time.Now())
		return err
	})
	if err != nil {
		return answer{}, within(sent, "rules", err)
	}
	a, err := ruleAnswer(http.StatusCreated, after, at, revision)
	a.location = rulePath(after, at)
	return a, err
}

// proxyOf says, as addresses do, on which proxy a rule is.
func proxyOf(rule faults.Rule) *string {
	name := rule.Proxy
	if name == "" {
		name = control.AnyProxy
	}
	return &name
}

// rulePath is where a rule can be asked for.
func rulePath(s *control.State, at control.Address) string {
	path := "/admin/faults/rules/" + url.PathEscape(at.Name)
	if _, err := s.Rule(control.Address{Name: at.Name}); err != nil { // several have that name
		path += "?" + url.Values{"proxy": {*at.Proxy}}.Encode()
	}
	return path
}

// putRule answers PUT /admin/faults/rules/{name}.
func (d *desk) putRule(r *http.Request) (answer, error) {
	p, at, err := ruleAddressed(r, "before")
	if err != nil {
		return answer{}, err
	}
	before, err := p.text("before")
	if err != nil {
		return answer{}, err
	}
	var rule faults.Rule
	sent, err := decode(r, &rule)
	if err != nil {
		return answer{}, err
	}
	if rule.Proxy == "" && at.Proxy != nil && *at.Proxy != control.AnyProxy {
		rule.Proxy = *at.Proxy
	}
	status := http.StatusOK
	after, revision, err := d.change(r, p, func(s *control.State) error {
		created, err := s.PutRule(at, rule, before, time.Now())
		if created {
			status = http.StatusCreated
		}
		return err
	})
	if err != nil {
		return answer{}, within(sent, "rules", err)
	}
	return ruleAnswer(status, after, control.Address{Name: at.Name, Proxy: proxyOf(rule)}, revision)
}

// patchRule answers PATCH /admin/faults/rules/{name}.
func (d *desk) patchRule(r *http.Request) (answer, error) {
	p, at, err := ruleAddressed(r)
	if err != nil {
		return answer{}, err
	}
	patch, err := readDocument(r)
	if err != nil {
		return answer{}, err
	}
	after, revision, err := d.change(r, p, func(s *control.State) error { return s.PatchRule(at, patch, time.Now()) })
	if err != nil {
		return answer{}, within(patch, "rules", err)
	}
	return ruleAnswer(http.StatusOK, after, movedTo(at, patch), revision)
}

// movedTo is the address of a rule after a patch, which may have moved it to another proxy.
func movedTo(at control.Address, patch *document.Node) control.Address {
	if moved := patch.Get("proxy"); moved != nil {
		at.Proxy = proxyOf(faults.Rule{Proxy: moved.Text})
	}
	return at
}

// deleteRule answers DELETE /admin/faults/rules/{name}.
func (d *desk) deleteRule(r *http.Request) (answer, error) {
	p, at, err := ruleAddressed(r)
	if err != nil {
		return answer{}, err
	}
	_, revision, err := d.change(r, p, func(s *control.State) error { return s.RemoveRule(at) })
	return answer{status: http.StatusNoContent, revision: revision}, err
}

// rearmRule answers POST /admin/faults/rules/{name}/rearm.
func (d *desk) rearmRule(r *http.Request) (answer, error) {
	p, at, err := ruleAddressed(r)
	if err != nil {
		return answer{}, err
	}
	after, revision, err := d.change(r, p, func(s *control.State) error { return s.RearmRule(at) })
	if err != nil {
		return answer{}, err
	}
	return ruleAnswer(http.StatusOK, after, at, revision)
}

// hitsView is the answer to GET /admin/wait: the hits counted, and, when they were too few, what is wrong.
type hitsView struct {
	*Error
	Rule string `json:"rule"`
	Hits uint64 `json:"hits"`
}

// wait answers GET /admin/wait, as soon as a rule has hit so many times.
func (d *desk) wait(r *http.Request) (answer, error) {
	p, err := readParams(r, "rule", "proxy", "hits", "timeout")
	if err != nil {
		return answer{}, err
	}
	at, err := p.address(p["rule"])
	if err != nil {
		return answer{}, err
	}
	if at.Name == "" {
		return answer{}, refusef(http.StatusBadRequest, "rule", "missing: want the name of a rule")
	}
	wanted, err := p.hits()
	if err != nil {
		return answer{}, err
	}
	timeout, err := p.timeout()
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	hits, err := d.Controller.WaitHits(ctx, at, wanted)
	switch {
	case err == nil:
		return answer{body: hitsView{Rule: at.Name, Hits: hits}}, nil
	case errors.Is(err, context.DeadlineExceeded):
		late := refusef(http.StatusRequestTimeout, "hits", "%d of %d after %v", hits, wanted, timeout)
		return answer{status: late.Status, body: hitsView{Error: late, Rule: at.Name, Hits: hits}}, nil
	}
	return answer{}, err
}

// hits reads how many hits are waited for.
func (p params) hits() (uint64, error) {
	text, given := p["hits"]
	if !given {
		return 1, nil
	}
	wanted, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, refusef(http.StatusBadRequest, "hits", "want a whole number, got %q", shorten(text, maxLogged))
	}
	return wanted, nil
}

// timeout reads how long is waited.
func (p params) timeout() (time.Duration, error) {
	text, given := p["timeout"]
	if !given {
		return defaultWait, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout < 0 || timeout > MaxWait {
		return 0, refusef(http.StatusBadRequest, "timeout", `want a duration of 0s to %v, such as "5s", got %q`, MaxWait, shorten(text, maxLogged))
	}
	return timeout, nil
}
