package main

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strconv"
	"strings"
)

// cliFlag is a flag under several names. Those of Go's package are between one and two dashes, before the arguments.
type cliFlag struct {
	names    []string // the first is its own
	isSwitch bool
	many     bool // each value is a list, parted by commas, and lists add up
	text     string
	values   []string
}

// Set takes a value.
func (f *cliFlag) Set(value string) error {
	switch {
	case f.isSwitch:
		on, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("parse error")
		}
		value = strconv.FormatBool(on)
	case f.many:
		f.values = append(f.values, strings.Split(value, ",")...)
	}
	f.text = value
	return nil
}

// String gives the value.
func (f *cliFlag) String() string { return f.text }

// IsBoolFlag reports that the flag needs no value.
func (f *cliFlag) IsBoolFlag() bool { return f.isSwitch }

// cliFlags are those that a command line was read with.
type cliFlags []*cliFlag

// parseCLIFlags reads flags, and gives the arguments behind them.
func parseCLIFlags(known []cliFlag, args []string) (cliFlags, []string, error) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var flags cliFlags
	for _, f := range known {
		for _, name := range f.names {
			set.Var(&f, name, "")
		}
		flags = append(flags, &f)
	}
	if err := set.Parse(args); err != nil {
		return nil, nil, err
	}
	return flags, set.Args(), flags.refuseTwoForms(set)
}

// refuseTwoForms refuses a flag that was given under two of its names.
func (all cliFlags) refuseTwoForms(set *flag.FlagSet) error {
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range all {
		used := slices.DeleteFunc(slices.Clone(f.names), func(name string) bool { return !given[name] })
		if len(used) > 1 {
			return twoForms{used[1], used[0]}
		}
	}
	return nil
}

// twoForms is such a refusal.
type twoForms [2]string

func (e twoForms) Error() string {
	return "Cannot use two forms of the same flag: " + e[0] + " " + e[1]
}

func (all cliFlags) find(name string) *cliFlag {
	for _, f := range all {
		if f.names[0] == name {
			return f
		}
	}
	return &cliFlag{}
}

func (all cliFlags) text(name string) string { return all.find(name).text }

func (all cliFlags) on(name string) bool { return all.find(name).text == "true" }
