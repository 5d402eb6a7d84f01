package main

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
)

const logPath = "/admin/log"

func newLog(sys system) *cobra.Command {
	var r remote
	cmd := group("log", "Show and change how much a running squall logs")
	level := &cobra.Command{
		Use:   "level [debug|info|warn|error]",
		Short: "Show the level from which on lines are logged, or set it until squall ends",
		Long: `Show the level from which on a running squall logs lines, or set it until that one ends. At debug every exchange has a
line, with all its decisions; at info those that nothing happened to share the lines of --log-rate.`,
		Example: "  squall log level debug",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("want one level at most (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return r.ask(cmd.Context(), sys, http.MethodGet, logPath, nil)
			}
			return r.ask(cmd.Context(), sys, http.MethodPut, logPath, admin.Log{Level: args[0]})
		},
	}
	cmd.AddCommand(level)
	r.addFlags(cmd)
	return cmd
}
