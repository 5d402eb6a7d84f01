package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/internal/wait"
)

// composeTimeout bounds one command of compose. A service that is stopped may take its whole grace period, ten seconds unless
// its file says more.
const composeTimeout = time.Minute

// compose is docker compose, or docker-compose where there is none, in a folder.
type compose struct {
	program []string
	dir     string // "" = the runner's own
}

// findCompose says how compose is called here. docker-compose is not asked whether it works: it takes a second to start.
func findCompose(ctx context.Context, dir string) (compose, error) {
	plugin := compose{[]string{"docker", "compose"}, dir}
	_, err := plugin.run(ctx, "version")
	if err == nil {
		return plugin, nil
	}
	_, lookErr := exec.LookPath("docker-compose")
	if lookErr != nil {
		return compose{}, fmt.Errorf("neither docker compose nor docker-compose can be run: %w", errors.Join(err, lookErr))
	}
	return compose{[]string{"docker-compose"}, dir}, nil
}

// run runs a command to its end and gives what it prints. It is a process group of its own: Ctrl-C is for the runner, which
// then undoes what was done.
func (c compose) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, composeTimeout, fmt.Errorf("not done within %v", composeTimeout))
	defer cancel()
	args = append(slices.Clone(c.program), args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.WaitDelay = c.dir, time.Second // for children that keep the outputs open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout, stderr bounded
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// Owed is what a docker step does to a service, as a journal has it until it is undone.
type Owed struct {
	Do      string `json:"do"` // stop, kill or pause
	Service string `json:"service"`
	File    string `json:"file,omitempty"` // of compose
	Dir     string `json:"dir"`            // in which compose is run
}

// undoing is the command that undoes what docker does; "" = nothing has to be undone.
func undoing(do string) string {
	switch do {
	case "stop", "kill":
		return "start"
	case "pause":
		return "unpause"
	}
	return ""
}

// on runs a command of compose for the step's file.
func (o Owed) on(ctx context.Context, c compose, args ...string) (string, error) {
	if o.File != "" {
		args = append([]string{"--file", o.File}, args...)
	}
	return c.run(ctx, args...)
}

// services lists the services that have a container in a state.
func (o Owed) services(ctx context.Context, c compose, state string) ([]string, error) {
	output, err := o.on(ctx, c, "ps", "--services", "--filter", "status="+state)
	return strings.Fields(output), err
}

// undo makes the service run again. It may do so already, if what is owed was never done, or was undone by somebody else.
func (o Owed) undo(ctx context.Context, c compose) error {
	if o.Do == "pause" { // there is an error for what is not paused
		paused, err := o.services(ctx, c, "paused")
		if err != nil || !slices.Contains(paused, o.Service) {
			return err
		}
	}
	_, err := o.on(ctx, c, undoing(o.Do), o.Service)
	return err
}

// checkDocker refuses docker steps that a killed run could not have undone.
func checkDocker(e *experiments.Experiment) error {
	for _, s := range experiments.Flat(e.Method) {
		if d, is := s.Do.(*experiments.Docker); is && undoing(d.Do) != "" && e.Report.JSON == "" {
			return fmt.Errorf("docker: %s %s needs a journal, by which it is undone if the run is killed: name one in report.json", d.Do, d.Service)
		}
	}
	return nil
}

// findServices finds compose, and wants the services of all docker steps to run.
func (r *Runner) findServices(ctx context.Context) error {
	for _, s := range experiments.Flat(r.Experiment.Method) {
		d, is := s.Do.(*experiments.Docker)
		if !is {
			continue
		}
		if r.compose.program == nil {
			var err error
			if r.compose, err = findCompose(ctx, ""); err != nil {
				return err
			}
		}
		running, err := Owed{File: d.File}.services(ctx, r.compose, "running")
		if err != nil {
			return err
		}
		if !slices.Contains(running, d.Service) {
			return fmt.Errorf("there is no service %q that runs, but %s", d.Service, strings.Join(running, ", "))
		}
		if undoing(d.Do) != "" && r.Journaled == nil {
			return errors.New("nobody keeps a journal by which it is undone if the run is killed")
		}
	}
	return nil
}

// doDocker breaks a service for a time. A command of compose is never cut short: nobody could tell what it has done.
func (r *Runner) doDocker(ctx context.Context, d *experiments.Docker) error {
	whole := context.WithoutCancel(ctx)
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	o := Owed{d.Do, d.Service, d.File, dir}
	if undoing(o.Do) != "" {
		if err := r.keep(Event{What: "docker", Name: o.Do + " " + o.Service, Docker: &o}); err != nil {
			return err
		}
		defer r.undo(whole, o)
	}
	if _, err := o.on(whole, r.compose, o.Do, o.Service); err != nil {
		return err
	}
	if err := wait.For(ctx, time.Duration(d.For)); ctx.Err() == nil {
		return err
	}
	return nil // it was cut short, which is no failure of the step
}

// undo undoes what a step did, or leaves it to the next start.
func (r *Runner) undo(ctx context.Context, o Owed) {
	err := o.undo(ctx, r.compose)
	if err == nil {
		err = r.keep(undone(o))
	}
	if err != nil {
		r.fail(Inconclusive, Failed, fmt.Errorf("docker: %s %s could not be undone, which the next start will try: %w", o.Do, o.Service, err))
	}
}

func undone(o Owed) Event {
	return Event{What: "docker-undone", Name: o.Do + " " + o.Service, Docker: &o}
}

// keep tells of an event, and fails unless it is on disk then.
func (r *Runner) keep(e Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.At = time.Now()
	r.Tell(e)
	if err := r.Journaled(); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}
