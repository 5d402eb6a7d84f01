package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const proxiesPath = "/admin/proxies"

func newProxies(sys system) *cobra.Command {
	var r remote
	cmd := group("proxies", "Show and change the proxies of a running squall")
	r.addFlags(cmd)
	cmd.AddCommand(newProxiesList(sys, &r), newProxiesAdd(sys, &r), newProxiesRemove(sys, &r))
	return cmd
}

func newProxiesList(sys system, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the proxies", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			proxies, err := client.Proxies(cmd.Context())
			if err != nil {
				return r.explain(err)
			}
			table := tabwriter.NewWriter(sys.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tLISTENS ON\tUPSTREAM\tENABLED")
			for _, p := range proxies {
				listen := p.Bound
				if listen == "" {
					listen = p.Listen
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%t\n", p.Name, listen, p.Upstream, p.Enabled)
			}
			return table.Flush()
		},
	}
}

func newProxiesAdd(sys system, r *remote) *cobra.Command {
	var file, protocol string
	cmd := &cobra.Command{
		Use: "add NAME [LISTEN UPSTREAM]", Short: "Add a proxy, or replace the one of that name",
		Example: `  squall proxies add stock 127.0.0.1:6060 http://127.0.0.1:8080
  squall proxies add redis 127.0.0.1:6380 127.0.0.1:6379 --protocol tcp
  squall proxies add stock --file stock.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if file == "" && len(args) != 3 || file != "" && len(args) != 1 {
				return usagef("want NAME LISTEN UPSTREAM, or NAME --file FILE (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var document any
			if file != "" {
				node, err := readDocument(file)
				if err != nil {
					return usageError{err}
				}
				document = node
			} else {
				document = map[string]string{"listen": args[1], "upstream": args[2], "protocol": protocol}
			}
			return r.ask(cmd.Context(), sys, http.MethodPut, proxiesPath+"/"+url.PathEscape(args[0]), document)
		},
	}
	cmd.Flags().StringVar(&protocol, "protocol", "http", "http or tcp, without --file")
	cmd.Flags().StringVar(&file, "file", "", "YAML or JSON with all its settings")
	return cmd
}

func newProxiesRemove(sys system, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Take a proxy away, with its rules", Args: exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.ask(cmd.Context(), sys, http.MethodDelete, proxiesPath+"/"+url.PathEscape(args[0]), nil)
		},
	}
}
