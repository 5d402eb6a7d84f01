package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newConnections(sys system) *cobra.Command {
	var r remote
	cmd := group("connections", "Show and drop the clients that are connected")
	cmd.Long = `Show and drop the clients that are connected to a running squall. Dropping waits for nobody, and what a client has not
got yet may be lost.`
	r.addFlags(cmd)
	cmd.AddCommand(newConnectionsList(sys, &r), newConnectionsDrop(sys, &r))
	return cmd
}

func newConnectionsList(sys system, r *remote) *cobra.Command {
	var proxyName string
	cmd := &cobra.Command{
		Use: "list", Short: "List the clients that are connected", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			connections, err := client.Connections(cmd.Context(), proxyName)
			if err != nil {
				return r.explain(err)
			}
			table := tabwriter.NewWriter(sys.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ID\tPROXY\tCLIENT\tUPSTREAM\tOPEN FOR\tEXCHANGES\tBUSY\tRECEIVED\tSENT")
			for _, c := range connections {
				fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%v\t%d\t%t\t%d\t%d\n", c.ID, c.Proxy, c.Client, c.Upstream,
					time.Since(c.Opened).Round(time.Millisecond), c.Exchanges, c.Busy, c.RequestBytes, c.ResponseBytes)
			}
			return table.Flush()
		},
	}
	cmd.Flags().StringVar(&proxyName, "proxy", "", "only those of this proxy")
	return cmd
}

func newConnectionsDrop(sys system, r *remote) *cobra.Command {
	var proxyName string
	var all, reset bool
	cmd := &cobra.Command{
		Use: "drop [ID]", Short: "End one connection, those of a proxy, or all",
		Example: "  squall connections drop --proxy redis --reset",
		Args:    cobra.ArbitraryArgs, // RunE looks at them
		RunE: func(cmd *cobra.Command, args []string) error {
			ways := len(args)
			if proxyName != "" {
				ways++
			}
			if all {
				ways++
				proxyName = "*"
			}
			if ways != 1 {
				return usagef("want one of ID, --proxy and --all (see %s --help)", cmd.CommandPath())
			}
			how := ""
			if reset {
				how = "reset"
			}
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			dropped := 1
			if len(args) == 1 {
				err = client.DropConnection(cmd.Context(), args[0], how)
			} else {
				dropped, err = client.DropConnections(cmd.Context(), proxyName, how)
			}
			if err != nil {
				return r.explain(err)
			}
			_, err = fmt.Fprintf(sys.out, "dropped %d\n", dropped)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&proxyName, "proxy", "", "those of this proxy")
	flags.BoolVar(&all, "all", false, "those of every proxy")
	flags.BoolVar(&reset, "reset", false, "by a TCP reset, and not by a FIN")
	return cmd
}
