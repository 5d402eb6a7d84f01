package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

func newWait(sys system) *cobra.Command {
	var r remote
	var hits uint64
	var timeout time.Duration
	var proxyName string
	cmd := &cobra.Command{
		Use:   "wait RULE",
		Short: "Wait until a rule has hit so many times",
		Long: `Wait until a rule of a running squall has hit so many times since its counters started, and say how many it were. The
exit code is 1 if the time is over before. A rule may be one of the mode in force: mode/failure.`,
		Example: `  squall wait lost --hits 3 --timeout 10s
  squall wait mode/failure --proxy flaky`,
		Args: exactArgs("RULE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			at := control.Address{Name: args[0]}
			if proxyName != "" {
				at.Proxy = &proxyName
			}
			counted, err := client.WaitHits(cmd.Context(), at, hits, timeout)
			refusal, refused := errors.AsType[*admin.Error](err)
			late := refused && refusal.Status == http.StatusRequestTimeout
			if err != nil && !late {
				return r.explain(err)
			}
			if _, err := fmt.Fprintf(sys.out, "%s: %d of %d hits\n", args[0], counted, hits); err != nil {
				return err
			}
			if late {
				return exitError{code: exitFail}
			}
			return nil
		},
	}
	r.addFlags(cmd)
	flags := cmd.Flags()
	flags.Uint64Var(&hits, "hits", 1, "how many hits")
	flags.DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait, at most 60s")
	addRuleProxy(cmd, &proxyName)
	return cmd
}
