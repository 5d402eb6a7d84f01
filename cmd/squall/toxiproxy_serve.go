package main

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addToxiproxyFlags adds the flags of toxiproxy-server that serve has in other words, or always does. Those of the address have
// no variable: in Kubernetes, a service named squall would set SQUALL_PORT.
func (f *serveFlags) addToxiproxyFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.host, "host", "", "the host in --admin-listen, as toxiproxy-server has it")
	flags.StringVar(&f.port, "port", "", "the port in --admin-listen, as toxiproxy-server has it")
	flags.BoolVar(&f.proxyMetrics, "proxy-metrics", true, "count the bytes of TCP proxies in /metrics under Toxiproxy's names, too")
	flags.BoolVar(&f.runtimeMetrics, "runtime-metrics", false, "tell of Go and of the process in /metrics")
	for _, name := range []string{"host", "port"} {
		flags.Lookup(name).Annotations = map[string][]string{variable: {""}}
	}
}

// checkAdmin makes the address of the admin API of host and port, if one of them is given.
func (f *serveFlags) checkAdmin() error {
	switch {
	case f.host == "" && f.port == "":
		return nil
	case f.admin != "":
		return usagef("--admin-listen: want either this or --host and --port")
	}
	f.admin = net.JoinHostPort(cmp.Or(f.host, "localhost"), cmp.Or(f.port, strconv.Itoa(defaultAdminPort)))
	return nil
}

// goFlags rewrites a command line that is written for Go's own flags, as toxiproxy-server's are: one that begins with a flag
// means serve, and the names of serve's flags may stand behind one dash.
func goFlags(root *cobra.Command, args []string) []string {
	switch {
	case len(args) == 0:
		return args
	case slices.Contains([]string{"-h", "-help", "--help"}, args[0]):
		return []string{"--help"}
	case strings.HasPrefix(args[0], "-"):
		args = append([]string{"serve"}, args...)
	case args[0] != "serve":
		return args
	}
	serve, _, err := root.Find(args[:1])
	if err != nil {
		return args
	}
	rewritten := slices.Clone(args)
	for i, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") || len(name) < 2:
		case name == "version":
			return []string{"version"}
		case name == "help" || serve.Flags().Lookup(name) != nil:
			rewritten[i] = "--" + strings.TrimLeft(arg, "-")
		}
	}
	return rewritten
}
