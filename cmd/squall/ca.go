package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newCA(sys system) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the certificate of the throw-away authority, for clients to trust",
		Long: `Print the certificate (PEM) of the authority that vouches for the proxies with tls: {ca: throwaway}. A running squall
makes it at its start and keeps its key in memory only, so it is another one after each start.`,
		Example: "  curl --cacert <(squall ca) https://localhost:6443/",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.ask(cmd.Context(), sys, http.MethodGet, "/admin/ca", nil)
		},
	}
	r.addFlags(cmd)
	return cmd
}
