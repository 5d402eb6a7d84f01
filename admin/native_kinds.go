package admin

import (
	"net/http"

	"github.com/squall-proxy/squall/faults"
)

// kindView is what answers say of a kind of fault.
type kindView struct {
	Name       string             `json:"name"`
	Layer      faults.Layer       `json:"layer"`
	Main       string             `json:"main,omitempty"` // the attribute that the short form sets
	Summary    string             `json:"summary"`
	Phases     []faults.Phase     `json:"phases"` // the default first; none = it acts on one direction of a stream
	Attributes []faults.Attribute `json:"attributes"`
}

// kindsView is the answer to GET /admin/kinds.
type kindsView struct {
	Kinds []kindView `json:"kinds"`
}

// getKinds answers GET /admin/kinds: what a form for rules is made of.
func (d *desk) getKinds(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	v := kindsView{Kinds: []kindView{}}
	for _, k := range faults.Kinds() {
		if k.Available() {
			phases := append([]faults.Phase{}, k.Phases()...)
			v.Kinds = append(v.Kinds, kindView{k.Name, k.Layer, k.Main, k.Summary, phases, k.Attributes()})
		}
	}
	return answer{body: v}, nil
}
