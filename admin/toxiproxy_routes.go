package admin

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/gorilla/mux"
	"github.com/rs/xid"

	"github.com/squall-proxy/squall/control/toxiproxy"
)

// toxiproxyTable lists the routes of Toxiproxy's API, all but /metrics, which takes any method.
func (d *desk) toxiproxyTable() []row {
	return []row{
		{Route{"GET", "/proxies", "Toxiproxy's: the TCP proxies by name"}, d.toxiproxyIndex},
		{Route{"POST", "/proxies", "Toxiproxy's: adds a TCP proxy"}, d.toxiproxyCreate},
		{Route{"POST", "/populate", "Toxiproxy's: adds TCP proxies, or replaces those that differ"}, d.toxiproxyPopulate},
		{Route{"GET", "/proxies/{proxy}", "Toxiproxy's: a TCP proxy"}, d.toxiproxyShow},
		{Route{"POST", "/proxies/{proxy}", "Toxiproxy's: the same as PATCH"}, d.toxiproxyUpdate},
		{Route{"PATCH", "/proxies/{proxy}", "Toxiproxy's: changes a TCP proxy"}, d.toxiproxyUpdate},
		{Route{"DELETE", "/proxies/{proxy}", "Toxiproxy's: takes a TCP proxy away with its rules"}, d.toxiproxyDelete},
		{Route{"GET", "/proxies/{proxy}/toxics", "Toxiproxy's: a TCP proxy's rules, as toxics"}, d.toxicIndex},
		{Route{"POST", "/proxies/{proxy}/toxics", "Toxiproxy's: adds a rule, as a toxic"}, d.toxicCreate},
		{Route{"GET", "/proxies/{proxy}/toxics/{toxic}", "Toxiproxy's: a rule, as a toxic"}, d.toxicShow},
		{Route{"POST", "/proxies/{proxy}/toxics/{toxic}", "Toxiproxy's: the same as PATCH"}, d.toxicUpdate},
		{Route{"PATCH", "/proxies/{proxy}/toxics/{toxic}", "Toxiproxy's: changes a toxic, its counters go on"}, d.toxicUpdate},
		{Route{"DELETE", "/proxies/{proxy}/toxics/{toxic}", "Toxiproxy's: takes a toxic away"}, d.toxicDelete},
		{Route{"POST", "/reset", "Toxiproxy's: enables all TCP proxies, takes all their rules away"}, d.toxiproxyReset},
		{Route{"GET", "/version", "what is running"}, d.version},
	}
}

// metricsRoute is what is listed of /metrics.
var metricsRoute = Route{"GET", "/metrics", "counters, for Prometheus"}

// isToxiproxys reports whether a path is one of Toxiproxy's API, or where one could be.
func isToxiproxys(path string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	return slices.Contains([]string{"proxies", "populate", "reset", "version", "metrics"}, first)
}

// doors sends each request to squall's own routes or to Toxiproxy's, which refuse in another way.
func (d *desk) doors() http.Handler {
	own, toxiproxys := d.router(), d.toxiproxyRouter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch clean := cleaned(r.URL.Path); {
		case !isToxiproxys(r.URL.Path):
			own.ServeHTTP(w, r)
		case clean != r.URL.Path:
			target := *r.URL
			target.Path, target.RawPath = clean, ""
			_ = answer{status: http.StatusMovedPermanently, location: target.String()}.write(w, r) // without a body it cannot fail
		default:
			toxiproxys.ServeHTTP(w, r)
		}
	})
}

// cleaned is a path without empty segments but a last one.
func cleaned(p string) string {
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// toxiproxyRouter sends each request of Toxiproxy's API to its row.
func (d *desk) toxiproxyRouter() *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	for _, row := range d.toxiproxyTable() {
		router.Handle(row.Path, matched(d.serve(row.handle, d.refuseToxiproxy))).Methods(row.Method)
	}
	if d.Metrics != nil {
		router.Handle(metricsRoute.Path, matched(d.Metrics))
	}
	router.NotFoundHandler = plainly(answer{status: http.StatusNotFound, text: "404 page not found\n"})
	router.MethodNotAllowedHandler = plainly(answer{status: http.StatusMethodNotAllowed})
	return router
}

// plainly answers the same to everybody.
func plainly(a answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = a.write(w, r) // a text cannot fail
	})
}

// matched is what Toxiproxy does on every route that a request matches, in this order: it numbers the request, and sends
// browsers away.
func matched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Toxiproxy-Request-Id", xid.New().String())
		if strings.HasPrefix(r.UserAgent(), "Mozilla/") {
			plainly(answer{status: http.StatusForbidden, text: "User agent not allowed\n"}).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseToxiproxy answers an error as Toxiproxy does.
func (d *desk) refuseToxiproxy(w http.ResponseWriter, r *http.Request, err error) {
	refusal := d.refusedToxiproxy(r, err)
	_ = answer{status: refusal.Status, text: asText(refusal) + "\n"}.write(w, r) // a text cannot fail
}

// refusedToxiproxy gives an error the form in which Toxiproxy's API answers it, and logs it.
func (d *desk) refusedToxiproxy(r *http.Request, err error) *toxiproxy.Error {
	e := toxiproxy.AsError(err)
	if e == nil {
		own := asError(err)
		e = &toxiproxy.Error{Message: own.Error(), Status: own.Status}
	}
	d.log.refused(r, &Error{Status: e.Status, Reason: e.Message})
	return e
}
