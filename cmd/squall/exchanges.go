package main

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/faults"
)

// widestPath is how much of a path the table shows, in characters.
const widestPath = 60

func newExchanges(sys system) *cobra.Command {
	var r remote
	var filter admin.ExchangeFilter
	var hit, asJSON bool
	cmd := &cobra.Command{
		Use:   "exchanges",
		Short: "Show the latest exchanges, and which rules hit them",
		Long: `Show the latest exchanges of a running squall, the last one first. The JSON (--json) says more: why each other rule did
not hit, bytes, addresses. The outcome ok means that the service's reply reached the client; that a status of 500 or more was
an error of the service's own is said beside it.`,
		Example: "  squall exchanges --proxy flaky --hit --limit 5",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("hit") {
				filter.Hit = &hit
			}
			if asJSON {
				return r.ask(cmd.Context(), sys, http.MethodGet, filter.Path(), nil)
			}
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			exchanges, err := client.Exchanges(cmd.Context(), filter)
			if err != nil {
				return r.explain(err)
			}
			return printExchanges(sys, exchanges)
		},
	}
	r.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&filter.Proxy, "proxy", "", "only those of this proxy")
	flags.StringVar(&filter.Rule, "rule", "", "only those that were decided for this rule; with --hit, that it hit")
	flags.BoolVar(&hit, "hit", false, "only those that were hit; --hit=false: that were not")
	flags.StringVar(&filter.Outcome, "outcome", "", "only these: ok, injected, real_error or client_left")
	flags.IntVar(&filter.Limit, "limit", 20, "how many, at most 1000")
	flags.BoolVar(&asJSON, "json", false, "print the answer as it came")
	return cmd
}

func printExchanges(sys system, exchanges []admin.Exchange) error {
	table := tabwriter.NewWriter(sys.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "AT\tPROXY\tMETHOD\tPATH\tSTATUS\tTOOK\tOUTCOME\tHIT BY")
	for _, e := range exchanges {
		var hits []string
		for _, d := range e.Faults {
			if d.Outcome == faults.Hit {
				hits = append(hits, d.Rule)
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%v\t%s\t%s\n", e.At.Local().Format("15:04:05.000"), e.Proxy,
			shown(e.Method), shown(e.Path), e.Status, time.Duration(e.Duration).Round(time.Microsecond), fared(e), strings.Join(hits, " "))
	}
	return table.Flush()
}

// fared says how an exchange went. Of ok it says whether that was an error all the same.
func fared(e admin.Exchange) string {
	if e.Outcome.ServiceError(e.Status) {
		return "ok (service's own error)"
	}
	return string(e.Outcome)
}

// shown is what a client sent as a terminal may get it: short, and without characters that would move its cursor.
func shown(text string) string {
	runes := []rune(text)
	if len(runes) > widestPath {
		runes = append(runes[:widestPath-1], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = unicode.ReplacementChar
		}
	}
	return string(runes)
}
