package admin

import (
	"context"
	"net/http"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/verdict"
)

// Verdict asks what the exchanges that are remembered say about a client.
func (c *Client) Verdict(ctx context.Context, q VerdictQuery) (verdict.Report, error) {
	var report verdict.Report
	data, _, err := c.send(ctx, control.Request{}, http.MethodPost, "/admin/verdict?format=json", q)
	if err == nil {
		err = read(data, &report)
	}
	return report, err
}
