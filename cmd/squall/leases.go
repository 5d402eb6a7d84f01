package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const leasesPath = "/admin/leases"

func newLeases(sys system) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "leases",
		Short: "Show, renew and end the leases of a running squall",
		Long: `Show, renew and end the leases of a running squall. What hangs on a lease ends unless somebody renews it in time, so
that no fault outlives the one who set it. The first fault that names a lease makes it:

  squall faults rule slow '{"delay":"300ms","lease":{"id":"run-42","for":"5s"}}'`,
	}
	r.addFlags(cmd)
	cmd.AddCommand(
		newLeasesList(sys, &r),
		&cobra.Command{
			Use: "renew ID", Short: "Put a lease's end off to its whole time from now", Args: exactArgs("ID"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.ask(cmd.Context(), sys, http.MethodPost, leasesPath+"/"+url.PathEscape(args[0])+"/renew", nil)
			},
		},
		&cobra.Command{
			Use: "end ID", Short: "Take away all that hangs on a lease", Args: exactArgs("ID"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.ask(cmd.Context(), sys, http.MethodDelete, leasesPath+"/"+url.PathEscape(args[0]), nil)
			},
		},
	)
	return cmd
}

func newLeasesList(sys system, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the leases, and what hangs on each", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			leases, err := client.Leases(cmd.Context())
			if err != nil {
				return r.explain(err)
			}
			table := tabwriter.NewWriter(sys.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ID\tFOR\tEXPIRES IN\tHOLDS")
			for _, l := range leases {
				fmt.Fprintf(table, "%s\t%v\t%s\t%s\n", l.ID, l.For, l.ExpiresIn, strings.Join(l.Holds, " "))
			}
			return table.Flush()
		},
	}
}
