package main

import (
	"os/user"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

func connectionsCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:   "connections",
		Short: "Show each connection's feeds: state, lag, last error, calls made",
		Long: `Shows each connection's feeds: their state, how old their picture of the vendor
is, the calls made and the events appended since the hub started, and the last
error; and what the connection cannot see.

With --output json it is one list of connections, each with its feeds and its
coverage.`,
		Example: `  rollcall connections
  rollcall connections --output json
  rollcall connections approve okta-main`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			statuses, err := r.Statuses(c.Context())
			if err != nil {
				return err
			}
			blind, err := r.Roster.Coverage(c.Context(), "")
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(show.ConnectionsJSON(statuses, blind))
			}
			p.Connections(statuses, blind)
			return nil
		})
	}
	c.AddCommand(approveCommand())
	return c
}

func approveCommand() *cobra.Command {
	var (
		out            output
		tenant, reason string
		count          int
	)
	c := &cobra.Command{
		Use:   "approve CONNECTION",
		Short: "Let a sweep through that the breaker has stopped",
		Long: `A pass that would find more gone than a connection's breaker allows publishes
none of it and waits. Look at what it would remove with ` + "`rollcall connections`" + `,
make sure that the vendor has really lost it, and approve it here. An approval
is good for one sweep of what was shown, or of up to --count entities. It is
recorded in the log.

With --output json it is one object, the sweep that may go through now.`,
		Example: `  rollcall connections approve okta-main --reason "tests are over"`,
		Args:    cobra.ExactArgs(1),
	}
	w := where(c)
	out.bind(c)
	f := c.Flags()
	f.StringVar(&tenant, "tenant", "", "the connection's tenant, where several have one of this name")
	f.StringVar(&reason, "reason", "", "why, for the log")
	f.IntVar(&count, "count", 0, "approve any sweep of up to this many entities, not just the one that was shown")
	c.RunE = func(c *cobra.Command, args []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			held, err := r.Approve(c.Context(), hub.Approve{Tenant: tenant, Connection: args[0], Count: count, By: who(), Reason: reason})
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(held)
			}
			p.Printf("Approved: %d of %d in %s of %s may go.\n", held.Count, held.Live, held.Feed, args[0])
			return nil
		})
	}
	return c
}

func who() string {
	u, err := user.Current()
	if err != nil {
		return "somebody"
	}
	return u.Username
}
