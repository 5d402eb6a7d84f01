package verdict

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes the report for a terminal: the worst first, what mends it below, and what nobody can tell last.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Verdict, r.summary())
	fmt.Fprintf(&b, "%s\n", r.basis())
	for _, grade := range []Grade{Fail, Warn, Pass, Inconclusive} {
		if !grade.AtLeast(Warn) && r.Count(grade) > 0 {
			b.WriteString("\n")
		}
		for _, f := range r.Findings {
			if f.Verdict != grade {
				continue
			}
			if grade.AtLeast(Warn) {
				b.WriteString("\n")
			}
			f.text(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary counts the findings by grade.
func (r Report) summary() string {
	text := fmt.Sprintf("%d failed, %d warned, %d passed, %d inconclusive",
		r.Count(Fail), r.Count(Warn), r.Count(Pass), r.Count(Inconclusive))
	if r.Verdict == Pass && r.Count(Inconclusive) > r.Count(Pass) {
		text += ": nothing wrong was seen, and most could not be told"
	}
	return text
}

// basis says what the report was made of.
func (r Report) basis() string {
	text := fmt.Sprintf("%s in %s", count(r.Records.Attempts, "exchange"), count(r.Records.Calls, "call"))
	if !r.Begin.IsZero() {
		text += fmt.Sprintf(", %s from %s on", brief(r.End.Sub(r.Begin)), r.Begin.UTC().Format(time.RFC3339))
	}
	text += "; repetitions " + r.linked()
	if r.Demand > 0 {
		text += fmt.Sprintf("; demand %s calls a second", number(r.Demand))
	}
	if r.Records.LeftOut > 0 {
		text += fmt.Sprintf("; %d older records were left out", r.Records.LeftOut)
	}
	return text
}

// linked says by which rules repetitions were found.
func (r Report) linked() string {
	var rules []string
	for _, rule := range []Rule{ByID, ByNumber, ByHeuristic} {
		if n := r.Linked[rule]; n > 0 {
			rules = append(rules, fmt.Sprintf("by %s: %d", rule, n))
		}
	}
	if len(rules) == 0 {
		return "none"
	}
	return strings.Join(rules, ", ")
}

// text writes one finding; of what passed and of what nobody can tell a line.
func (f Finding) text(b *strings.Builder) {
	if !f.Verdict.AtLeast(Warn) {
		fmt.Fprintf(b, "%-12s %-4s %s: %s\n", f.Verdict, f.ID, f.Name, f.Says)
		return
	}
	fmt.Fprintf(b, "%-12s %-4s %s\n", f.Verdict, f.ID, f.Name)
	fmt.Fprintf(b, "  %s\n", f.Says)
	fmt.Fprintf(b, "  measured: %s\n", join(f.Figures, Figure.String))
	fmt.Fprintf(b, "  thresholds: %s\n", join(f.Thresholds, Threshold.String))
	if len(f.Evidence) > 0 {
		fmt.Fprintf(b, "  exchanges: %s\n", f.evidence())
	}
	for _, m := range f.Mend {
		fmt.Fprintf(b, "  mend, %s: %s\n", m.Library, m.Setting)
	}
}

// evidence lists the ids of exchanges.
func (f Finding) evidence() string {
	text := join(f.Evidence, func(id uint64) string { return fmt.Sprint(id) })
	if f.LeftOut > 0 {
		text += fmt.Sprintf(" and %d more", f.LeftOut)
	}
	return text
}

// String writes a figure with its name.
func (f Figure) String() string { return f.Name + " " + f.Text() }

// Text writes a figure's number.
func (f Figure) Text() string { return quantity(f.Value, f.Unit) }

// String writes a threshold with its name.
func (t Threshold) String() string { return t.Name + " " + t.Text() }

// Text writes a threshold's number.
func (t Threshold) Text() string { return quantity(t.Value, t.Unit) }

// quantity writes a number with its unit; seconds as times.
func quantity(value float64, unit string) string {
	switch unit {
	case "s":
		return brief(seconds(value))
	case "":
		return number(value)
	}
	return number(value) + " " + unit
}

// join writes each of a list with a comma between them.
func join[T any](all []T, write func(T) string) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = write(one)
	}
	return strings.Join(texts, ", ")
}
