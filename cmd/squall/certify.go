package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/certify"
	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/verdict"
)

// settleTime is how long records of calls that were cut off at the end of a course may take.
const settleTime = 300 * time.Millisecond

// quickScale is that of a course with --quick.
const quickScale = 0.2

// ownProxy is the proxy of a squall that certify starts itself.
const ownProxy = "service"

// certifyFlags are the settings of squall certify.
type certifyFlags struct {
	remote
	reporting
	query    admin.VerdictQuery // what it says of proxies and the client
	proxy    string
	upstream string
	driving  driving
	plan     certify.Plan
	quick    bool
}

func newCertify(sys system) *cobra.Command {
	var f certifyFlags
	whole, quick := certify.Plan{}, certify.Plan{Scale: quickScale}
	cmd := &cobra.Command{
		Use:   "certify",
		Short: "Lead a client through every fault in turn, and say what it does wrong",
		Long: fmt.Sprintf(`Lead a client through a course: a baseline, one fault after the other with a recovery behind each, then the verdict of
"squall verdict". It takes %v, with --quick %v, with --caller-proxy %v; the verdict's own times are scaled with it, but for the
30 s after which a client must give up (D13): a shorter course keeps nobody waiting for so long, and tells timeouts only that are
shorter than its faults (with --quick 7 s). A limit of your own, --threshold D13.limit=5, is told in any.

The client calls a proxy of a running squall (--proxy), or of one that is started for this (--upstream). It is one that runs
already, or a command: with --rate one call of it each time (SQUALL_CALL is its number), without, or beside --url, a program that
runs all the while. Both are told SQUALL_SERVICE_URL, or the name of the proxy in place of SERVICE. With --url the client itself is
called, --rate times a second; {n} in the URL is the number of the call. What needs a steady demand of 10 calls a second or more is
INCONCLUSIVE where that is neither made so nor seen in the baseline.

Nothing but faults is changed, and only while no other one is in force on the proxy: where one comes, or the course's own is
taken away, it ends without a verdict. Each hangs on a lease: killed, certify leaves
nothing behind after %v.

Exit codes: 0 the verdict is there, 1 the course could not be run, 2 wrong flags, 3 it is as bad as --fail-on says, or does not tell
what --require wants told.`,
			whole.Duration(), quick.Duration(), certify.Plan{Caller: true}.Duration(), certify.LeaseTime),
		Example: `  squall certify --upstream http://localhost:5056 --cmd 'curl -s "$SQUALL_SERVICE_URL/?n=$SQUALL_CALL"' --rate 20 --quick
  squall certify --proxy stock --url http://localhost:8080/checkout/{n} --rate 20 --html verdict.html --fail-on fail
  squall certify --proxy stock`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.certify(cmd.Context(), sys, cmd.Flags().Changed("admin"))
		},
	}
	f.remote.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.proxy, "proxy", "", "the proxy that the client calls")
	flags.StringVar(&f.upstream, "upstream", "", "start a squall of its own before this service, instead of --admin and --proxy")
	flags.StringVar(&f.query.Caller, "caller-proxy", "", "the proxy through which the client's own callers call it")
	flags.StringVar(&f.query.Client, "client", "", "the client's address, without a port (default: whoever calls)")
	flags.BoolVar(&f.query.Distinct, "distinct", false, "no two calls have the same method and target: an equal one is another attempt")
	flags.StringVar(&f.driving.command, "cmd", "", "the client, as a line for sh")
	flags.StringVar(&f.driving.url, "url", "", "call the client here")
	flags.Float64Var(&f.driving.rate, "rate", 0, "calls a second: of --url (default 20), or of --cmd where the command makes one call and ends (no default)")
	flags.BoolVar(&f.quick, "quick", false, fmt.Sprintf("a course at a scale of %v", quickScale))
	flags.Float64Var(&f.plan.Scale, "scale", 1, fmt.Sprintf("a shorter or longer course, %v to %v", certify.MinScale, float64(certify.MaxScale)))
	f.reporting.addFlags(flags)
	return cmd
}

// check refuses what cannot be meant.
func (f *certifyFlags) check(adminGiven bool) (err error) {
	if f.quick {
		f.plan.Scale = quickScale
	}
	set, err := f.reporting.check()
	switch {
	case err != nil:
		return err
	case (f.proxy == "") == (f.upstream == ""):
		return usagef("want --proxy, which the client calls, or --upstream, for a squall of its own")
	case f.upstream != "" && (adminGiven || f.query.Caller != ""):
		return usagef("--upstream starts a squall of its own: not with --admin or --caller-proxy")
	case f.upstream != "" && f.driving.command == "":
		return usagef("--upstream: want --cmd, a client that calls SQUALL_SERVICE_URL")
	case !(f.plan.Scale >= certify.MinScale && f.plan.Scale <= certify.MaxScale):
		return usagef("--scale %v: want %v to %v", f.plan.Scale, certify.MinScale, float64(certify.MaxScale))
	}
	f.query.Thresholds = f.plan.Thresholds()
	maps.Copy(f.query.Thresholds, set)
	f.query.Require = f.require
	f.plan.Caller = f.query.Caller != ""
	return f.driving.check()
}

func (f *certifyFlags) certify(ctx context.Context, sys system, adminGiven bool) (err error) {
	if err := f.check(adminGiven); err != nil {
		return err
	}
	if f.upstream != "" {
		s, err := f.startOwn(sys)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	client, err := f.client(sys)
	if err != nil {
		return err
	}
	defer client.Close()
	report, err := f.run(ctx, sys, client)
	if err != nil {
		return f.explain(err)
	}
	return f.write(sys.out, report)
}

// startOwn starts a squall before the service, on free ports.
func (f *certifyFlags) startOwn(sys system) (*stack, error) {
	file, err := config.Parse("--upstream", fmt.Appendf(nil, "proxies: [{name: %s, listen: '127.0.0.1:0', upstream: %q}]", ownProxy, f.upstream))
	if err != nil {
		return nil, usageError{err}
	}
	s, _, err := startForCommand(file, sys)
	if err != nil {
		return nil, err
	}
	f.proxy, f.remote.url = ownProxy, "http://"+s.adminAddr()
	return s, nil
}

// run leads through the course, and asks for the verdict on it.
func (f *certifyFlags) run(ctx context.Context, sys system, client *admin.Client) (verdict.Report, error) {
	t := &certified{client: client, proxy: f.proxy}
	if err := t.prepare(ctx); err != nil {
		return verdict.Report{}, err
	}
	f.query.Proxies = []string{f.proxy}
	begin := t.now()
	f.query.Since = &begin
	progress := func(what string, takes time.Duration) {
		fmt.Fprintf(sys.err, "squall: %s (%v)\n", what, takes.Round(100*time.Millisecond))
	}
	name := fmt.Sprintf("certify-%x", begin.UnixMilli())
	course := certify.Course{
		Faults: t, Proxy: f.proxy, Name: name, Plan: f.plan, Now: t.now, Ready: t.seen, Progress: progress,
		Alone: func(ctx context.Context, rules int) error { return t.alone(ctx, name, rules) },
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	driven := f.driving.start(running, stop, sys, t.variable())
	phases, err := course.Run(running)
	if err != nil && running.Err() != nil {
		err = context.Cause(running)
	}
	stop(nil)
	made, missed := driven.wait()
	if err != nil {
		return verdict.Report{}, driven.failed.explain(err)
	}
	driven.failed.tell(sys.err, made)
	f.query.Phases, f.query.Demand = phases, driven.rate
	if missed > 0 {
		fmt.Fprintf(sys.err, "squall: %d of %d calls were not made, as too many were under way: the demand counts as unknown\n", missed, made+missed)
		f.query.Demand = 0
	}
	if err := wait.For(ctx, settleTime); err != nil {
		return verdict.Report{}, err
	}
	return client.Verdict(ctx, f.query)
}

// usualRate is the rate of --url unless another is given.
const usualRate = 20

// check refuses what cannot be meant.
func (d *driving) check() error {
	switch {
	case math.IsNaN(d.rate) || d.rate < 0 || d.rate > 1000:
		return usagef("--rate %v: want more than 0, up to 1000 calls a second", d.rate)
	case d.rate > 0 && d.url == "" && d.command == "":
		return usagef("--rate: of what? want --url or --cmd beside it")
	case d.url != "" && !strings.HasPrefix(d.url, "http://") && !strings.HasPrefix(d.url, "https://"):
		return usagef("--url %q: want http:// or https://", d.url)
	}
	if d.url != "" && d.rate == 0 {
		d.rate = usualRate
	}
	return nil
}
