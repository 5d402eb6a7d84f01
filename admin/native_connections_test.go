package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/proxy"
)

// oneConnection is all that is connected, and remembers how it was dropped.
type oneConnection struct {
	id    uint64
	proxy string
	how   string
}

func (c *oneConnection) Connections() []proxy.Connection {
	opened := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	return []proxy.Connection{{
		ID: c.id, Proxy: c.proxy, Protocol: "http", Client: "127.0.0.1:54321", Upstream: "127.0.0.1:5055", Opened: opened,
		Exchanges: 3, Busy: true, Since: opened.Add(9 * time.Second), ResponseBytes: 66,
	}}
}

func (c *oneConnection) ClosedConnections() []proxy.Connection { return nil }

func (c *oneConnection) DropConnection(id uint64, reset bool) bool {
	if id == c.id {
		c.how += fmt.Sprintf("dropped %d, reset %t;", id, reset)
	}
	return id == c.id
}

// connectionRouteTests are those of clients' connections.
func connectionRouteTests() []routeTest {
	listed := []string{`{"connections":[{"id":7,"proxy":"flaky"`}
	return []routeTest{
		{"connections", nil, step{"GET", "/admin/connections", "", "", want{200, listed, nil}}},
		{"connections: of a proxy", nil, step{"GET", "/admin/connections?proxy=flaky", "", "", want{200, listed, nil}}},
		{"connections: of another", nil, step{"GET", "/admin/connections?proxy=other", "", "", want{200, []string{`{"connections":[]}`}, nil}}},
		{"connections: bad parameter", nil, step{"GET", "/admin/connections?prox=x", "", "", want{400, []string{`"did_you_mean":"proxy"`}, nil}}},
		{"connections: drop whose", nil, step{"DELETE", "/admin/connections", "", "", want{400, []string{`"field":"proxy"`, "all=1"}, nil}}},
		{"connections: drop nobody's", nil, step{"DELETE", "/admin/connections?proxy=", "", "", want{400, []string{`"field":"proxy"`}, nil}}},
		{"connections: drop all of one", nil, step{"DELETE", "/admin/connections?all=1&proxy=flaky", "", "", want{400, []string{`"field":"proxy"`}, nil}}},
		{"connections: drop those of none", nil, step{"DELETE", "/admin/connections?proxy=flakey", "", "", want{404, []string{`"did_you_mean":"flaky"`}, nil}}},
		{"connections: drop badly", nil, step{"DELETE", "/admin/connections?all=1&how=rst", "", "", want{400, []string{`"field":"how"`}, nil}}},
		{"connections: drop maybe", nil, step{"DELETE", "/admin/connections?all=maybe", "", "", want{400, []string{`"field":"all"`}, nil}}},
		{"connections: drop a proxy's", nil, step{"DELETE", "/admin/connections?proxy=flaky&how=reset", "", "", want{200, []string{`{"dropped":1}`}, nil}}},
		{"connections: drop all", nil, step{"DELETE", "/admin/connections?all=1", "", "", want{200, []string{`{"dropped":1}`}, nil}}},
		{"connection: drop", nil, step{"DELETE", "/admin/connections/7?how=close", "", "", want{204, nil, nil}}},
		{"connection: drop badly", nil, step{"DELETE", "/admin/connections/7?how=now", "", "", want{400, []string{`"field":"how"`}, nil}}},
		{"connection: drop none", nil, step{"DELETE", "/admin/connections/8", "", "", want{404, []string{`"field":"id"`}, nil}}},
		{"connection: drop nothing", nil, step{"DELETE", "/admin/connections/seven", "", "", want{404, []string{`"field":"id"`}, nil}}},
	}
}

func TestNobodyKnowsTheConnections(t *testing.T) {
	l := newLab(t)
	check(t, l.do(t, "GET", "/admin/connections", ""), want{200, []string{`{"connections":[]}`}, nil})
	check(t, l.do(t, "DELETE", "/admin/connections?all=1", ""), want{200, []string{`{"dropped":0}`}, nil})
	check(t, l.do(t, "DELETE", "/admin/connections/7", ""), want{404, nil, nil})
}

func TestAClientDropsConnections(t *testing.T) {
	only := &oneConnection{id: 7, proxy: "flaky"}
	c := newLab(t, func(s *admin.Server) { s.Connections = only }).client(t)
	list, err := c.Connections(t.Context(), "flaky")
	if err != nil || len(list) != 1 || list[0].Exchanges != 3 || list[0].Since.Sub(list[0].Opened) != 9*time.Second {
		t.Errorf("listed %+v, %v", list, err)
	}
	for _, name := range []string{"flaky", "*"} {
		if n, err := c.DropConnections(t.Context(), name, "reset"); n != 1 || err != nil {
			t.Errorf("%s: dropped %d, %v", name, n, err)
		}
	}
	if err := c.DropConnection(t.Context(), "7", ""); err != nil {
		t.Error(err)
	}
	if strings.Count(only.how, "reset true") != 2 || strings.Count(only.how, "reset false") != 1 {
		t.Error(only.how)
	}
}
