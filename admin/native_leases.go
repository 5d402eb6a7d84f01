package admin

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/squall-proxy/squall/control"
)

// leasesView is the answer to GET /admin/leases.
type leasesView struct {
	Leases   []control.LeaseView `json:"leases"`
	Revision uint64              `json:"revision"`
}

// getLeases answers GET /admin/leases.
func (d *desk) getLeases(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	s := d.Controller.State()
	return answer{body: leasesView{s.LeaseViews(time.Now()), s.Revision}, revision: &s.Revision}, nil
}

// renewLease answers POST /admin/leases/{id}/renew. It is no change, so there is no ETag, and nothing is saved or
// audited.
func (d *desk) renewLease(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	lease, err := d.Controller.RenewLease(pathID(r), time.Now())
	return answer{body: lease}, err
}

// deleteLease answers DELETE /admin/leases/{id}: all that hangs on the lease goes.
func (d *desk) deleteLease(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run")
	if err != nil {
		return answer{}, err
	}
	id := pathID(r)
	_, revision, err := d.change(r, p, func(s *control.State) error { return s.EndLease(id) })
	return answer{status: http.StatusNoContent, revision: revision}, err
}

// pathID is the lease in a request's path.
func pathID(r *http.Request) string { return mux.Vars(r)["id"] }
