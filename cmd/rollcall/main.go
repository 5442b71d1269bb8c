// Rollcall calls the roll of every AI agent a company has. `rollcall help` says how.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/show"
)

// version is set when a release is built.
var version = "0.1.0-dev"

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	cmd := root()
	cmd.SetArgs(args)
	switch err := cmd.ExecuteContext(ctx); {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return 130
	default:
		p := show.NewPaper(os.Stderr)
		p.Printf("%s %s\n", p.Red("rollcall:"), show.Lines(err.Error()))
		return 1
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "rollcall",
		Short: "Calls the roll of every AI agent a company has",
		Long: `Rollcall reads the identity providers of a company, writes down what it learns
about AI agents as events in a NATS JetStream log, and keeps one roster in
which each agent appears once.`,
		Example: `  rollcall up --demo                 everything, on imitation vendors
  rollcall up --config rollcall.yaml real tenants
  rollcall agents                    who is there
  rollcall tail                      what changes`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.SetUsageFunc(usage)
	c.AddCommand(upCommand(), agentsCommand(), findingsCommand(), linkCommand(), unlinkCommand(), assertionsCommand(), blueprintsCommand(), accessCommand(), tailCommand(), replayCommand(), rosterCommand(), logCommand(), archiveCommand(), diffCommand(), whyCommand(), eraseCommand(), connectionsCommand(), sandboxCommand(), configCommand())
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: see `%s --help`", err, c.CommandPath())
	})
	return c
}
