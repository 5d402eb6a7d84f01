package admin

import (
	"net/http"
	"time"
)

// auditView is the answer to GET /admin/audit.
type auditView struct {
	Changes []Change `json:"changes"`
}

// getAudit answers GET /admin/audit, the latest change first.
func (d *desk) getAudit(r *http.Request) (answer, error) {
	p, err := readParams(r, "since", "limit")
	if err != nil {
		return answer{}, err
	}
	limit, err := p.limit()
	if err != nil {
		return answer{}, err
	}
	from, err := p.since(time.Now(), "a revision")
	if err != nil {
		return answer{}, err
	}
	return answer{body: auditView{d.Audit.list(from, limit)}}, nil
}
