package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/verdict"
)

// exitVerdict is the exit code of a verdict as bad as --fail-on says, or worse, and of one that does not tell what --require wants told.
const exitVerdict = 3

// reporting are the flags of the commands that end with a verdict.
type reporting struct {
	json        bool
	junit, html string // files
	failOn      string
	require     []string
	thresholds  []string
	libraries   []string
}

func (r *reporting) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.json, "json", false, "print the verdict as JSON, not as text")
	flags.StringVar(&r.junit, "junit", "", "write it into a file as JUnit's XML, too")
	flags.StringVar(&r.html, "html", "", "write it into a file as one HTML page, too")
	flags.StringVar(&r.failOn, "fail-on", "", "warn or fail: end with code 3 if a finding is so bad, or worse")
	flags.StringSliceVar(&r.require, "require", nil,
		"detectors that have to tell, such as D1,D5: end with code 3 if one is INCONCLUSIVE, too (all = those that one proxy's records are enough for)")
	flags.StringArrayVar(&r.libraries, "library", nil, "say what mends it in this library only, such as retryablehttp (again for each)")
	flags.StringArrayVar(&r.thresholds, "threshold", nil, "another limit, such as D1.fail=2 (again for each)")
}

// check refuses what could only be refused after a long course.
func (r *reporting) check() (thresholds map[string]float64, err error) {
	if r.failOn != "" && r.failOn != "warn" && r.failOn != "fail" {
		return nil, usagef("--fail-on %q: want warn or fail", r.failOn)
	}
	if _, err := (verdict.Report{}).ForLibraries(r.libraries...); err != nil {
		return nil, usagef("--library: %w", err)
	}
	thresholds = map[string]float64{}
	for _, text := range r.thresholds {
		name, number, _ := strings.Cut(text, "=")
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, usagef("--threshold %q: want NAME=NUMBER, such as D1.fail=2", text)
		}
		thresholds[name] = value
	}
	if _, err := verdict.Judge(verdict.Input{Thresholds: thresholds}); err != nil {
		return nil, usagef("--threshold: %w", err)
	}
	if _, err := verdict.Judge(verdict.Input{Require: r.require}); err != nil {
		return nil, usagef("--require: %w", err)
	}
	return thresholds, nil
}

// grade is that from which on the command fails; [verdict.Fail] if none was given.
func (r *reporting) grade() verdict.Grade {
	if r.failOn == "warn" {
		return verdict.Warn
	}
	return verdict.Fail
}

// write writes a report in all forms that are wanted, and ends with its exit code.
func (r *reporting) write(out io.Writer, report verdict.Report) error {
	report, err := report.ForLibraries(r.libraries...)
	if err != nil {
		return err
	}
	print := report.WriteText
	if r.json {
		print = report.WriteJSON
	}
	if err := print(out); err != nil {
		return err
	}
	for _, file := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{r.junit, func(w io.Writer) error { return report.WriteJUnit(w, r.grade()) }},
		{r.html, report.WriteHTML},
	} {
		if file.path == "" {
			continue
		}
		var text bytes.Buffer
		if err := file.write(&text); err != nil {
			return fmt.Errorf("%s: %w", file.path, err)
		}
		if err := os.WriteFile(file.path, text.Bytes(), 0o666); err != nil {
			return err
		}
	}
	if r.failOn != "" && report.Verdict.AtLeast(r.grade()) || len(report.Unjudged()) > 0 {
		return exitError{code: exitVerdict}
	}
	return nil
}

func newVerdict(sys system) *cobra.Command {
	var r remote
	var to reporting
	var q admin.VerdictQuery
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "verdict",
		Short: "Say what a client does wrong, from the exchanges that squall saw of it",
		Long: `Say what a client does wrong under failure, from the exchanges and connections that a running squall remembers (the last
50,000 exchanges): retry storms, no backoff, no jitter, an ignored Retry-After, POSTs sent twice, no timeout, a breaker that
never opens, and more. Each is PASS, WARN, FAIL, or INCONCLUSIVE where the records do not tell, with figures, the exchanges as
evidence, and the setting of common libraries that mends it.

Most of it shows only under a fault: set some first, or have "squall certify" lead the client through all of them.

INCONCLUSIVE fails nobody, so a verdict on too little traffic looks good: in CI say with --require what has to be told.

With --weights, for backends that have a proxy each, it says whether the client spreads its exchanges by these (D30).

Exit codes: 0 the verdict is there, 1 squall could not be asked, 2 wrong flags, 3 it is as bad as --fail-on says, or does not tell
what --require wants told.`,
		Example: "  squall verdict --proxy flaky --since 5m --fail-on fail --junit verdict.xml",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.Thresholds, err = to.check(); err != nil {
				return err
			}
			if since < 0 {
				return usagef("--since %v: want a time back", since)
			}
			if _, err := verdict.Judge(verdict.Input{Weights: q.Weights}); err != nil {
				return usagef("--weights: %w", err)
			}
			q.Require = to.require
			if since > 0 {
				from := time.Now().Add(-since)
				q.Since = &from
			}
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			report, err := client.Verdict(cmd.Context(), q)
			if err != nil {
				return r.explain(err)
			}
			return to.write(sys.out, report)
		},
	}
	r.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&q.Proxies, "proxy", nil, "a proxy that the client calls (again for each; default: every one but --caller-proxy)")
	flags.StringVar(&q.Client, "client", "", "the client's address, without a port (default: whoever calls)")
	flags.StringVar(&q.Caller, "caller-proxy", "", "the proxy through which the client's own callers call it")
	flags.DurationVar(&since, "since", 0, "leave out what began longer ago than this (default: nothing)")
	flags.Float64Var(&q.Demand, "demand", 0, "calls a second that the client is asked for, all the time (default: as its baseline was, if that was steady)")
	flags.BoolVar(&q.Distinct, "distinct", false, "no two calls have the same method and target: an equal one is another attempt")
	flags.StringToIntVar(&q.Weights, "weights", nil, "by which the client is to spread its exchanges: of the proxy before each backend, such as service1=3,service2=1")
	to.addFlags(flags)
	return cmd
}
