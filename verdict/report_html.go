package verdict

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed report.html
var page string

// WriteHTML writes the report as one page, which asks nobody for anything.
func (r Report) WriteHTML(w io.Writer) error {
	parsed, err := template.New("report").Funcs(template.FuncMap{
		"lower":  func(g Grade) string { return strings.ToLower(string(g)) },
		"at":     func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
		"share":  func(v float64) string { return percent(v) },
		"length": func(p Phase) string { return brief(p.End.Sub(p.Begin)) },
	}).Parse(page)
	if err != nil {
		return err
	}
	return parsed.Execute(w, pageOf(r))
}

// pageView is what the page shows.
type pageView struct {
	Report
	Summary, Basis string
	Worst          []Finding // WARN and FAIL, the worst first
	Rest           []Finding
}

func pageOf(r Report) pageView {
	v := pageView{Report: r, Summary: r.summary(), Basis: r.basis()}
	for _, grade := range []Grade{Fail, Warn, Pass, Inconclusive} {
		for _, f := range r.Findings {
			switch {
			case f.Verdict != grade:
			case grade.AtLeast(Warn):
				v.Worst = append(v.Worst, f)
			default:
				v.Rest = append(v.Rest, f)
			}
		}
	}
	return v
}
