package main

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds a health check; a container engine's own timeout is usually as short.
const healthTimeout = 2 * time.Second

func newHealth(system) *cobra.Command {
	return &cobra.Command{
		Use:   "health URL",
		Short: "Exit with 0 if URL answers 200 within 2 s, for container health checks",
		Args:  exactArgs("URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, args[0], nil)
			if err != nil {
				return usageError{err}
			}
			client := &http.Client{Timeout: healthTimeout, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
			response, err := client.Do(request)
			if err != nil {
				return fmt.Errorf("unhealthy: %w", err)
			}
			_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
			if closeErr := response.Body.Close(); err == nil {
				err = closeErr
			}
			if err != nil {
				return fmt.Errorf("unhealthy: %w", err)
			}
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("unhealthy: %s answered %s", args[0], response.Status)
			}
			return nil
		},
	}
}
