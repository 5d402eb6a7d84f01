package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
)

// Exit codes of squall exec beside the command's own, as env(1) and shells have them.
const (
	exitUnhit      = 125 // the command succeeded, but a rule never fired
	exitCannotRun  = 126
	exitNotFound   = 127
	exitSignalBase = 128 // plus the signal's number
)

// killDelay is how long a command may go on after it was asked to end.
const killDelay = 10 * time.Second

// execFlags are the settings of squall exec.
type execFlags struct {
	config string
	unhit  string
}

func newExec(sys system) *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec -f squall.yaml -- COMMAND [ARG ...]",
		Short: "Run a command with the proxies of a configuration, on free ports",
		Long: `Start the proxies of a configuration on free ports, tell a command where they are, run it, and end with its exit
code; with 125 when that was 0 and a rule never fired, because then the command proved nothing. A proxy named stock is
SQUALL_STOCK_URL and SQUALL_STOCK_ADDR, the admin API is SQUALL_ADMIN_URL. SQUALL_CA_FILE has the certificate of the
throw-away authority, for clients of proxies with tls: {ca: throwaway}.`,
		Example: `  squall exec -f squall.yaml -- go test ./...
  squall exec -f squall.yaml -- npm test
  squall exec -f squall.yaml -- pytest`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("want a COMMAND (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.exec(cmd.Context(), sys, args) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "f", "squall.yaml", "the configuration")
	flags.StringVar(&f.unhit, "unhit", "fail", "when a rule never fired: fail, warn or ignore")
	flags.SetInterspersed(false) // what follows the command is the command's
	return cmd
}

func (f *execFlags) exec(ctx context.Context, sys system, args []string) (err error) {
	if f.unhit != "fail" && f.unhit != "warn" && f.unhit != "ignore" {
		return usagef("--unhit %q: want fail, warn or ignore", f.unhit)
	}
	file, err := config.Load(f.config)
	if err != nil {
		return usageError{err}
	}
	s, variables, err := startForCommand(file, sys)
	if err != nil {
		return err
	}
	caFile, err := writeCA(s)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	defer func() { err = errors.Join(err, os.Remove(caFile)) }()
	runErr := runCommand(ctx, sys, args, append(variables, "SQUALL_CA_FILE="+caFile))
	unhit := unhitRules(s.controller.State())
	if err := s.Close(); err != nil {
		return errors.Join(runErr, err)
	}
	if runErr != nil || len(unhit) == 0 || f.unhit == "ignore" {
		return runErr
	}
	refusal := fmt.Errorf("the command succeeded, but these rules never fired: %s", strings.Join(unhit, ", "))
	if f.unhit == "warn" {
		fmt.Fprintf(sys.err, "squall: %v\n", refusal)
		return nil
	}
	return exitError{code: exitUnhit, err: refusal}
}

// startForCommand starts a configuration's proxies and the admin API on free ports of loopback, and gives the
// environment variables that say where they are.
func startForCommand(file config.File, sys system) (*stack, []string, error) {
	for i := range file.Proxies {
		file.Proxies[i].Listen = "127.0.0.1:0"
	}
	seed, err := freshSeed()
	if err != nil {
		return nil, nil, err
	}
	state, err := file.State(seed, time.Now())
	if err != nil {
		return nil, nil, usageError{err}
	}
	names := make(map[string]string)
	for _, p := range file.Proxies {
		variable := variableName(p.Name)
		if other := names[variable]; other != "" || variable == "ADMIN" {
			return nil, nil, usagef("proxy %q: its variable SQUALL_%s_URL is taken by %q", p.Name, variable, other)
		}
		names[variable] = p.Name
	}
	s, err := startStack(stackConfig{
		state: state, policy: file.Policy, logger: zerolog.Nop(), admin: config.Admin{Listen: "127.0.0.1:0"}, judged: judgedExchanges,
	})
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(sys.err, "squall: seed %d\n", state.Seed)
	variables := []string{"SQUALL_ADMIN_URL=http://" + s.adminAddr()}
	for variable, proxyName := range names {
		p, err := state.Proxy(proxyName)
		if addr := s.engine.Addr(proxyName); err == nil && addr != nil {
			variables = append(variables,
				"SQUALL_"+variable+"_URL="+p.At(addr.String()), "SQUALL_"+variable+"_ADDR="+addr.String())
		}
	}
	return s, variables, nil
}

// writeCA puts the certificate of the throw-away authority into a file, for the command.
func writeCA(s *stack) (path string, err error) {
	certificate, err := s.engine.CA()
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "squall-ca-*.pem")
	if err != nil {
		return "", err
	}
	_, err = file.Write(certificate)
	return file.Name(), errors.Join(err, file.Close())
}

// variableName is a proxy's name as environment variables are written: "my-stock" is MY_STOCK.
func variableName(name string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToUpper(name))
}

// runCommand runs a command to its end. When ctx is done it is asked to end, and killed if it does not.
func runCommand(ctx context.Context, sys system, args, variables []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = sys.in, sys.out, sys.err
	cmd.Env = append(os.Environ(), variables...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return exitError{code: exitSignalBase + int(status.Signal()), err: err}
		}
		return exitError{code: ended.ExitCode()}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return exitError{code: exitNotFound, err: err}
	case err != nil:
		return exitError{code: exitCannotRun, err: err}
	}
	return nil
}

// unhitRules names the rules that were to act and never did.
func unhitRules(s *control.State) []string {
	var names []string
	for _, r := range s.Rules {
		if r.Enabled && r.Percent > 0 && r.Counter.Status().Hit == 0 {
			names = append(names, r.Name)
		}
	}
	return names
}
