// Command squall is a chaos-testing proxy: it stands between a client and its services and makes the network and the
// services fail on purpose.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	sys := system{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, terminal: isTerminal(os.Stdout)}
	sys.onHangup = func(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
	os.Exit(runAs(ctx, os.Args[0], os.Args[1:], sys))
}
