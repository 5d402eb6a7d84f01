package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

const proxiesPath = "/admin/proxies"

// proxyAnswer reads a proxy with what answers add to it, which documents that are sent cannot set.
type proxyAnswer struct{ proxy.Config }

// DecodeDocument reads a proxy from an answer.
func (a *proxyAnswer) DecodeDocument(n *document.Node) error {
	if err := document.Decode(n, &a.Config); err != nil {
		return err
	}
	var added proxy.Config
	for name, out := range map[string]any{"url": &added.URL, "bound": &added.Bound, "accept_failures": &added.AcceptFailures} {
		if err := document.Decode(n.Get(name), out); err != nil {
			return document.At(err, name)
		}
	}
	a.URL, a.Bound, a.AcceptFailures = added.URL, added.Bound, added.AcceptFailures
	return nil
}

// Proxies asks for all proxies.
func (c *Client) Proxies(ctx context.Context) ([]proxy.Config, error) {
	var v struct {
		Proxies  []proxyAnswer `json:"proxies"`
		Revision uint64        `json:"revision"`
	}
	if err := c.get(ctx, proxiesPath, &v); err != nil {
		return nil, err
	}
	proxies := make([]proxy.Config, len(v.Proxies))
	for i, p := range v.Proxies {
		proxies[i] = p.Config
	}
	return proxies, nil
}

// Proxy asks for a proxy, with its URL and bound address if it runs.
func (c *Client) Proxy(ctx context.Context, name string) (proxy.Config, error) {
	var v proxyAnswer
	err := c.get(ctx, proxyPath(name), &v)
	return v.Config, err
}

// PutProxy adds a proxy, or replaces the one of that name.
func (c *Client) PutProxy(
	ctx context.Context, terms control.Request, name string, config any,
) (_ proxy.Config, created bool, err error) {
	data, status, err := c.send(ctx, terms, http.MethodPut, proxyPath(name), config)
	var v proxyAnswer
	if err == nil {
		err = read(data, &v)
	}
	return v.Config, status == http.StatusCreated, err
}

// PatchProxy merges a document into a proxy (RFC 7396).
func (c *Client) PatchProxy(ctx context.Context, terms control.Request, name string, patch any) (proxy.Config, error) {
	var v proxyAnswer
	err := c.change(ctx, terms, http.MethodPatch, proxyPath(name), patch, &v)
	return v.Config, err
}

// RemoveProxy takes a proxy away with its rules.
func (c *Client) RemoveProxy(ctx context.Context, terms control.Request, name string) error {
	_, _, err := c.send(ctx, terms, http.MethodDelete, proxyPath(name), nil)
	return err
}

func proxyPath(name string) string { return proxiesPath + "/" + url.PathEscape(name) }
