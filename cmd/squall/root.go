package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// version is squall's own; toxiproxyVersion is what GET /version says besides, because Toxiproxy's clients read it.
const (
	version          = "0.1.0"
	toxiproxyVersion = "2.12.0"
)

// Exit codes.
const (
	exitOK    = 0
	exitFail  = 1 // it was tried, and failed
	exitUsage = 2 // it was not tried: a wrong flag, file or setting
)

// system is what squall sees of the process around it.
type system struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	terminal bool                   // out is one
	onHangup func(chan<- os.Signal) // has SIGHUP sent to a channel instead of ending the process; nil = nobody sends it
}

// usageError is a refusal of what the user asked for, before anything was done.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError ends squall with a code of its own, quietly if there is no error to tell.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return fmt.Sprintf("exit code %d: %v", e.code, e.err) }

func (e exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// runAs is the process as a function: it carries out a command line of the program that it was called as, and gives the exit
// code.
func runAs(ctx context.Context, program string, args []string, sys system) int {
	switch filepath.Base(program) {
	case "toxiproxy-cli":
		return runToxiproxyCLI(ctx, args, sys)
	case "toxiproxy-server", "toxiproxy":
		return runToxiproxyServer(ctx, program, args, sys)
	}
	return run(ctx, args, sys)
}

// run is squall as a function: it carries out one command line and gives the exit code.
func run(ctx context.Context, args []string, sys system) int {
	root := newRoot(sys)
	root.SetArgs(goFlags(root, args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ended, ok := errors.AsType[exitError](err); ok {
		if ended.err != nil {
			fmt.Fprintf(sys.err, "squall: %v\n", ended.err)
		}
		return ended.code
	}
	fmt.Fprintf(sys.err, "squall: %v\n", err)
	if strings.HasPrefix(err.Error(), "unknown command") { // cobra has no type for it
		return exitUsage
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFail
}

func newRoot(sys system) *cobra.Command {
	root := &cobra.Command{
		Use:   "squall",
		Short: "A chaos-testing proxy: makes the network and the services fail on purpose",
		Long: `squall stands between a client and its services and injects 503s, latency and degraded payloads, switched by an
admin API while traffic flows. Try "squall demo" first.

Every flag can be set by an environment variable: --admin-open is SQUALL_ADMIN_OPEN. A flag wins over the environment,
the environment over a configuration file. Commands that ask a running squall find it by --admin and --token-file, else
by SQUALL_ADMIN_URL and SQUALL_ADMIN_TOKEN, else at 127.0.0.1:8474.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return flagsFromEnvironment(cmd.Flags(), sys.getenv)
		},
	}
	root.SetOut(sys.out)
	root.SetErr(sys.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.AddCommand(
		newDemo(sys), newServe(sys), newFaults(sys), newLeases(sys), newHalt(sys), newRelease(sys), newLog(sys), newProxies(sys),
		newCA(sys), newExchanges(sys), newWatch(sys), newVerdict(sys), newCertify(sys), newConnections(sys), newWait(sys), newCall(sys), newExec(sys),
		newExperiment(sys), newImport(sys), newReplay(sys),
		newFlaky(sys), newHello(sys), newHealth(sys), newMan(sys), newVersion(sys),
	)
	return root
}

// variable annotates a flag whose environment variable has a name of its own.
const variable = "squall-variable"

// flagsFromEnvironment gives each flag that was not set the value of its variable: --admin-open is SQUALL_ADMIN_OPEN.
func flagsFromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var failure error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || failure != nil {
			return
		}
		name := "SQUALL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if named := f.Annotations[variable]; named != nil {
			name = named[0]
		}
		if value := getenv(name); value != "" {
			if err := flags.Set(f.Name, value); err != nil {
				failure = usagef("%s: %w", name, err)
			}
		}
	})
	return failure
}

// exactArgs refuses a command line with another number of arguments, naming what is wanted.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usagef("want %s (see %s --help)", wanted(names), cmd.CommandPath())
		}
		return nil
	}
}

// group makes a command that only holds others: called by itself, or with a word that is none of them, it says so.
func group(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("unknown command %q for %q (see %s --help)", args[0], cmd.CommandPath(), cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

func wanted(names []string) string {
	if len(names) == 0 {
		return "no arguments"
	}
	return strings.Join(names, " ")
}
