package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"
)

// toxiproxyTimeout bounds one request of toxiproxy-cli.
const toxiproxyTimeout = 30 * time.Second

// toxiproxyClient asks an API of Toxiproxy, squall's or its own. Errors are in the words of Toxiproxy's Go client.
type toxiproxyClient struct {
	endpoint string
	http     http.Client
}

// cliProxy is a proxy, as the API has it.
type cliProxy struct {
	Name     string     `json:"name"`
	Listen   string     `json:"listen"`
	Upstream string     `json:"upstream"`
	Enabled  bool       `json:"enabled"`
	Toxics   []cliToxic `json:"toxics"`
}

func (p cliProxy) state() string {
	if p.Enabled {
		return "enabled"
	}
	return "disabled"
}

func (p cliProxy) color() string {
	if p.Enabled {
		return cliGreen
	}
	return cliRed
}

// cliToxic is a toxic, as the API has it.
type cliToxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream,omitempty"`
	Toxicity   float32        `json:"toxicity"`
	Attributes map[string]any `json:"attributes"`
}

// newToxiproxyClient makes a client of a URL, or of host:port; "" = where Toxiproxy's API is by default.
func newToxiproxyClient(endpoint string) *toxiproxyClient {
	switch {
	case endpoint == "":
		endpoint = fmt.Sprintf("http://localhost:%d", defaultAdminPort)
	case !strings.HasPrefix(endpoint, "https://") && !strings.HasPrefix(endpoint, "http://"):
		endpoint = "http://" + endpoint
	}
	return &toxiproxyClient{
		endpoint: endpoint,
		http:     http.Client{Timeout: toxiproxyTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

func (c *toxiproxyClient) proxies(ctx context.Context) (all map[string]cliProxy, err error) {
	return all, c.ask(ctx, http.MethodGet, "/proxies", nil, &all)
}

func (c *toxiproxyClient) proxy(ctx context.Context, name string) (p cliProxy, err error) {
	err = c.ask(ctx, http.MethodGet, "/proxies/"+name, nil, &p)
	return p, err
}

func (c *toxiproxyClient) create(ctx context.Context, p cliProxy) error {
	return c.ask(ctx, http.MethodPost, "/proxies", p, &p)
}

func (c *toxiproxyClient) save(ctx context.Context, p cliProxy) error {
	return c.ask(ctx, http.MethodPost, "/proxies/"+p.Name, p, &p)
}

func (c *toxiproxyClient) delete(ctx context.Context, name string) error {
	return c.ask(ctx, http.MethodDelete, "/proxies/"+name, nil, nil)
}

func (c *toxiproxyClient) addToxic(ctx context.Context, proxyName string, t cliToxic) (made cliToxic, err error) {
	if err := c.knows(ctx, proxyName); err != nil {
		return made, err
	}
	if err := c.ask(ctx, http.MethodPost, "/proxies/"+proxyName+"/toxics", t, &made); err != nil {
		return made, fmt.Errorf("failed to add toxic to proxy %s: AddToxic: %w", proxyName, err)
	}
	return made, nil
}

func (c *toxiproxyClient) updateToxic(ctx context.Context, proxyName string, t cliToxic) (changed cliToxic, err error) {
	if err := c.knows(ctx, proxyName); err != nil {
		return changed, err
	}
	body := map[string]any{"attributes": t.Attributes, "toxicity": t.Toxicity}
	if err := c.ask(ctx, http.MethodPatch, "/proxies/"+proxyName+"/toxics/"+t.Name, body, &changed); err != nil {
		return changed, fmt.Errorf("failed to update toxic '%s' of proxy '%s': %w", t.Name, proxyName, err)
	}
	return changed, nil
}

func (c *toxiproxyClient) removeToxic(ctx context.Context, proxyName, name string) error {
	if err := c.knows(ctx, proxyName); err != nil {
		return err
	}
	if err := c.ask(ctx, http.MethodDelete, "/proxies/"+proxyName+"/toxics/"+name, nil, nil); err != nil {
		return fmt.Errorf("failed to remove toxic '%s' from proxy '%s': %w", name, proxyName, err)
	}
	return nil
}

// knows asks for a proxy before something is done to it.
func (c *toxiproxyClient) knows(ctx context.Context, proxyName string) error {
	if _, err := c.proxy(ctx, proxyName); err != nil {
		return fmt.Errorf("failed to retrieve proxy with name `%s`: %w", proxyName, err)
	}
	return nil
}

// ask sends a request, and reads the answer into out unless that is nil.
func (c *toxiproxyClient) ask(ctx context.Context, method, path string, body, out any) error {
	var sent io.Reader = http.NoBody
	if body != nil {
		written, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(written)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", fmt.Sprintf("toxiproxy-cli/%s (%s/%s)", toxiproxyVersion, runtime.GOOS, runtime.GOARCH))
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("fail to request: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return readRefusal(response)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}

// toxiproxyRefusal is what the API says when it refuses something.
type toxiproxyRefusal struct {
	Message string `json:"error"`
	Status  int    `json:"status"`
}

// Error says it as Toxiproxy's Go client does.
func (e *toxiproxyRefusal) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Status, e.Message) }

// readRefusal reads a refusal, also one that is not the API's.
func readRefusal(response *http.Response) error {
	var refusal toxiproxyRefusal
	if err := json.NewDecoder(response.Body).Decode(&refusal); err != nil || refusal.Message == "" {
		return &toxiproxyRefusal{fmt.Sprintf("Unexpected response code %d", response.StatusCode), response.StatusCode}
	}
	return &refusal
}
