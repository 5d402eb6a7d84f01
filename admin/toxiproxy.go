package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/control/toxiproxy"
)

// toxiproxy gives Toxiproxy's verbs, on the terms of a request.
func (d *desk) toxiproxy(r *http.Request) *toxiproxy.API {
	return &toxiproxy.API{
		State: d.Controller.State, Addr: d.Addr,
		Change: func(_ context.Context, mutate func(*control.State) error) (*control.State, error) {
			after, _, err := d.change(r, nil, mutate)
			return after, err
		},
	}
}

// asText writes a value as Toxiproxy does: compact, and without a newline at the end.
func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf(`{"error":%q,"status":500}`, err.Error()) // not reached: whatever is answered can be written
	}
	return string(text)
}

// toxiproxyAnswer is an answer of Toxiproxy's API.
func toxiproxyAnswer(status int, value any, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return answer{status: status, text: asText(value), kind: "application/json"}, nil
}

// proxyName and toxicName are the names in a path of Toxiproxy's API.
func proxyName(r *http.Request) string { return mux.Vars(r)["proxy"] }
func toxicName(r *http.Request) string { return mux.Vars(r)["toxic"] }

// bodyOf gives a body that was read.
func bodyOf(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body) // from memory: see readBody
	return body
}

// toxiproxyIndex answers GET /proxies.
func (d *desk) toxiproxyIndex(r *http.Request) (answer, error) {
	return toxiproxyAnswer(http.StatusOK, d.toxiproxy(r).Proxies(), nil)
}

// toxiproxyCreate answers POST /proxies.
func (d *desk) toxiproxyCreate(r *http.Request) (answer, error) {
	wanted, err := toxiproxy.ReadProxy(bodyOf(r))
	if err != nil {
		return answer{}, err
	}
	p, err := d.toxiproxy(r).Create(r.Context(), wanted)
	return toxiproxyAnswer(http.StatusCreated, p, err)
}

// populated is the answer to POST /populate, its refusals too.
type populated struct {
	*toxiproxy.Error `json:",omitempty"`
	Proxies          []toxiproxy.Proxy `json:"proxies"` // null = none
}

// toxiproxyPopulate answers POST /populate. What is refused says what was made all the same.
func (d *desk) toxiproxyPopulate(r *http.Request) (answer, error) {
	status, a := http.StatusCreated, populated{}
	wanted, err := toxiproxy.ReadProxies(bodyOf(r))
	if err == nil {
		a.Proxies, err = d.toxiproxy(r).Populate(r.Context(), wanted)
	}
	if err != nil {
		a.Error = d.refusedToxiproxy(r, err)
		status = a.Status
	}
	return toxiproxyAnswer(status, a, nil)
}

// toxiproxyShow answers GET /proxies/{proxy}.
func (d *desk) toxiproxyShow(r *http.Request) (answer, error) {
	p, err := d.toxiproxy(r).Proxy(proxyName(r))
	return toxiproxyAnswer(http.StatusOK, p, err)
}

// toxiproxyUpdate answers PATCH and POST /proxies/{proxy}.
func (d *desk) toxiproxyUpdate(r *http.Request) (answer, error) {
	p, err := d.toxiproxy(r).Update(r.Context(), proxyName(r), bodyOf(r))
	return toxiproxyAnswer(http.StatusOK, p, err)
}

// toxiproxyDelete answers DELETE /proxies/{proxy}.
func (d *desk) toxiproxyDelete(r *http.Request) (answer, error) {
	return answer{status: http.StatusNoContent}, d.toxiproxy(r).Delete(r.Context(), proxyName(r))
}

// toxicIndex answers GET /proxies/{proxy}/toxics.
func (d *desk) toxicIndex(r *http.Request) (answer, error) {
	toxics, err := d.toxiproxy(r).Toxics(proxyName(r))
	return toxiproxyAnswer(http.StatusOK, toxics, err)
}

// toxicCreate answers POST /proxies/{proxy}/toxics: with 200, as Toxiproxy does.
func (d *desk) toxicCreate(r *http.Request) (answer, error) {
	t, err := d.toxiproxy(r).CreateToxic(r.Context(), proxyName(r), bodyOf(r))
	return toxiproxyAnswer(http.StatusOK, t, err)
}

// toxicShow answers GET /proxies/{proxy}/toxics/{toxic}.
func (d *desk) toxicShow(r *http.Request) (answer, error) {
	t, err := d.toxiproxy(r).Toxic(proxyName(r), toxicName(r))
	return toxiproxyAnswer(http.StatusOK, t, err)
}

// toxicUpdate answers PATCH and POST /proxies/{proxy}/toxics/{toxic}.
func (d *desk) toxicUpdate(r *http.Request) (answer, error) {
	t, err := d.toxiproxy(r).UpdateToxic(r.Context(), proxyName(r), toxicName(r), bodyOf(r))
	return toxiproxyAnswer(http.StatusOK, t, err)
}

// toxicDelete answers DELETE /proxies/{proxy}/toxics/{toxic}.
func (d *desk) toxicDelete(r *http.Request) (answer, error) {
	return answer{status: http.StatusNoContent}, d.toxiproxy(r).DeleteToxic(r.Context(), proxyName(r), toxicName(r))
}

// toxiproxyReset answers POST /reset.
func (d *desk) toxiproxyReset(r *http.Request) (answer, error) {
	return answer{status: http.StatusNoContent}, d.toxiproxy(r).Reset(r.Context())
}

// version answers GET /version.
func (d *desk) version(*http.Request) (answer, error) {
	text := fmt.Sprintf("{\"version\": %s, \"squall\": %s}\n", asText(d.Version.Version), asText(d.Version.Squall))
	return answer{text: text, kind: "application/json;charset=utf-8"}, nil
}
