package admin

import (
	"net/http"
	"time"

	"github.com/squall-proxy/squall/control"
)

// getFaults answers GET /admin/faults.
func (d *desk) getFaults(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	s := d.Controller.State()
	return answer{body: s.View(time.Now()), revision: &s.Revision}, nil
}

// putFaults answers PUT /admin/faults: the fields that the document names are set, in one step.
func (d *desk) putFaults(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run", "cut")
	if err != nil {
		return answer{}, err
	}
	if cut, err := p.flag("cut"); cut || err != nil {
		if err == nil {
			err = refusef(http.StatusBadRequest, "cut", "not available in this version")
		}
		return answer{}, err
	}
	var wanted control.Document
	sent, err := decode(r, &wanted)
	if err != nil {
		return answer{}, err
	}
	after, revision, err := d.change(r, p, func(s *control.State) error { return s.Apply(wanted, time.Now()) })
	if err != nil {
		return answer{}, within(sent, "", err)
	}
	return answer{body: after.View(time.Now()), revision: revision}, nil
}

// deleteFaults answers DELETE /admin/faults: back to normal, or what one owner set is taken away.
func (d *desk) deleteFaults(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run", "owner")
	if err != nil {
		return answer{}, err
	}
	owner, err := p.text("owner")
	if err != nil {
		return answer{}, err
	}
	after, revision, err := d.change(r, p, func(s *control.State) error {
		if owner != "" {
			s.ClearOwner(owner)
		} else {
			s.Clear()
		}
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return answer{body: after.View(time.Now()), revision: revision}, nil
}
