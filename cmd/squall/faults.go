package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

const faultsPath = "/admin/faults"

func newFaults(sys system) *cobra.Command {
	var r remote
	cmd := group("faults", "Show and change the faults of a running squall")
	r.addFlags(cmd)
	cmd.AddCommand(
		&cobra.Command{
			Use: "get", Short: "Show the mode and the rules in force", Args: exactArgs(),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return r.ask(cmd.Context(), sys, http.MethodGet, faultsPath, nil)
			},
		},
		newFaultsSet(sys, &r), newFaultsApply(sys, &r), newFaultsRule(sys, &r), newFaultsPatch(sys, &r),
		newFaultsRemove(sys, &r), newFaultsClear(sys, &r),
	)
	return cmd
}

func newFaultsSet(sys system, r *remote) *cobra.Command {
	var proxyName, ttl string
	cmd := &cobra.Command{
		Use: "set MODE", Short: "Put all proxies, or one, into a mode: normal, fallback, failure, or one of your own",
		Long: `Put all proxies, or one, into a mode: normal, fallback, failure, or one of your own. Without --proxy single proxies
lose the mode that they had of their own.`,
		Example: "  squall faults set failure --proxy flaky --ttl 30s",
		Args:    exactArgs("MODE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			document := map[string]any{"mode": args[0], "modes": nil}
			if proxyName != "" {
				document = map[string]any{"modes": map[string]string{proxyName: args[0]}}
			}
			if ttl != "" {
				document["ttl"] = ttl
			}
			return r.ask(cmd.Context(), sys, http.MethodPut, faultsPath, document)
		},
	}
	cmd.Flags().StringVar(&proxyName, "proxy", "", "only this proxy")
	cmd.Flags().StringVar(&ttl, "ttl", "", "back to what it was after this time")
	return cmd
}

func newFaultsApply(sys system, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "apply FILE", Short: "Send a document of faults, YAML or JSON; only what it names changes",
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			document, err := readDocument(args[0])
			if err != nil {
				return usageError{err}
			}
			return r.ask(cmd.Context(), sys, http.MethodPut, faultsPath, document)
		},
	}
}

func newFaultsRule(sys system, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "rule NAME JSON", Short: "Add a rule, or replace the one of that name",
		Example: `  squall faults rule slow '{"proxy":"flaky","delay":"300ms","percent":50}'`,
		Args:    exactArgs("NAME", "JSON"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.ask(cmd.Context(), sys, http.MethodPut, rulePath(args[0], ""), args[1])
		},
	}
}

func newFaultsPatch(sys system, r *remote) *cobra.Command {
	var proxyName string
	cmd := &cobra.Command{
		Use: "patch NAME JSON", Short: "Merge into a rule (RFC 7396); its counters go on",
		Example: `  squall faults patch slow '{"percent":10}'`,
		Args:    exactArgs("NAME", "JSON"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.ask(cmd.Context(), sys, http.MethodPatch, rulePath(args[0], proxyName), args[1])
		},
	}
	addRuleProxy(cmd, &proxyName)
	return cmd
}

func newFaultsRemove(sys system, r *remote) *cobra.Command {
	var proxyName string
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Take a rule away", Args: exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.ask(cmd.Context(), sys, http.MethodDelete, rulePath(args[0], proxyName), nil)
		},
	}
	addRuleProxy(cmd, &proxyName)
	return cmd
}

// addRuleProxy adds the flag that tells rules of one name apart.
func addRuleProxy(cmd *cobra.Command, proxyName *string) {
	cmd.Flags().StringVar(proxyName, "proxy", "", "the rule of this proxy, where several have that name; * = the one of all")
}

// rulePath is where a rule is; proxyName "" = the only one of its name.
func rulePath(name, proxyName string) string {
	path := faultsPath + "/rules/" + url.PathEscape(name)
	if proxyName != "" {
		path += "?proxy=" + url.QueryEscape(proxyName)
	}
	return path
}

func newFaultsClear(sys system, r *remote) *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use: "clear", Short: "Back to normal: no mode, no rules", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := faultsPath
			if cmd.Flags().Changed("owner") && owner == "" {
				return usagef("--owner must not be empty: without it everybody's faults are taken away")
			}
			if owner != "" {
				path += "?owner=" + url.QueryEscape(owner)
			}
			return r.ask(cmd.Context(), sys, http.MethodDelete, path, nil)
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "take away only what this owner set")
	return cmd
}
