package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/document"
)

// params are the query's parameters, each given at most once.
type params map[string]string

// readParams reads the query. A parameter that is not known may be a slip of one that would have made a difference
// (?dryrun=1), so it is refused.
func readParams(r *http.Request, known ...string) (params, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refusef(http.StatusBadRequest, "", "the query cannot be read: %v", err)
	}
	given := make(params, len(values))
	for name, list := range values {
		if !slices.Contains(known, name) {
			e := refusef(http.StatusBadRequest, shorten(name, maxLogged), "unknown parameter")
			e.DidYouMean = document.Nearest(name, known)
			return nil, e
		}
		if len(list) > 1 {
			return nil, refusef(http.StatusBadRequest, name, "given twice")
		}
		given[name] = list[0]
	}
	return given, nil
}

// flag reads a parameter that is on or off; absent = off.
func (p params) flag(name string) (bool, error) {
	value, given := p[name]
	if !given {
		return false, nil
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, refusef(http.StatusBadRequest, name, "want 1 or 0, got %q", shorten(value, maxLogged))
	}
	return on, nil
}

// text reads a parameter that must not be empty if it is there: an empty one is a shell variable that was not set.
func (p params) text(name string) (string, error) {
	value, given := p[name]
	if given && value == "" {
		return "", refusef(http.StatusBadRequest, name, "must not be empty")
	}
	return value, nil
}

// address names the rule of a request's path and ?proxy=.
func (p params) address(name string) (control.Address, error) {
	at := control.Address{Name: name}
	proxyName, err := p.text("proxy")
	if proxyName != "" {
		at.Proxy = &proxyName
	}
	return at, err
}

// pathName is the name in a request's path.
func pathName(r *http.Request) string { return mux.Vars(r)["name"] }

// ifMatch gives the revision that a change was made for; nil = whatever it is.
func ifMatch(r *http.Request) (*uint64, error) {
	tags := r.Header.Values("If-Match")
	if len(tags) == 0 || len(tags) == 1 && tags[0] == "*" {
		return nil, nil
	}
	tag := strings.Join(tags, ",")
	digits := tag
	if unquoted, found := strings.CutPrefix(tag, `"`); found {
		digits = strings.TrimSuffix(unquoted, `"`)
	}
	revision, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return nil, refusef(http.StatusBadRequest, "If-Match", `want one revision, as in "7", got %s`, shorten(tag, maxLogged))
	}
	return &revision, nil
}

// caller says who asks, for the record: the address that the request came from, whatever its headers say of others, and
// whether it brought the token. Without one nobody can change anything where one is asked for.
func (d *desk) caller(r *http.Request) string {
	who := r.RemoteAddr
	if who == "" || who == "@" {
		who = "unix socket"
	}
	if d.Token != "" {
		who += " (admin token)"
	}
	return who
}

// change asks the controller for a change on the request's terms: ?dry_run=, If-Match. The revision is nil for a dry run, since nothing has that one.
func (d *desk) change(r *http.Request, p params, mutate func(*control.State) error) (after *control.State, revision *uint64, err error) {
	terms := control.Request{By: d.caller(r)}
	if terms.DryRun, err = p.flag("dry_run"); err != nil {
		return nil, nil, err
	}
	if terms.Revision, err = ifMatch(r); err != nil {
		return nil, nil, err
	}
	var before uint64
	after, err = d.Controller.Change(r.Context(), terms, func(s *control.State) error {
		before = s.Revision
		return mutate(s)
	})
	switch {
	case err != nil:
		return nil, nil, err
	case terms.DryRun:
		return after, nil, nil
	case after.Revision != before:
		d.log.changed(r, after.Revision)
	}
	return after, &after.Revision, nil
}
