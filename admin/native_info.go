package admin

import "net/http"

// statusView is the answer of a probe.
type statusView struct {
	Status string `json:"status"`
}

// healthz answers GET /healthz.
func (d *desk) healthz(*http.Request) (answer, error) {
	return answer{body: statusView{"ok"}}, nil
}

// readyz answers GET /readyz.
func (d *desk) readyz(*http.Request) (answer, error) {
	if d.Ready != nil {
		if err := d.Ready(); err != nil {
			return answer{}, refusef(http.StatusServiceUnavailable, "", "not ready: %v", err)
		}
	}
	return answer{body: statusView{"ready"}}, nil
}

// getCA answers GET /admin/ca.
func (d *desk) getCA(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	if d.CA == nil {
		return answer{}, refusef(http.StatusNotFound, "", "there is no throw-away authority")
	}
	certificate, err := d.CA()
	return answer{text: string(certificate), kind: "application/pem-certificate-chain"}, err
}
