package proxytest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// unixUpstream shows that an upstream may be on a unix socket.
func (s suite) unixUpstream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "upstream")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+r.URL.Path)
	}))
	_ = server.Listener.Close()
	server.Listener = ln
	server.Start()
	t.Cleanup(server.Close)
	r := s.start(t, "unix:"+path)
	for range 2 {
		_, body := r.get("/kept")
		equal(t, "body", body, r.addr+"/kept")
	}
	equal(t, "upstream", r.only(func(c proxy.Connection) bool { return !c.Busy }).Upstream, "unix:"+path)
	r.change(config(func(c *proxy.Config) { c.Host = proxy.UpstreamHost }))
	_, body := r.get("/")
	equal(t, "body", body, "localhost/")
}
