package verdict

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// WriteText writes the report for a terminal: the worst first, what mends it below, and what nobody can tell last.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Verdict, r.summary())
	wrap(&b, "", "", r.basis())
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
	return text + r.unjudged()
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
	if r.Records.Overrun {
		text += "; the first of those that were asked for may be forgotten"
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
		wrap(b, fmt.Sprintf("%-12s %-4s ", f.Verdict, f.ID), strings.Repeat(" ", 18), f.Name+": "+f.Says)
		return
	}
	const below = "  "
	fmt.Fprintf(b, "%-12s %-4s %s\n", f.Verdict, f.ID, f.Name)
	wrap(b, below, below, f.Says)
	wrap(b, below+"measured: ", below+below, join(f.Figures, Figure.String))
	wrap(b, below+"thresholds: ", below+below, join(f.Thresholds, Threshold.String))
	if len(f.Evidence) > 0 {
		wrap(b, below+"exchanges: ", below+below, f.evidence())
	}
	for _, m := range f.Mend {
		wrap(b, below+"mend, "+m.Library+": ", below+below, m.Setting)
	}
}

// textWidth is how many characters a line of text has at most, but for one that is a single word.
const textWidth = 120

// wrap writes a text in lines of at most textWidth characters: begin stands before the first of them, indent before the others.
func wrap(b *strings.Builder, begin, indent, text string) {
	b.WriteString(begin)
	column, fresh := utf8.RuneCountInString(begin), true
	for word := range strings.FieldsSeq(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case fresh:
		case column+1+length > textWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column, fresh = column+length, false
	}
	b.WriteString("\n")
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
