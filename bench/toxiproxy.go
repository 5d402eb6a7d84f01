package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/squall-proxy/squall/internal/program"
)

// toxiproxyServer is the peer of TCP proxies, and its module.
const (
	toxiproxyServer = "toxiproxy-server"
	toxiproxyModule = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
)

// buildToxiproxy builds the peer in a folder, by the versions that its own module asks for.
func buildToxiproxy(ctx context.Context, folder string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", toxiproxyModule)
	cmd.Env = append(os.Environ(), "GOBIN="+folder, "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", toxiproxyModule, err, output)
	}
	return filepath.Join(folder, "server"), nil
}

// startToxiproxy starts the peer with a proxy before the upstream, and a toxic on it; nil = none.
func startToxiproxy(toxic document) func(context.Context, *lab) (*process, error) {
	return func(ctx context.Context, l *lab) (*process, error) {
		return l.startToxic(ctx, toxic, func(host, port string) *exec.Cmd {
			cmd := exec.Command(l.programs[toxiproxyServer], "-host", host, "-port", port)
			cmd.Env = append(os.Environ(), "LOG_LEVEL=warn")
			return cmd
		})
	}
}

// startSquallTCP starts squall in the same way, by the same API.
func startSquallTCP(toxic document) func(context.Context, *lab) (*process, error) {
	return func(ctx context.Context, l *lab) (*process, error) {
		return l.startToxic(ctx, toxic, func(host, port string) *exec.Cmd {
			return program.Serve(l.binary, "{}", net.JoinHostPort(host, port), "--log-level", "error") // else it logs each client that its end drops
		})
	}
}

// startToxic starts a program that has Toxiproxy's API at an address, and has it make a proxy with a toxic.
func (l *lab) startToxic(ctx context.Context, toxic document, command func(host, port string) *exec.Cmd) (*process, error) {
	admin, err := program.FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(admin)
	if err != nil {
		return nil, err
	}
	cmd := command(host, port)
	cmd.Stderr = os.Stderr
	p, err := start(ctx, cmd, admin, l.procs)
	if err != nil {
		return nil, err
	}
	p.admin = admin
	if err := p.setUp(ctx, l.upstream.Addr, toxic); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// setUp makes the proxy, whose address becomes the process's.
func (p *process) setUp(ctx context.Context, upstream string, toxic document) error {
	var made struct{ Listen string }
	err := p.post(ctx, "/proxies", document{"name": "items", "listen": "127.0.0.1:0", "upstream": upstream}, &made)
	if err == nil && toxic != nil {
		err = p.post(ctx, "/proxies/items/toxics", toxic, &struct{}{})
	}
	p.Addr = made.Listen
	return err
}

func (p *process) post(ctx context.Context, path string, body document, out any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.admin+path, strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	answer, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s %s: %w", path, reply.Status, answer, err)
	}
	return json.Unmarshal(answer, out)
}
