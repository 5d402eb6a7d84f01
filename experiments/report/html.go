package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"time"

	"github.com/squall-proxy/squall/experiments/runner"
)

//go:embed page.html
var page string

// maxEvidence bounds the failed checks that a page shows, so that it opens also after a long run.
const maxEvidence = 200

// WriteHTML writes the run as one page, which asks nobody for anything and needs no script.
func (r Run) WriteHTML(w io.Writer) error {
	parsed, err := template.New("report").Funcs(template.FuncMap{
		"at":    r.since,
		"brief": brief,
		"percent": func(part, whole int64) float64 {
			return 100 * float64(part) / float64(max(whole, 1))
		},
		"plus": func(a, b float64) float64 { return a + b },
		"clip": clip, "trial": trialSays, "figures": figuresSay, "replay": replaySays, "remark": CheckSum.remark,
	}).Parse(page)
	if err != nil {
		return err
	}
	return parsed.Execute(w, r.view())
}

// view is what the page shows.
type view struct {
	Run
	Summary, Recovers string
	Found             string // by a search
	Took              time.Duration
	Timeline          timeline
	Figures           []figures
	Evidence          []runner.CheckResult // checks that failed
	LeftOut           int
	File              string
	Width, Left, Edge float64
}

// figures is a load as the page shows it.
type figures struct {
	Load
	Charts []chart
	Points []point
}

// stepView is a step as the page shows it.
type stepView struct {
	Step
	Hits, Remark string
}

// Shown are the steps as the page shows them.
func (v view) Shown() []stepView {
	var shown []stepView
	for _, s := range v.Steps {
		shown = append(shown, stepView{s, s.hits(), v.stepRemark(s)})
	}
	return shown
}

func (r Run) view() view {
	v := view{
		Run: r, Summary: r.Summary(), Recovers: r.recoverySays(), Found: r.searchSays(), Took: r.Ended.Sub(r.Began), Timeline: r.timeline(),
		Width: width, Left: left, Edge: width - right,
	}
	for _, l := range r.Loads {
		v.Figures = append(v.Figures, figures{l, r.charts(l), points(l.Seconds)})
	}
	for _, c := range r.Checks {
		switch {
		case c.Why == "":
		case len(v.Evidence) == maxEvidence:
			v.LeftOut++
		default:
			v.Evidence = append(v.Evidence, c)
		}
	}
	var file bytes.Buffer
	if json.Indent(&file, r.Source, "", "  ") == nil {
		v.File = file.String()
	}
	return v
}

// clip cuts a name that has no room beside its lane.
func clip(name string) string {
	const most = 19
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return name
}
