package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

const haltPath = "/admin/halt"

func newHalt(sys system) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "halt",
		Short: "Pull the stop lever: end whatever is timed, and let no fault be added until squall release",
		Long: `Pull the stop lever of a running squall: whatever has a time to live or hangs on a lease goes back, and no fault can be
added, changed or started anew until "squall release", also not after a restart. What is in force without an end stays:
"squall faults clear" takes that away.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.ask(cmd.Context(), sys, http.MethodPut, haltPath, nil)
		},
	}
	r.addFlags(cmd)
	return cmd
}

func newRelease(sys system) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Release the stop lever, so that faults can be added again",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.ask(cmd.Context(), sys, http.MethodDelete, haltPath, nil)
		},
	}
	r.addFlags(cmd)
	return cmd
}
