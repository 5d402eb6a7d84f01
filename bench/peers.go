package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/squall-proxy/squall/internal/program"
)

// peers are the programs that squall is held against. Each is named like its Debian package.
func peers() []string { return []string{"nginx", "haproxy"} }

// find says where programs are. One that is not installed is an error, unless it may be missing: then out is told.
func find(names []string, mayMiss bool, out io.Writer) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			path, err = exec.LookPath(filepath.Join("/usr/sbin", name)) // not in everyone's PATH
		}
		switch {
		case err == nil:
			found[name] = path
		case mayMiss:
			fmt.Fprintf(out, "left out, not installed: %s (Debian package %s)\n", name, name)
		default:
			return nil, fmt.Errorf("%s is not installed: install the Debian package %s (make bench does)", name, name)
		}
	}
	return found, nil
}

// nginxConfig has one worker and does the work that squall does: HTTP/1.1 and keep-alive on both sides with the same
// pool, the Host as it came, the same X-Forwarded-* and X-Request-Id, bodies passed on as they come and never by way of
// a file, no log of requests. All else, the size of buffers too, is as nginx has it by default.
const nginxConfig = `daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr error;
events { worker_connections 19000; }
http {
	access_log off;
	client_body_temp_path FOLDER;
	proxy_temp_path FOLDER;
	fastcgi_temp_path FOLDER;
	uwsgi_temp_path FOLDER;
	scgi_temp_path FOLDER;
	keepalive_timeout 60s;
	keepalive_requests 1000000000;
	client_max_body_size 0;
	upstream items {
		server UPSTREAM;
		keepalive 512;
		keepalive_requests 1000000000;
		keepalive_timeout 60s;
	}
	server {
		listen LISTEN backlog=4096;
		location / {
			proxy_pass http://items;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_set_header X-Forwarded-Host $http_host;
			proxy_set_header X-Request-Id $request_id;
			proxy_request_buffering off;
			proxy_max_temp_file_size 0;
		}
	}
}
`

// haproxyConfig does the same work, on one thread.
const haproxyConfig = `global
	nbthread 1
	maxconn 9900
defaults
	mode http
	timeout connect 60s
	timeout client 60s
	timeout server 60s
	timeout http-keep-alive 60s
	option forwardfor
	http-reuse always
frontend items
	bind LISTEN
	http-request set-header X-Forwarded-Proto http
	http-request set-header X-Forwarded-Host %[req.hdr(host)]
	http-request set-header X-Request-Id %[uuid()]
	default_backend upstream
backend upstream
	server items UPSTREAM pool-max-conn 512 pool-purge-delay 60s
`

func startNginx(ctx context.Context, l *lab) (*process, error) {
	return l.startPeer(ctx, "nginx", nginxConfig, func(folder, config string) []string {
		return []string{"-p", folder, "-e", "stderr", "-c", config}
	})
}

func startHAProxy(ctx context.Context, l *lab) (*process, error) {
	return l.startPeer(ctx, "haproxy", haproxyConfig, func(_, config string) []string { return []string{"-db", "-f", config} })
}

// startPeer starts a program with a configuration, in a folder of its own.
func (l *lab) startPeer(ctx context.Context, name, config string, args func(folder, config string) []string) (*process, error) {
	addr, err := program.FreeAddr()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(l.scratch, name+"-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name+".conf")
	text := strings.NewReplacer("FOLDER", folder, "LISTEN", addr, "UPSTREAM", l.upstream.Addr).Replace(config)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(l.programs[name], args(folder, path)...)
	cmd.Stderr = os.Stderr
	return start(ctx, cmd, addr, l.procs)
}
