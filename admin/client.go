package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/document"
)

// maxAnswer bounds the answers that a Client reads, in bytes.
const maxAnswer = 64 << 20

// Client asks a running squall over HTTP for what a [Controller] does. A request that was refused is an [*Error]. All
// methods may be called concurrently. Documents to send (a rule, a proxy, a patch) are anything that encodes to JSON;
// []byte, [json.RawMessage] and string are sent as they are, so that the server's errors name their lines.
//
// Answers are read strictly: a server of another version that says more than this one knows is an error. [Client.Do]
// gives them as they came.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient makes the client of a squall whose admin API is at base, such as "http://127.0.0.1:8474". token may be "".
// Proxies of the environment are not used, redirects not followed.
func NewClient(base, token string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("admin client: %q is not a URL such as http://127.0.0.1:8474", base)
	}
	return &Client{
		base:  strings.TrimSuffix(base, "/"),
		token: token,
		http: &http.Client{
			Transport:     &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: idleTimeout / 2},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close drops the connections that are kept for further requests.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do sends a request and gives the answer's body. path may have a query; body nil = none.
func (c *Client) Do(ctx context.Context, method, path string, body any) ([]byte, error) {
	data, _, err := c.send(ctx, control.Request{}, method, path, body)
	return data, err
}

// send sends a request on terms and gives the answer's body and status. Request.By is the server's to say.
func (c *Client) send(ctx context.Context, terms control.Request, method, path string, body any) ([]byte, int, error) {
	request, err := c.request(ctx, terms, method, path, body)
	if err != nil {
		return nil, 0, fmt.Errorf("admin client: %w", err)
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("admin client: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return nil, 0, fmt.Errorf("admin client: %s %s: %w", method, path, err)
	}
	if reply.StatusCode/100 != 2 {
		return data, reply.StatusCode, refusalIn(reply, data)
	}
	return data, reply.StatusCode, nil
}

func (c *Client) request(ctx context.Context, terms control.Request, method, path string, body any) (*http.Request, error) {
	if terms.DryRun {
		path = withQuery(path, "dry_run", "1")
	}
	var reader io.Reader
	if body != nil {
		data, err := encodeDocument(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if terms.Revision != nil {
		request.Header.Set("If-Match", etag(*terms.Revision))
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return request, nil
}

func encodeDocument(body any) ([]byte, error) {
	switch text := body.(type) {
	case []byte:
		return text, nil
	case json.RawMessage:
		return text, nil
	case string:
		return []byte(text), nil
	}
	return json.Marshal(body)
}

// withQuery adds a parameter to a path; an empty value adds none.
func withQuery(path, name, value string) string {
	if value == "" {
		return path
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + url.Values{name: {value}}.Encode()
}

// refusalIn reads the refusal from an answer; what is not from squall becomes one by its status alone.
func refusalIn(reply *http.Response, data []byte) error {
	e := &Error{}
	if err := json.Unmarshal(data, e); err != nil || e.Reason == "" {
		e = &Error{Reason: "answered " + reply.Status}
	}
	e.Status = reply.StatusCode
	return e
}

// get asks for what is at a path and reads it into out.
func (c *Client) get(ctx context.Context, path string, out any) error {
	data, _, err := c.send(ctx, control.Request{}, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return read(data, out)
}

// read reads an answer.
func read(data []byte, out any) error {
	n, err := document.ParseJSON(data)
	if err == nil {
		err = document.Decode(n, out)
	}
	if err != nil {
		return fmt.Errorf("admin client: the answer cannot be read: %w", err)
	}
	return nil
}

// Version asks what is running.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	err := c.get(ctx, "/version", &v)
	return v, err
}

// Ready is nil when the server can serve.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.Do(ctx, http.MethodGet, "/readyz", nil)
	return err
}

// ExchangeFilter says which exchanges are asked for; what is zero holds for all.
type ExchangeFilter struct {
	Proxy   string
	Rule    string // those that it was decided for; with Hit, those that it hit
	Hit     *bool
	Outcome string
	Since   string // an instant in RFC 3339, a time back such as "30s", or the ID of the last exchange seen
	Limit   int
}

// Path is where they can be asked for.
func (f ExchangeFilter) Path() string {
	path := withQuery("/admin/exchanges", "proxy", f.Proxy)
	path = withQuery(path, "rule", f.Rule)
	if f.Hit != nil {
		path = withQuery(path, "hit", strconv.FormatBool(*f.Hit))
	}
	path = withQuery(path, "outcome", f.Outcome)
	path = withQuery(path, "since", f.Since)
	if f.Limit != 0 {
		path = withQuery(path, "limit", strconv.Itoa(f.Limit))
	}
	return path
}

// Exchanges lists the latest exchanges, the last one first.
func (c *Client) Exchanges(ctx context.Context, f ExchangeFilter) ([]Exchange, error) {
	var v exchangesView
	err := c.get(ctx, f.Path(), &v)
	return v.Exchanges, err
}
