package admin

import (
	"net/http"

	"github.com/squall-proxy/squall/control"
)

// Halt tells whether the stop lever is pulled.
type Halt struct {
	Halted   bool   `json:"halted"`
	Revision uint64 `json:"revision"`
}

// getHalt answers GET /admin/halt.
func (d *desk) getHalt(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	return haltAnswer(d.Controller.State()), nil
}

// putHalt answers PUT /admin/halt. It needs no body, so that it can be sent in a hurry; one says which way to pull.
func (d *desk) putHalt(r *http.Request) (answer, error) {
	var wanted struct {
		Halted   bool   `json:"halted"`
		Revision uint64 `json:"revision" document:"readonly"`
	}
	wanted.Halted = true
	if r.ContentLength != 0 {
		if _, err := decode(r, &wanted); err != nil {
			return answer{}, err
		}
	}
	return d.halt(r, wanted.Halted)
}

// deleteHalt answers DELETE /admin/halt: faults can be added again.
func (d *desk) deleteHalt(r *http.Request) (answer, error) { return d.halt(r, false) }

func (d *desk) halt(r *http.Request, halted bool) (answer, error) {
	p, err := readParams(r, "dry_run")
	if err != nil {
		return answer{}, err
	}
	after, revision, err := d.change(r, p, func(s *control.State) error {
		if halted {
			s.Halt()
		} else {
			s.Release()
		}
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	a := haltAnswer(after)
	a.revision = revision
	return a, nil
}

func haltAnswer(s *control.State) answer {
	return answer{body: Halt{s.Halted, s.Revision}, revision: &s.Revision}
}
