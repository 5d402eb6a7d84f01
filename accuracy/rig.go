package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/internal/program"
)

// document is a JSON object.
type document map[string]any

// seed is the one that squall runs under, and that draws are told in advance with.
const seed = 1

// rig is squall with a proxy for each thing to measure, and the upstream of all.
type rig struct {
	scratch  string
	squall   *program.Process
	proxies  map[string]string // addresses by name
	upstream http.Server
	serving  sync.WaitGroup
	uploads  chan flow // of each request body that came through
	bytes    net.Listener
}

// proxy is one proxy of the rig, with its only rule; nil = none.
type proxy struct {
	name, engine, protocol string // "" = the default
	rule                   document
}

// openRig builds squall, unless it is given, and starts it. Close must be called.
func openRig(ctx context.Context, binary string) (_ *rig, err error) {
	r := &rig{proxies: map[string]string{}, uploads: make(chan flow, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.scratch, err = os.MkdirTemp("", "squall-accuracy-"); err != nil {
		return nil, err
	}
	if binary == "" {
		if binary, err = program.Build(ctx, r.scratch); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r.upstream.Handler = http.HandlerFunc(r.answer)
	r.serving.Go(func() { _ = r.upstream.Serve(ln) }) // ends when it is closed
	if r.bytes, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	r.serving.Go(func() { serveBytes(r.bytes) })
	config, err := r.config(ln.Addr().String(), slices.Concat(waitProxies(), percentProxies(), rateProxies(), tcpProxies()))
	if err != nil {
		return nil, err
	}
	addr, err := program.FreeAddr()
	if err != nil {
		return nil, err
	}
	cmd := program.Serve(binary, config, addr, "--log-level", "warn")
	cmd.Stderr = os.Stderr
	if r.squall, err = program.Start(ctx, cmd, addr); err != nil {
		return nil, err
	}
	return r, r.find(ctx)
}

// find asks squall where its proxies listen: ports that were free a moment ago, of so many proxies, may be so no more.
func (r *rig) find(ctx context.Context) error {
	client, err := admin.NewClient("http://"+r.squall.Addr, "")
	if err != nil {
		return err
	}
	defer client.Close()
	proxies, err := client.Proxies(ctx)
	for _, p := range proxies {
		r.proxies[p.Name] = p.Bound
	}
	return err
}

// config is a squall.yaml.
func (r *rig) config(upstream string, all []proxy) (string, error) {
	var proxies, rules []document
	for _, p := range all {
		described := document{"name": p.name, "protocol": "http", "listen": "127.0.0.1:0", "upstream": "http://" + upstream}
		if p.engine != "" {
			described["engine"] = p.engine
		}
		if p.protocol != "" {
			described["protocol"], described["upstream"] = p.protocol, r.bytes.Addr().String()
		}
		proxies = append(proxies, described)
		if p.rule != nil {
			rules = append(rules, p.rule.of(p.name))
		}
	}
	text, err := json.Marshal(document{"seed": seed, "proxies": proxies, "rules": rules})
	return string(text), err
}

// of gives a rule the proxy that it is for, which is its name, too.
func (d document) of(name string) document {
	rule := document{"name": name, "proxy": name}
	for field, value := range d {
		rule[field] = value
	}
	return rule
}

// close ends squall and the upstream and removes what was built.
func (r *rig) close() error {
	if r.squall != nil {
		r.squall.Stop()
	}
	err := r.upstream.Close()
	if r.bytes != nil {
		err = errors.Join(err, r.bytes.Close())
	}
	r.serving.Wait()
	return errors.Join(err, os.RemoveAll(r.scratch))
}

// answer is the upstream: as many bytes as the query asks for, once the request's body is read.
func (r *rig) answer(w http.ResponseWriter, request *http.Request) {
	if request.ContentLength > 0 {
		taken, err := take(request.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // which the client sees
		}
		r.uploads <- taken
	}
	n, _ := strconv.Atoi(request.URL.RawQuery) // none is 0
	w.Header().Set("Content-Length", strconv.Itoa(n))
	for piece := make([]byte, 64<<10); n > 0; n -= len(piece) {
		piece = piece[:min(n, len(piece))]
		if _, err := w.Write(piece); err != nil {
			return // the client sees that its reply is short
		}
	}
}

// client has one connection.
type client struct {
	http http.Client
	url  string
	key  string // what X-Client says
}

// clients makes a number of clients of a proxy. Each has made its connection.
func (r *rig) clients(ctx context.Context, name string, n int) ([]*client, error) {
	var all []*client
	for i := range n {
		all = append(all, &client{
			http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}},
			url:  "http://" + r.proxies[name], key: strconv.Itoa(i),
		})
	}
	for _, c := range all {
		if _, _, err := c.get(ctx, "/health"); err != nil { // which no fault touches
			return all, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// get makes an exchange. It gives the reply's status and the time until it was through.
func (c *client) get(ctx context.Context, path string) (status int, took time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("X-Client", c.key)
	begun := time.Now()
	reply, err := c.http.Do(request)
	if err != nil {
		return 0, 0, err
	}
	_, err = take(reply.Body)
	took = time.Since(begun)
	return reply.StatusCode, took, errors.Join(err, reply.Body.Close())
}

// each gives every client its turn at once: f is called with each and its number.
func each(all []*client, f func(i int, c *client) error) error {
	failed := make([]error, len(all))
	var working sync.WaitGroup
	for i, c := range all {
		working.Go(func() {
			failed[i] = f(i, c)
			c.http.CloseIdleConnections()
		})
	}
	working.Wait()
	return errors.Join(failed...)
}
