package main

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
)

// toxiproxyCLI is one command line of toxiproxy-cli 2.12.0, whose words, outputs and exit codes it keeps, also the odd ones: what
// cannot be parsed is explained on standard output, with exit code 0.
type toxiproxyCLI struct {
	sys    system
	client *toxiproxyClient
	flags  cliFlags // of the command
	args   []string // behind them
}

// exitNoTopic is the exit code for a command that there is none of.
const exitNoTopic = 3

// cliCommand is a command, or a group of commands.
type cliCommand struct {
	names []string // the first is its own
	help  string   // the name of its help text
	flags []cliFlag
	run   func(context.Context, *toxiproxyCLI) *cliFailure
	group []cliCommand
}

var (
	cliToxicName  = cliFlag{names: []string{"toxicName", "n"}}
	cliToxicity   = cliFlag{names: []string{"toxicity", "tox"}}
	cliAttributes = cliFlag{names: []string{"attribute", "a"}, many: true}
)

// toxiproxyCommands gives the commands of toxiproxy-cli.
func toxiproxyCommands() []cliCommand {
	return []cliCommand{
		{names: []string{"list", "l", "li", "ls"}, help: "list", run: cliList},
		{names: []string{"inspect", "i", "ins"}, help: "inspect", run: cliInspect},
		{names: []string{"create", "c", "new"}, help: "create", run: cliCreate, flags: []cliFlag{
			{names: []string{"listen", "l"}}, {names: []string{"upstream", "u"}},
		}},
		{names: []string{"toggle", "tog"}, help: "toggle", run: cliToggle},
		{names: []string{"delete", "d"}, help: "delete", run: cliDelete},
		{names: []string{"toxic", "t"}, help: "toxic", group: []cliCommand{
			{names: []string{"add", "a"}, help: "add", run: cliAddToxic, flags: []cliFlag{
				cliToxicName,
				{names: []string{"type", "t"}},
				cliToxicity, cliAttributes,
				{names: []string{"upstream", "u"}, isSwitch: true},
				{names: []string{"downstream", "d"}, isSwitch: true},
			}},
			{names: []string{"update", "u"}, help: "update", run: cliUpdateToxic, flags: []cliFlag{
				cliToxicName, cliToxicity, cliAttributes,
			}},
			{names: []string{"remove", "r", "delete", "d"}, help: "remove", run: cliRemoveToxic, flags: []cliFlag{cliToxicName}},
		}},
	}
}

// runToxiproxyCLI carries out a command line of toxiproxy-cli and gives the exit code.
func runToxiproxyCLI(ctx context.Context, args []string, sys system) int {
	app := cliCommand{help: "app", group: toxiproxyCommands(), flags: []cliFlag{
		{names: []string{"host", "h"}, text: sys.getenv("TOXIPROXY_URL")},
		{names: []string{"version", "v"}, isSwitch: true},
	}}
	cli := &toxiproxyCLI{sys: sys}
	return app.start(ctx, cli, args)
}

// start reads a command's flags and carries it out.
func (c *cliCommand) start(ctx context.Context, cli *toxiproxyCLI, args []string) int {
	flags, rest, err := parseCLIFlags(append(slices.Clone(c.flags), cliFlag{names: []string{"help"}, isSwitch: true}), args)
	if err != nil {
		fmt.Fprintf(cli.sys.out, "Incorrect Usage: %v\n\n%s", err, c.usage())
		return exitOK
	}
	if c.help == "app" {
		cli.client = newToxiproxyClient(flags.text("host"))
	}
	switch {
	case flags.on("version"):
		fmt.Fprintf(cli.sys.out, "toxiproxy-cli version %s\n", toxiproxyVersion)
		return exitOK
	case flags.on("help") && c.run != nil:
		return c.explain(cli.sys, nil)
	case flags.on("help"):
		return c.explain(cli.sys, rest)
	case len(rest) > 0 && (rest[0] == "help" || rest[0] == "h"):
		return c.explain(cli.sys, rest[1:])
	case c.run != nil:
		cli.flags, cli.args = flags, rest
		return c.carryOut(ctx, cli)
	case len(rest) == 0:
		return c.explain(cli.sys, nil)
	}
	next, ok := c.find(rest[0])
	if !ok {
		return noTopic(cli.sys, rest[0])
	}
	return next.start(ctx, cli, rest[1:])
}

// carryOut runs a command.
func (c *cliCommand) carryOut(ctx context.Context, cli *toxiproxyCLI) int {
	failure := c.run(ctx, cli)
	if failure == nil {
		return exitOK
	}
	if failure.help {
		fmt.Fprint(cli.sys.out, c.usage())
	}
	fmt.Fprintln(cli.sys.err, failure.text)
	return exitFail
}

// cliFailure is what went wrong, in toxiproxy-cli's words, which end a line that is ended once more.
type cliFailure struct {
	text string
	help bool // the command's help comes before it
}

func failuref(format string, args ...any) *cliFailure {
	return &cliFailure{text: fmt.Sprintf(format, args...)}
}

func (c *cliCommand) find(name string) (*cliCommand, bool) {
	i := slices.IndexFunc(c.group, func(one cliCommand) bool { return slices.Contains(one.names, name) })
	if i < 0 {
		return nil, false
	}
	return &c.group[i], true
}

// explain prints the help of a command, or of the one of its group that is asked for.
func (c *cliCommand) explain(sys system, topic []string) int {
	shown := c.usage()
	switch {
	case len(topic) > 0:
		next, ok := c.find(topic[0])
		if !ok {
			return noTopic(sys, topic[0])
		}
		shown = next.summary()
	case c.run != nil:
		shown = c.summary()
	}
	fmt.Fprint(sys.out, shown)
	return exitOK
}

func noTopic(sys system, name string) int {
	fmt.Fprintf(sys.err, "No help topic for '%s'\n", name)
	return exitNoTopic
}

// toxiproxyHelp has the help of each command, as toxiproxy-cli 2.12.0 prints it.
//
//go:embed toxiproxy_help
var toxiproxyHelp embed.FS

// usage is a command's help.
func (c *cliCommand) usage() string {
	text, err := toxiproxyHelp.ReadFile("toxiproxy_help/" + c.help + ".txt")
	if err != nil {
		panic(err) // it was compiled in
	}
	return string(text)
}

// summary is its help without the commands that it has: what is printed when the help is asked for from outside.
func (c *cliCommand) summary() string {
	before, commands, _ := strings.Cut(c.usage(), "COMMANDS:\n")
	if _, options, found := strings.Cut(commands, "\n\n"); found && c.run != nil {
		return before + options
	}
	return before
}
