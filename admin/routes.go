package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// Route is one thing that can be asked for.
type Route struct {
	Method  string
	Path    string // names in braces stand for one path segment
	Summary string
}

// Routes lists every route of the API.
func (s *Server) Routes() []Route {
	d := &desk{Server: s}
	var routes []Route
	for _, row := range append(d.table(), d.toxiproxyTable()...) {
		routes = append(routes, row.Route)
	}
	return append(routes, metricsRoute)
}

// desk is where the requests of one handler are answered.
type desk struct {
	*Server
	log       *quietLog
	documents chan struct{} // has room for as many as hold a document
	judging   chan struct{} // has room for one who makes a verdict
}

// handler answers a request, or says what is wrong with it.
type handler func(r *http.Request) (answer, error)

// row is a route with what answers it.
type row struct {
	Route
	handle handler
}

// table is the one list of squall's own routes; toxiproxyTable has Toxiproxy's.
func (d *desk) table() []row {
	return []row{
		{Route{"GET", "/admin/faults", "the faults in force"}, d.getFaults},
		{Route{"PUT", "/admin/faults", "sets what the document names"}, d.putFaults},
		{Route{"DELETE", "/admin/faults", "back to normal; ?owner= takes away what one owner set"}, d.deleteFaults},
		{Route{"GET", "/admin/faults/rules", "all rules"}, d.getRules},
		{Route{"POST", "/admin/faults/rules", "adds a rule"}, d.postRule},
		{Route{"GET", "/admin/faults/rules/{name}", "a rule and its counters; ?proxy= where a name is ambiguous"}, d.getRule},
		{Route{"PUT", "/admin/faults/rules/{name}", "adds a rule, or replaces it; ?before= another"}, d.putRule},
		{Route{"PATCH", "/admin/faults/rules/{name}", "merges into a rule, its counters go on"}, d.patchRule},
		{Route{"DELETE", "/admin/faults/rules/{name}", "takes a rule away"}, d.deleteRule},
		{Route{"POST", "/admin/faults/rules/{name}/rearm", "starts a rule's counters anew"}, d.rearmRule},
		{Route{"GET", "/admin/wait", "waits for a rule's hits: ?rule=&proxy=&hits=&timeout="}, d.wait},
		{Route{"GET", "/admin/leases", "all leases, and what hangs on each"}, d.getLeases},
		{Route{"POST", "/admin/leases/{id}/renew", "puts a lease's end off to its whole time from now"}, d.renewLease},
		{Route{"DELETE", "/admin/leases/{id}", "takes away all that hangs on a lease"}, d.deleteLease},
		{Route{"GET", "/admin/halt", "whether the stop lever is pulled"}, d.getHalt},
		{Route{"PUT", "/admin/halt", "pulls it: what is timed goes back, no fault can be added"}, d.putHalt},
		{Route{"DELETE", "/admin/halt", "releases it"}, d.deleteHalt},
		{Route{"GET", "/admin/audit", "the latest changes, and who made them: ?since=&limit="}, d.getAudit},
		{Route{"GET", "/admin/proxies", "all proxies"}, d.getProxies},
		{Route{"GET", "/admin/proxies/{name}", "a proxy"}, d.getProxy},
		{Route{"PUT", "/admin/proxies/{name}", "adds a proxy, or replaces it"}, d.putProxy},
		{Route{"PATCH", "/admin/proxies/{name}", "merges into a proxy"}, d.patchProxy},
		{Route{"DELETE", "/admin/proxies/{name}", "takes a proxy away with its rules"}, d.deleteProxy},
		{Route{"GET", "/admin/exchanges", "the latest exchanges: ?proxy=&rule=&hit=&outcome=&since=&limit="}, d.getExchanges},
		{Route{"GET", "/admin/events", "what happens, as server-sent events: ?for=, Last-Event-ID"}, d.getEvents},
		{Route{"GET", "/admin/series", "figures of the last 15 minutes, by seconds: ?proxy=&last="}, d.getSeries},
		{Route{"GET", "/admin/kinds", "the kinds of faults, and their attributes"}, d.getKinds},
		{Route{"GET", "/admin/connections", "the clients that are connected: ?proxy="}, d.getConnections},
		{Route{"DELETE", "/admin/connections", "drops those of ?proxy=, or ?all=1; ?how=reset by a reset"}, d.deleteConnections},
		{Route{"DELETE", "/admin/connections/{id}", "drops one; ?how=reset by a reset"}, d.deleteConnection},
		{Route{"GET", "/admin/verdict", "what the exchanges say about a client: ?proxy=&client=&since=&caller_proxy=&demand=&distinct=&weights=&require=&format=&fail_on="}, d.getVerdict},
		{Route{"POST", "/admin/verdict", "the same, on a course whose phases the document names"}, d.postVerdict},
		{Route{"GET", "/admin/ca", "the certificate of the throw-away authority, for clients to trust"}, d.getCA},
		{Route{"GET", "/admin/log", "the level from which on lines are logged"}, d.getLog},
		{Route{"PUT", "/admin/log", "sets it, until squall ends"}, d.putLog},
		{Route{"GET", "/admin/openapi.yaml", "this API, as OpenAPI 3.1"}, d.openAPI},
		{Route{"GET", "/healthz", "squall lives"}, d.healthz},
		{Route{"GET", "/readyz", "squall can serve"}, d.readyz},
		{Route{"GET", "/", "the dashboard for browsers, this list for others"}, d.index},
		{Route{"GET", "/ui/{file}", "what the dashboard is made of"}, d.page},
	}
}

// router sends each request to its row. Paths are matched decoded: the guard lets none pass in which that could make a
// difference. Whatever takes GET takes HEAD.
func (d *desk) router() *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	for _, row := range d.table() {
		methods := []string{row.Method}
		if row.Method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		router.Handle(row.Path, d.serve(row.handle, d.refuse)).Methods(methods...)
	}
	router.NotFoundHandler = http.HandlerFunc(d.notFound)
	router.MethodNotAllowedHandler = d.notAllowed(router)
	return router
}

// notFound refuses a path that no row has.
func (d *desk) notFound(w http.ResponseWriter, r *http.Request) {
	d.refuse(w, r, refusef(http.StatusNotFound, "", "nothing is at %q: GET / lists what there is", r.URL.Path))
}

// notAllowed refuses a method, and says which are there.
func (d *desk) notAllowed(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := strings.Join(methodsAt(router, r), ", ")
		w.Header().Set("Allow", allowed)
		d.refuse(w, r, refusef(http.StatusMethodNotAllowed, "", "%s is not for this path: want %s", r.Method, allowed))
	})
}

// methodsAt lists the methods that the path of a request takes.
func methodsAt(router *mux.Router, r *http.Request) []string {
	var methods []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		probe := *r
		probe.Method = method
		var match mux.RouteMatch
		if router.Match(&probe, &match) && match.MatchErr == nil {
			methods = append(methods, method)
		}
	}
	return methods
}

// index gives the dashboard to browsers, and lists the routes for others.
func (d *desk) index(r *http.Request) (answer, error) {
	if wantsPage(r) {
		return pageFile(indexFile)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "squall %s\n\n", d.Version.Squall)
	for _, route := range d.Routes() {
		fmt.Fprintf(&text, "%-6s %-34s %s\n", route.Method, route.Path, route.Summary)
	}
	return answer{text: text.String()}, nil
}
