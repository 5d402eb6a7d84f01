package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/squall-proxy/squall/control"
)

const (
	leasesPath = "/admin/leases"
	haltPath   = "/admin/halt"
)

// Leases asks for all leases, and what hangs on each.
func (c *Client) Leases(ctx context.Context) ([]control.LeaseView, error) {
	var v leasesView
	err := c.get(ctx, leasesPath, &v)
	return v.Leases, err
}

// RenewLease puts a lease's end off to its whole time from now. One that ran out is an [*Error] of status 404, and what
// hung on it is gone. Do it every third of its time.
func (c *Client) RenewLease(ctx context.Context, id string) (control.LeaseView, error) {
	var v control.LeaseView
	err := c.change(ctx, control.Request{}, http.MethodPost, leasePath(id)+"/renew", nil, &v)
	return v, err
}

// EndLease takes away all that hangs on a lease.
func (c *Client) EndLease(ctx context.Context, terms control.Request, id string) error {
	_, _, err := c.send(ctx, terms, http.MethodDelete, leasePath(id), nil)
	return err
}

// Halted asks whether the stop lever is pulled.
func (c *Client) Halted(ctx context.Context) (Halt, error) {
	var v Halt
	err := c.get(ctx, haltPath, &v)
	return v, err
}

// Halt pulls the stop lever: everything that is timed goes back, and no fault can be added until Release.
func (c *Client) Halt(ctx context.Context, terms control.Request) (Halt, error) {
	var v Halt
	err := c.change(ctx, terms, http.MethodPut, haltPath, nil, &v)
	return v, err
}

// Release lets faults be added again.
func (c *Client) Release(ctx context.Context, terms control.Request) (Halt, error) {
	var v Halt
	err := c.change(ctx, terms, http.MethodDelete, haltPath, nil, &v)
	return v, err
}

// Changes asks for the latest changes, the last one first. since is an instant in RFC 3339, a time back such as "30s",
// or the last revision seen; "" and a limit of 0 ask for whatever there is by default.
func (c *Client) Changes(ctx context.Context, since string, limit int) ([]Change, error) {
	path := withQuery("/admin/audit", "since", since)
	if limit > 0 {
		path = withQuery(path, "limit", strconv.Itoa(limit))
	}
	var v auditView
	err := c.get(ctx, path, &v)
	return v.Changes, err
}

func leasePath(id string) string { return leasesPath + "/" + url.PathEscape(id) }
