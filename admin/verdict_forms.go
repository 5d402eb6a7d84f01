package admin

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/verdict"
)

// reportForm is one form in which a report can be had.
type reportForm struct {
	name    string
	kind    string   // Content-Type
	accepts []string // media types that ask for it
	write   func(r verdict.Report, w io.Writer, failOn verdict.Grade) error
}

// reportForms lists them; the first is for whoever does not say.
func reportForms() []reportForm {
	return []reportForm{
		{"json", "application/json", []string{"application/json", "application/*", "*/*"}, func(r verdict.Report, w io.Writer, _ verdict.Grade) error {
			return r.WriteJSON(w)
		}},
		{"html", "text/html; charset=utf-8", []string{"text/html"}, func(r verdict.Report, w io.Writer, _ verdict.Grade) error {
			return r.WriteHTML(w)
		}},
		{"text", "text/plain; charset=utf-8", []string{"text/plain", "text/*"}, func(r verdict.Report, w io.Writer, _ verdict.Grade) error {
			return r.WriteText(w)
		}},
		{"junit", "application/xml", []string{"application/xml", "text/xml", "application/junit+xml"}, verdict.Report.WriteJUnit},
	}
}

// formOf finds the form that a request asks for: by ?format=, else by the first type in Accept that there is. Weights are not
// looked at: browsers put first what they want most.
func formOf(r *http.Request, p params) (reportForm, error) {
	forms := reportForms()
	if name := p["format"]; name != "" {
		i := slices.IndexFunc(forms, func(f reportForm) bool { return f.name == name })
		if i < 0 {
			return reportForm{}, refusef(http.StatusBadRequest, "format", "want json, html, text or junit, got %q", shorten(name, maxLogged))
		}
		return forms[i], nil
	}
	for accepted := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, _, _ := strings.Cut(accepted, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		if i := slices.IndexFunc(forms, func(f reportForm) bool { return slices.Contains(f.accepts, kind) }); i >= 0 {
			return forms[i], nil
		}
	}
	return forms[0], nil
}
