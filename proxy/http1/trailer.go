package http1

import (
	"slices"
	"strings"

	"github.com/squall-proxy/squall/faults"
)

// changeTrailer prepares to change the fields behind the reply's body, or withdraws the rule where there can be none.
func (x *exchange) changeTrailer(t faults.Trailer) {
	r := &x.reply
	if x.request.minor == 0 || r.framing == forbidden || len(t.Set) == 0 && r.framing != chunked {
		x.plan.Withdraw()
		return
	}
	x.record.Faulted = true
	x.trailers = append(x.trailers, t)
	var announced []string
	for name := range r.listed(trailer) {
		if !t.Drops(name) {
			announced = append(announced, name)
		}
	}
	for _, set := range t.Set {
		if !slices.ContainsFunc(announced, func(name string) bool { return equalFold(name, set.Name) }) {
			announced = append(announced, set.Name)
		}
	}
	r.remove("Trailer")
	if len(announced) > 0 {
		r.add("Trailer", strings.Join(announced, ", "))
	}
}

// setsTrailer reports whether a rule sets fields behind the body, so that it has to be a chunked one.
func (x *exchange) setsTrailer() bool {
	return slices.ContainsFunc(x.trailers, func(t faults.Trailer) bool { return len(t.Set) > 0 })
}

// editTrailer changes the fields behind the reply's body, once all of it has come.
func (x *exchange) editTrailer() {
	f := &x.download.trailer
	for _, t := range x.trailers {
		f.lines = slices.DeleteFunc(f.lines, func(line field) bool { return t.Drops(line.name) })
		for _, set := range t.Set {
			f.set(set.Name, set.Value)
		}
	}
}
