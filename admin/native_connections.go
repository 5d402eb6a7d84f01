package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// Connections lists and drops clients' connections. It is [proxy.Engine].
type Connections interface {
	Connections() []proxy.Connection
	ClosedConnections() []proxy.Connection // the latest
	DropConnection(id uint64, reset bool) bool
}

// Connection is what answers say of a client's connection.
type Connection struct {
	ID            uint64    `json:"id"`
	Proxy         string    `json:"proxy"`
	Protocol      string    `json:"protocol"`
	Client        string    `json:"client"`
	Upstream      string    `json:"upstream"` // the address that was called last for it; "" = none
	Opened        time.Time `json:"opened"`
	Exchanges     uint64    `json:"exchanges"` // begun; of tcp none
	Busy          bool      `json:"busy"`      // an exchange is under way
	Since         time.Time `json:"since"`     // when it became busy, or idle
	RequestBytes  int64     `json:"request_bytes"`
	ResponseBytes int64     `json:"response_bytes"` // of exchanges that are over; of tcp what has passed
}

// connectionsView is the answer to GET /admin/connections.
type connectionsView struct {
	Connections []Connection `json:"connections"`
}

// droppedView is the answer to DELETE /admin/connections.
type droppedView struct {
	Dropped int `json:"dropped"`
}

// getConnections answers GET /admin/connections.
func (d *desk) getConnections(r *http.Request) (answer, error) {
	p, err := readParams(r, "proxy")
	if err != nil {
		return answer{}, err
	}
	v := connectionsView{Connections: []Connection{}}
	for _, c := range d.connections() {
		if p["proxy"] == "" || c.Proxy == p["proxy"] {
			v.Connections = append(v.Connections, Connection{
				ID: c.ID, Proxy: c.Proxy, Protocol: c.Protocol, Client: c.Client, Upstream: c.Upstream, Opened: c.Opened,
				Exchanges: c.Exchanges, Busy: c.Busy, Since: c.Since, RequestBytes: c.RequestBytes, ResponseBytes: c.ResponseBytes,
			})
		}
	}
	return answer{body: v}, nil
}

// connections lists them, if anybody knows them.
func (d *desk) connections() []proxy.Connection {
	if d.Connections == nil {
		return nil
	}
	return d.Connections.Connections()
}

// deleteConnections answers DELETE /admin/connections: it drops a proxy's connections, or all of them, and waits for nobody.
func (d *desk) deleteConnections(r *http.Request) (answer, error) {
	p, err := readParams(r, "proxy", "all", "how")
	if err != nil {
		return answer{}, err
	}
	reset, err := p.how()
	if err != nil {
		return answer{}, err
	}
	all, err := p.flag("all")
	if err != nil {
		return answer{}, err
	}
	name := p["proxy"]
	if all == (name != "") {
		return answer{}, refusef(http.StatusBadRequest, "proxy", "want the name of a proxy, or all=1 for those of every proxy")
	}
	if name != "" {
		if _, err := d.Controller.State().Proxy(name); err != nil {
			return answer{}, err
		}
	}
	var v droppedView
	for _, c := range d.connections() {
		if (all || c.Proxy == name) && d.Connections.DropConnection(c.ID, reset) {
			v.Dropped++
		}
	}
	d.log.dropped(r, v.Dropped)
	return answer{body: v}, nil
}

// deleteConnection answers DELETE /admin/connections/{id}.
func (d *desk) deleteConnection(r *http.Request) (answer, error) {
	p, err := readParams(r, "how")
	if err != nil {
		return answer{}, err
	}
	reset, err := p.how()
	if err != nil {
		return answer{}, err
	}
	id, err := strconv.ParseUint(pathID(r), 10, 64)
	if err != nil || d.Connections == nil || !d.Connections.DropConnection(id, reset) {
		return answer{}, refusef(http.StatusNotFound, "id", "no connection %s is open", shorten(pathID(r), maxLogged))
	}
	d.log.dropped(r, 1)
	return answer{status: http.StatusNoContent}, nil
}

// how reads how connections are to end.
func (p params) how() (reset bool, err error) {
	switch p["how"] {
	case "", "close":
		return false, nil
	case "reset":
		return true, nil
	}
	return false, refusef(http.StatusBadRequest, "how", "want close or reset, got %q", shorten(p["how"], maxLogged))
}
