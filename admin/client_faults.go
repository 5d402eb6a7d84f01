package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/control"
)

const (
	faultsPath = "/admin/faults"
	rulesPath  = "/admin/faults/rules"
)

// Faults asks for the faults in force.
func (c *Client) Faults(ctx context.Context) (control.FaultsView, error) {
	var v control.FaultsView
	err := c.get(ctx, faultsPath, &v)
	return v, err
}

// SetFaults sets what a document names, each as a whole, in one step.
func (c *Client) SetFaults(ctx context.Context, terms control.Request, doc any) (control.FaultsView, error) {
	var v control.FaultsView
	err := c.change(ctx, terms, http.MethodPut, faultsPath, doc, &v)
	return v, err
}

// ClearFaults goes back to normal; with an owner it takes away only what that one set.
func (c *Client) ClearFaults(ctx context.Context, terms control.Request, owner string) (control.FaultsView, error) {
	var v control.FaultsView
	err := c.change(ctx, terms, http.MethodDelete, withQuery(faultsPath, "owner", owner), nil, &v)
	return v, err
}

// Rules asks for all rules with their counters.
func (c *Client) Rules(ctx context.Context) ([]control.RuleView, error) {
	var v rulesView
	err := c.get(ctx, rulesPath, &v)
	return v.Rules, err
}

// Rule asks for a rule with its counters.
func (c *Client) Rule(ctx context.Context, at control.Address) (control.RuleView, error) {
	var v control.RuleView
	err := c.get(ctx, addressPath(at, ""), &v)
	return v, err
}

// AddRule adds a rule at the end; one without a name is given one.
func (c *Client) AddRule(ctx context.Context, terms control.Request, rule any) (control.RuleView, error) {
	var v control.RuleView
	err := c.change(ctx, terms, http.MethodPost, rulesPath, rule, &v)
	return v, err
}

// PutRule adds a rule, at the end or before another, or replaces the one at an address, which keeps its place.
func (c *Client) PutRule(
	ctx context.Context, terms control.Request, at control.Address, rule any, before string,
) (v control.RuleView, created bool, err error) {
	path := withQuery(addressPath(at, ""), "before", before)
	data, status, err := c.send(ctx, terms, http.MethodPut, path, rule)
	if err == nil {
		err = read(data, &v)
	}
	return v, status == http.StatusCreated, err
}

// PatchRule merges a document into a rule (RFC 7396); its counters go on.
func (c *Client) PatchRule(ctx context.Context, terms control.Request, at control.Address, patch any) (control.RuleView, error) {
	var v control.RuleView
	err := c.change(ctx, terms, http.MethodPatch, addressPath(at, ""), patch, &v)
	return v, err
}

// RearmRule starts a rule's counters anew.
func (c *Client) RearmRule(ctx context.Context, terms control.Request, at control.Address) (control.RuleView, error) {
	var v control.RuleView
	err := c.change(ctx, terms, http.MethodPost, addressPath(at, "/rearm"), nil, &v)
	return v, err
}

// RemoveRule takes a rule away.
func (c *Client) RemoveRule(ctx context.Context, terms control.Request, at control.Address) error {
	_, _, err := c.send(ctx, terms, http.MethodDelete, addressPath(at, ""), nil)
	return err
}

// WaitHits blocks until a rule has hit so many times, or a time is over, at most [MaxWait]; then the error is an
// [*Error] of status 408. It gives the hits counted.
func (c *Client) WaitHits(ctx context.Context, at control.Address, n uint64, timeout time.Duration) (uint64, error) {
	path := withQuery("/admin/wait", "rule", at.Name)
	if at.Proxy != nil {
		path = withQuery(path, "proxy", *at.Proxy)
	}
	path = withQuery(path, "hits", strconv.FormatUint(n, 10))
	data, err := c.Do(ctx, http.MethodGet, withQuery(path, "timeout", timeout.String()), nil)
	var refusal *Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Status != http.StatusRequestTimeout) {
		return 0, err
	}
	var counted struct{ Hits uint64 }
	return counted.Hits, errors.Join(err, json.Unmarshal(data, &counted))
}

// change asks for a change and reads what is there after it.
func (c *Client) change(ctx context.Context, terms control.Request, method, path string, body, out any) error {
	data, _, err := c.send(ctx, terms, method, path, body)
	if err != nil {
		return err
	}
	return read(data, out)
}

// addressPath is where a rule is; what follows its name comes before the query.
func addressPath(at control.Address, suffix string) string {
	path := rulesPath + "/" + url.PathEscape(at.Name) + suffix
	if at.Proxy == nil {
		return path
	}
	return withQuery(path, "proxy", *at.Proxy)
}
