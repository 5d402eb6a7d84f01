package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/squall-proxy/squall/experiments/load"
)

// The drawing's measures, in its own units; a page scales it to its width.
const (
	width      = 960.0
	left       = 130.0 // for names and values
	right      = 14.0
	chartTall  = 150.0
	chartAbove = 10.0
	chartBelow = 24.0 // for the times
	laneTall   = 22.0
	maxPoints  = 600 // of a line: more than a screen can show
)

// axis places times.
type axis struct{ began, ended time.Time }

// x is the place of a time; what lies outside is moved to the edge.
func (a axis) x(t time.Time) float64 {
	whole := max(a.ended.Sub(a.began), time.Millisecond)
	part := float64(t.Sub(a.began)) / float64(whole)
	return left + min(max(part, 0), 1)*(width-left-right)
}

// tick is a mark of an axis.
type tick struct {
	At   float64
	Text string
}

// ticks marks the time at round distances from the begin, eight at most.
func (a axis) ticks() []tick {
	whole := a.ended.Sub(a.began)
	step := time.Second
	for _, seconds := range []int{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400} {
		if step = time.Duration(seconds) * time.Second; whole/step <= 8 {
			break
		}
	}
	for whole/step > 8 { // a journal may say anything
		step *= 2
	}
	var ticks []tick
	for i := range whole/step + 1 {
		d := i * step
		ticks = append(ticks, tick{a.x(a.began.Add(d)), clock(d)})
	}
	return ticks
}

// clock is a distance from the begin, in whole seconds.
func clock(d time.Duration) string {
	seconds := int(d.Seconds())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d h", seconds/3600, seconds/60%60)
}

// chart is lines over the time.
type chart struct {
	Title, Summary string
	Tall, Floor    float64 // of the drawing; of the lines
	Bands          []bar   // when faults acted
	Lines          []line
	X, Y           []tick
}

// line is one measure; each of its parts is the points of a line without a gap, as SVG has them.
type line struct {
	Class, Name string
	Parts       []string
}

// measure is what a line shows of a second.
type measure struct {
	class, name string
	of          func(load.Second) float64
}

// point is a load's figures of a second, or of several where there are more than can be drawn.
type point struct {
	load.Second
	Over time.Duration
}

// points thins a load's seconds to as many as can be drawn. Requests and errors are summed up, and of times the worst is kept.
func points(seconds []load.Second) []point {
	var all []point
	if len(seconds) == 0 {
		return nil
	}
	whole := seconds[len(seconds)-1].At.Sub(seconds[0].At) + time.Second
	over := max(time.Second, (whole/maxPoints + time.Second - 1).Truncate(time.Second))
	for _, s := range seconds {
		at := seconds[0].At.Add(s.At.Sub(seconds[0].At).Truncate(over))
		if n := len(all); n > 0 && all[n-1].At.Equal(at) {
			last := &all[n-1]
			last.Requests, last.Errors = last.Requests+s.Requests, last.Errors+s.Errors
			last.P50, last.P99 = max(last.P50, s.P50), max(last.P99, s.P99)
			continue
		}
		s.At = at
		all = append(all, point{s, over})
	}
	return all
}

// newChart draws measures of a load. A second without requests is a gap.
func newChart(a axis, title string, all []point, shown func(float64) string, measures ...measure) chart {
	c := chart{Title: title, Floor: chartAbove + chartTall, Tall: chartAbove + chartTall + chartBelow, X: a.ticks()}
	highest := 0.0
	for _, m := range measures {
		for _, p := range all {
			highest = max(highest, m.of(p.Second))
		}
	}
	top := c.scale(highest, shown)
	var says []string
	for _, m := range measures {
		drawn := line{Class: m.class, Name: m.name}
		most, mostAt := 0.0, a.began
		var part []string
		for i, p := range all {
			if i > 0 && p.At.Sub(all[i-1].At) > p.Over {
				drawn.Parts, part = append(drawn.Parts, strings.Join(part, " ")), nil
			}
			value := m.of(p.Second)
			if value > most {
				most, mostAt = value, p.At
			}
			part = append(part, fmt.Sprintf("%.1f,%.1f", a.x(p.At.Add(p.Over/2)), c.Floor-value/top*chartTall))
		}
		drawn.Parts = append(drawn.Parts, strings.Join(part, " "))
		c.Lines = append(c.Lines, drawn)
		says = append(says, fmt.Sprintf("%s: at most %s, at +%v", m.name, shown(most), max(0, mostAt.Sub(a.began)).Round(time.Second)))
	}
	c.Summary = strings.Join(says, "; ")
	return c
}

// scale marks the values from nothing to a round one that is no less than the highest, which it gives: six marks at most.
func (c *chart) scale(highest float64, shown func(float64) string) float64 {
	if highest <= 0 {
		highest = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(highest))-1)
	for _, larger := range []float64{2, 2.5, 2, 2} { // 1, 2, 5, 10, 20
		if highest/step <= 5 {
			break
		}
		step *= larger
	}
	marks := int(math.Ceil(highest / step))
	for i := range marks + 1 {
		c.Y = append(c.Y, tick{c.Floor - float64(i)/float64(marks)*chartTall, shown(float64(i) * step)})
	}
	return float64(marks) * step
}

// charts are those of a load: how many, and how long.
func (r Run) charts(l Load) []chart {
	a, all := axis{r.Began, r.Ended}, points(l.Seconds)
	if len(all) == 0 {
		return nil
	}
	over := all[0].Over.Seconds()
	charts := []chart{
		newChart(a, l.Name+": requests a second", all, func(v float64) string { return fmt.Sprintf("%.4g/s", v) },
			measure{"requests", "requests", func(s load.Second) float64 { return float64(s.Requests) / over }},
			measure{"errors", "errors", func(s load.Second) float64 { return float64(s.Errors) / over }}),
		newChart(a, l.Name+": how long they took", all, func(v float64) string { return brief(time.Duration(v)) },
			measure{"p50", "p50", func(s load.Second) float64 { return float64(s.P50) }},
			measure{"p99", "p99", func(s load.Second) float64 { return float64(s.P99) }}),
	}
	for i := range charts {
		for _, s := range r.Steps {
			if s.breaks() {
				from := a.x(s.Began)
				charts[i].Bands = append(charts[i].Bands, bar{X: from, W: max(a.x(s.Ended)-from, 1), Title: s.Name})
			}
		}
	}
	return charts
}
