package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/client/calls"
)

// callFlags are the settings of squall call.
type callFlags struct {
	as         string
	retries    int
	retryDelay time.Duration
	rate       float64
	count      int
	duration   time.Duration
	method     string
	headers    []string
	body       string
	fail       bool
}

func newCall(sys system) *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "call URL",
		Short: "Call URL as a resilient client does, and say how it fared",
		Long: `Call URL as the labs' client does. It prints a line per failed attempt, per answer and per change of the circuit
breaker, and a closing summary: calls answered well, with the service's degraded data, with last-good data, and failed.

  --as retry      retries, then a canned message (lab 6, first step)
  --as fallback   the same; it also knows the service's fallback mode and keeps last-good data (second step)
  --as breaker    the same; a circuit breaker holds attempts back while most of them fail (third step)

Without --as everything is on: delays that grow and are spread at random, a budget for retries, a second attempt beside a
slow one, answers from the store for as long as the service allows it.`,
		Example: `  squall call http://127.0.0.1:6055/ --as retry --count 10
  squall call http://127.0.0.1:6055/ --rate 5 --for 30s`,
		Args: exactArgs("URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			caller, err := f.caller(args[0], cmd.Flags().Changed("retries"), cmd.Flags().Changed("retry-delay"))
			if err != nil {
				return err
			}
			caller.Lines = sys.out
			summary, err := caller.Run(cmd.Context())
			if err != nil {
				return usageError{err}
			}
			if _, err := fmt.Fprintln(sys.out, summary); err != nil {
				return err
			}
			if f.fail && summary.Failed > 0 {
				return exitError{code: exitFail}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.as, "as", "", "retry, fallback or breaker: one step of lab 6's client (default: everything on)")
	flags.IntVar(&f.retries, "retries", 3, "retries after a failed attempt")
	flags.DurationVar(&f.retryDelay, "retry-delay", time.Second, "delay before each retry; without --as the ceiling of the first one, growing (default there 100ms)")
	flags.Float64Var(&f.rate, "rate", 0, "calls per second, whatever the answers take (default: one after the other)")
	flags.IntVar(&f.count, "count", 0, "stop after so many calls (default: 1, or no limit with --rate or --for)")
	flags.DurationVar(&f.duration, "for", 0, "stop after this time")
	flags.StringVarP(&f.method, "method", "X", http.MethodGet, "the method")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "a header field, as in 'Name: value'")
	flags.BoolVar(&f.fail, "fail", false, "exit with 1 if a call failed")
	flags.StringVarP(&f.body, "data", "d", "", "the body")
	return cmd
}

// caller turns the flags into a client.
func (f *callFlags) caller(url string, retriesSet, delaySet bool) (calls.Caller, error) {
	caller := calls.Caller{URL: url, Method: f.method, Rate: f.rate, Count: f.count, For: f.duration, Header: http.Header{}}
	if f.body != "" {
		caller.Body = []byte(f.body)
	}
	if f.count == 0 && f.rate == 0 && f.duration == 0 {
		caller.Count = 1
	}
	for _, field := range f.headers {
		name, value, found := strings.Cut(field, ":")
		if !found {
			return caller, usagef("--header %q: want 'Name: value'", field)
		}
		caller.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	switch f.as {
	case "retry":
		caller.Client = client.Lab6Retry(f.retries, f.retryDelay)
	case "fallback":
		caller.Client = client.Lab6Fallback(f.retries, f.retryDelay)
	case "breaker":
		caller.Client = client.Lab6Breaker(f.retries, f.retryDelay)
	case "":
		caller.Client = client.Default()
		if retriesSet {
			caller.Client.Retry.Max = f.retries
		}
		if delaySet {
			caller.Client.Retry.Base = f.retryDelay
			caller.Client.Retry.Cap = max(caller.Client.Retry.Cap, f.retryDelay)
		}
	default:
		return caller, usagef("--as %q: want retry, fallback or breaker", f.as)
	}
	return caller, nil
}
