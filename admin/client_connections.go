package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/squall-proxy/squall/control"
)

const connectionsPath = "/admin/connections"

// Connections asks for the clients' connections that are open: those of a proxy, or all ("").
func (c *Client) Connections(ctx context.Context, proxyName string) ([]Connection, error) {
	var v connectionsView
	err := c.get(ctx, withQuery(connectionsPath, "proxy", proxyName), &v)
	return v.Connections, err
}

// DropConnections ends the clients' connections of a proxy, or all ("*"), at once, and gives their number. How is "close" (the
// default) or "reset".
func (c *Client) DropConnections(ctx context.Context, proxyName, how string) (int, error) {
	path := withQuery(connectionsPath, "proxy", proxyName)
	if proxyName == "*" {
		path = withQuery(connectionsPath, "all", "1")
	}
	var v droppedView
	err := c.change(ctx, control.Request{}, http.MethodDelete, withQuery(path, "how", how), nil, &v)
	return v.Dropped, err
}

// DropConnection ends one connection.
func (c *Client) DropConnection(ctx context.Context, id, how string) error {
	_, err := c.Do(ctx, http.MethodDelete, withQuery(connectionsPath+"/"+url.PathEscape(id), "how", how), nil)
	return err
}
