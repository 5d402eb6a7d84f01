package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The colours of a terminal.
const (
	cliRed    = "\x1b[31m"
	cliGreen  = "\x1b[32m"
	cliYellow = "\x1b[33m"
	cliBlue   = "\x1b[34m"
	cliPurple = "\x1b[35m"
	cliPlain  = "\x1b[0m"
)

// color is what changes the colour, on a terminal.
func (cli *toxiproxyCLI) color(name string) string {
	if cli.sys.terminal {
		return name
	}
	return ""
}

func (cli *toxiproxyCLI) printf(format string, args ...any) {
	fmt.Fprintf(cli.sys.out, format, args...)
}

// hint says what could be done next, on a terminal.
func (cli *toxiproxyCLI) hint(text string) {
	if cli.sys.terminal {
		cli.printf("\n%sHint: %s\n", cliPlain, text)
	}
}

// proxyName is the first argument.
func (cli *toxiproxyCLI) proxyName() (string, *cliFailure) {
	if len(cli.args) == 0 || cli.args[0] == "" {
		return "", &cliFailure{text: "Proxy name is required as the first argument.\n", help: true}
	}
	return cli.args[0], nil
}

// proxy fetches the one that is named.
func (cli *toxiproxyCLI) proxy(ctx context.Context) (cliProxy, *cliFailure) {
	name, failure := cli.proxyName()
	if failure != nil {
		return cliProxy{}, failure
	}
	p, err := cli.client.proxy(ctx, name)
	if err != nil {
		return p, failuref("Failed to retrieve proxy %s: %v\n", name, err)
	}
	return p, nil
}

// required is a flag's text, which must be there.
func (cli *toxiproxyCLI) required(name string) (string, *cliFailure) {
	text := cli.flags.text(name)
	if text == "" {
		return "", &cliFailure{text: fmt.Sprintf("Required argument '%s' was empty.\n", name), help: true}
	}
	return text, nil
}

func cliCreate(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	name, failure := cli.proxyName()
	if failure != nil {
		return failure
	}
	listen, failure := cli.required("listen")
	if failure != nil {
		return failure
	}
	upstream, failure := cli.required("upstream")
	if failure != nil {
		return failure
	}
	if err := cli.client.create(ctx, cliProxy{Name: name, Listen: listen, Upstream: upstream, Enabled: true}); err != nil {
		return failuref("Failed to create proxy: Create: %v\n", err)
	}
	cli.printf("Created new proxy %s\n", name)
	return nil
}

func cliToggle(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	p, failure := cli.proxy(ctx)
	if failure != nil {
		return failure
	}
	p.Enabled = !p.Enabled
	if err := cli.client.save(ctx, p); err != nil {
		return failuref("Failed to toggle proxy %s: %v\n", p.Name, err)
	}
	state := cli.color(p.color())
	cli.printf("Proxy %s%s%s is now %s%s%s\n", state, p.Name, cli.color(cliPlain), state, p.state(), cli.color(cliPlain))
	return nil
}

func cliDelete(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	p, failure := cli.proxy(ctx)
	if failure != nil {
		return failure
	}
	if err := cli.client.delete(ctx, p.Name); err != nil {
		return failuref("Failed to delete proxy: Delete: %v\n", err)
	}
	cli.printf("Deleted proxy %s\n", p.Name)
	return nil
}

func cliAddToxic(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	name, failure := cli.toxicProxy()
	if failure != nil {
		return failure
	}
	t := cliToxic{Name: cli.flags.text("toxicName"), Stream: "downstream", Attributes: cli.attributes()}
	if t.Type, failure = cli.required("type"); failure != nil {
		return failure
	}
	if cli.flags.on("upstream") {
		if t.Stream = "upstream"; cli.flags.on("downstream") {
			return failuref("Only one should be specified: upstream or downstream.\n")
		}
	}
	if t.Toxicity, failure = cli.toxicity(); failure != nil {
		return failure
	}
	made, err := cli.client.addToxic(ctx, name, t)
	if err != nil {
		return failuref("Failed to add toxic: %v\n", err)
	}
	cli.printf("Added %s %s toxic '%s' on proxy '%s'\n", made.Stream, made.Type, made.Name, name)
	return nil
}

func cliUpdateToxic(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	name, failure := cli.toxicProxy()
	if failure != nil {
		return failure
	}
	t := cliToxic{Name: cli.flags.text("toxicName"), Attributes: cli.attributes()}
	if t.Toxicity, failure = cli.toxicity(); failure != nil {
		return failure
	}
	changed, err := cli.client.updateToxic(ctx, name, t)
	if err != nil {
		return failuref("Failed to update toxic: %v\n", err)
	}
	cli.printf("Updated toxic '%s' on proxy '%s'\n", changed.Name, name)
	return nil
}

func cliRemoveToxic(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	name, failure := cli.toxicProxy()
	if failure != nil {
		return failure
	}
	toxic := cli.flags.text("toxicName")
	if err := cli.client.removeToxic(ctx, name, toxic); err != nil {
		return failuref("Failed to remove toxic: %v\n", err)
	}
	cli.printf("Removed toxic '%s' on proxy '%s'\n", toxic, name)
	return nil
}

// toxicProxy is the proxy whose toxic is meant.
func (cli *toxiproxyCLI) toxicProxy() (string, *cliFailure) {
	name, failure := cli.proxyName()
	if failure != nil {
		failure.text = "Proxy name is missing.\n"
	}
	return name, failure
}

// toxicity is 1 where none is given, in an update, too.
func (cli *toxiproxyCLI) toxicity() (float32, *cliFailure) {
	text := cli.flags.text("toxicity")
	if text == "" {
		return 1, nil
	}
	toxicity, err := strconv.ParseFloat(text, 32)
	if err != nil || toxicity > 1 || toxicity < 0 {
		return 0, failuref("toxicity should be a float between 0 and 1.\n")
	}
	return float32(toxicity), nil
}

// attributes are what is given as key=value: numbers where they are, else texts. What is not in that form is ignored.
func (cli *toxiproxyCLI) attributes() map[string]any {
	all := map[string]any{}
	for _, pair := range cli.flags.find("attribute").values {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		all[key] = value
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			all[key] = number
		}
	}
	return all
}

func cliList(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	proxies, err := cli.client.proxies(ctx)
	if err != nil {
		return failuref("Failed to retrieve proxies: %v", err)
	}
	if cli.sys.terminal {
		cli.printf("%sName\t\t\t%sListen\t\t%sUpstream\t\t%sEnabled\t\t%sToxics\n%s",
			cliGreen, cliBlue, cliYellow, cliPurple, cliRed, cliPlain)
		cli.printf("%s%s\n", cliPlain, strings.Repeat("=", 86))
		if len(proxies) == 0 {
			cli.printf("%sno proxies\n%s", cliRed, cliPlain)
			cli.hint("create a proxy with `toxiproxy-cli create`")
			return nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(proxies)) {
		p := proxies[name]
		toxics := strconv.Itoa(len(p.Toxics))
		if toxics == "0" && cli.sys.terminal {
			toxics = "None"
		}
		cli.column(p.color(), p.Name, 3)
		cli.column(cliBlue, p.Listen, 2)
		cli.column(cliYellow, p.Upstream, 3)
		cli.column(cliPurple, p.state(), 2)
		cli.printf("%s%s%s\n", cli.color(cliRed), toxics, cli.color(cliPlain))
	}
	cli.hint("inspect toxics with `toxiproxy-cli inspect <proxyName>`")
	return nil
}

// column prints a text and a tab, on a terminal as many as fill so many stops.
func (cli *toxiproxyCLI) column(color, text string, stops int) {
	more := 0
	if cli.sys.terminal {
		more = max(stops-len(text)/8-1, 0)
	}
	cli.printf("%s%s%s\t%s", cli.color(color), text, cli.color(cliPlain), strings.Repeat("\t", more))
}

func cliInspect(ctx context.Context, cli *toxiproxyCLI) *cliFailure {
	p, failure := cli.proxy(ctx)
	switch {
	case failure != nil:
		return failure
	case !cli.sys.terminal:
		cli.listToxics(p.Toxics)
		return nil
	}
	cli.printf("%sName: %s%s\t%sListen: %s%s\t%sUpstream: %s%s\n",
		cliPurple, cliPlain, p.Name, cliBlue, cliPlain, p.Listen, cliYellow, cliPlain, p.Upstream)
	cli.printf("%s%s\n", cliPlain, strings.Repeat("=", 70))
	if len(p.Toxics) == 0 {
		cli.printf("%sProxy has no toxics enabled.\n%s", cliRed, cliPlain)
	} else {
		up := slices.DeleteFunc(slices.Clone(p.Toxics), func(t cliToxic) bool { return t.Stream != "upstream" })
		down := slices.DeleteFunc(slices.Clone(p.Toxics), func(t cliToxic) bool { return t.Stream == "upstream" })
		cli.describeToxics("Upstream", up)
		cli.printf("\n")
		cli.describeToxics("Downstream", down)
	}
	cli.hint("add a toxic with `toxiproxy-cli toxic add`")
	return nil
}

// describeToxics lists those of one stream on a terminal.
func (cli *toxiproxyCLI) describeToxics(stream string, toxics []cliToxic) {
	cli.printf("%s%s toxics:\n%s", cliGreen, stream, cliPlain)
	if len(toxics) == 0 {
		cli.printf("%sProxy has no %s toxics enabled.\n%s", cliRed, stream, cliPlain)
	}
	cli.listToxics(toxics)
}

func (cli *toxiproxyCLI) listToxics(toxics []cliToxic) {
	for _, t := range toxics {
		if cli.sys.terminal {
			cli.printf("%s%s:%s\t", cliBlue, t.Name, cliPlain)
		} else {
			cli.printf("%s\t", t.Name)
		}
		cli.printf("type=%s\tstream=%s\ttoxicity=%.2f\tattributes=[", t.Type, t.Stream, t.Toxicity)
		for _, key := range slices.Sorted(maps.Keys(t.Attributes)) {
			cli.printf("\t%s=%v", key, t.Attributes[key])
		}
		cli.printf("\t]\n")
	}
}
