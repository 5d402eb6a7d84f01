package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newVersion(sys system) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(sys.out, "squall %s\n", version)
			return err
		},
	}
}
