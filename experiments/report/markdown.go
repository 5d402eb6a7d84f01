package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the run as Markdown with tables (GitHub's), fit for a comment on a change.
func (r Run) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", r.Summary(), plain(r.Title))
	if r.Description != "" {
		fmt.Fprintf(&b, "%s\n\n", plain(r.Description))
	}
	fmt.Fprintf(&b, "Run %s, %s, %s.\n\n", plain(r.ID), r.Began.UTC().Format("2006-01-02 15:04:05 UTC"), brief(r.Ended.Sub(r.Began)))
	for _, reason := range r.Reasons {
		fmt.Fprintf(&b, "- %s\n", plain(reason))
	}
	if len(r.Reasons) > 0 {
		b.WriteByte('\n')
	}
	if says := r.recoverySays(); says != "" {
		fmt.Fprintf(&b, "Recovery: %s.\n\n", says)
	}
	var rows [][]string
	for _, s := range r.Steps {
		rows = append(rows, []string{s.Name, r.since(s.Began), brief(s.Took()), s.hits(), r.stepRemark(s)})
	}
	table(&b, "What was done", []string{"Step", "Began", "Took", "Hits", ""}, rows)
	rows = nil
	for _, s := range r.Sums() {
		first := ""
		if s.Failed > 0 {
			first = r.since(s.First) + ": " + s.Why
		}
		rows = append(rows, []string{s.Check, s.Phase, fmt.Sprint(s.Made), fmt.Sprint(s.Failed), s.remark(), first})
	}
	table(&b, "Checks", []string{"Check", "Phase", "Made", "Failed", "Seen last", "The first that failed"}, rows)
	rows = nil
	for _, x := range r.Expectations {
		rows = append(rows, []string{x.Name, string(x.Outcome), x.Says, figuresSay(x)})
	}
	table(&b, "Expectations", []string{"Expected", "Outcome", "Seen", "Figures"}, rows)
	rows = nil
	for _, t := range r.trials() {
		rows = append(rows, []string{fmt.Sprint(t.Number), t.Level.String(), trialSays(t)})
	}
	if r.Search != nil {
		fmt.Fprintf(&b, "Search: %s.\n\n", plain(r.searchSays()))
	}
	table(&b, "Trials", []string{"Trial", "Value", "Outcome"}, rows)
	rows = nil
	for _, l := range r.Loads {
		for _, f := range l.Phases {
			rows = append(rows, []string{
				l.Name, f.Phase, fmt.Sprint(f.Requests), fmt.Sprintf("%.1f %%", 100*f.Share()), brief(f.P50), brief(f.P99), brief(f.Max),
			})
		}
	}
	table(&b, "Load", []string{"Load", "Phase", "Requests", "Failed", "p50", "p99", "Max"}, rows)
	for _, l := range r.Loads {
		if l.Warning != "" {
			fmt.Fprintf(&b, "%s: %s\n", plain(l.Name), plain(l.Warning))
		}
	}
	if len(r.Replays) > 0 {
		b.WriteString("\n## Once more\n\n")
	}
	for _, p := range r.Replays {
		fmt.Fprintf(&b, "- %s\n", plain(replaySays(p)))
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

// table writes a table, unless it is empty.
func table(b *strings.Builder, title string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	b.WriteByte('\n')
}

// plain keeps a text from being taken for Markdown or HTML.
func plain(text string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, `\`, `\\`, "#", `\#`, "\r", " ", "\n", " ",
	).Replace(text)
}
