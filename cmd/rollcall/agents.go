package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
)

func agentsCommand() *cobra.Command {
	var (
		out    output
		tenant string
		status string
	)
	c := &cobra.Command{
		Use:     "agents",
		Aliases: []string{"roster"},
		Short:   "List the roster: each agent once",
		Long: `Lists the roster: each agent once, whatever number of vendors know it. In the
table "?" stands for what is not known, which is never the same as none, and
SINCE is when a vendor created the agent or, where none says, when it was first
seen here.

With --output json it is one list of agents, each with its identities and all
that hangs on them.`,
		Example: `  rollcall agents
  rollcall agents --status disabled
  rollcall agents --output json | jq -r '.[].name'
  rollcall agents get "Invoice matcher"`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.Flags().StringVar(&status, "status", "", "only with this status: active, disabled, pending, deleted, unknown")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := checkStatus(status); err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error { return listAgents(c, r, tenant, status, &out) })
	}
	c.AddCommand(agentsGetCommand())
	return c
}

func listAgents(c *cobra.Command, r *hub.Reader, tenant, status string, out *output) error {
	agents, err := r.Roster.Agents(c.Context(), tenant)
	if err != nil {
		return err
	}
	agents = roster.WithStatus(agents, status)
	p := show.NewPaper(c.OutOrStdout())
	if out.json() {
		return p.JSON(agents)
	}
	names, coverage, err := around(c, r, tenant)
	if err != nil {
		return err
	}
	p.Agents(agents, names, coverage)
	return nil
}

func agentsGetCommand() *cobra.Command {
	var (
		out    output
		tenant string
	)
	c := &cobra.Command{
		Use:   "get AGENT",
		Short: "Show one agent whole",
		Long: `Shows one agent whole. AGENT is its id or the beginning of it, a vendor's id,
another identifier, or its name.

With --output json it is one agent, as in the list that
` + "`rollcall agents --output json`" + ` prints.`,
		Example: `  rollcall agents get agt_4f2a
  rollcall agents get wlp1a2b3c4d5e6f7g8 --output json
  rollcall agents get "Invoice matcher"`,
		Args: cobra.ExactArgs(1),
	}
	w := where(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.RunE = func(c *cobra.Command, args []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			a, err := r.Roster.Find(c.Context(), tenant, args[0])
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(a)
			}
			names, coverage, err := around(c, r, a.Tenant)
			if err != nil {
				return err
			}
			p.Agent(&a, names, coverage)
			return nil
		})
	}
	return c
}

// around is what it takes to show agents to a person: what things are called, and what the connections can see.
func around(c *cobra.Command, r *hub.Reader, tenant string) (*show.Names, []roster.Coverage, error) {
	names, err := show.NamesIn(c.Context(), r.Roster, tenant)
	if err != nil {
		return nil, nil, err
	}
	coverage, err := r.Roster.Coverage(c.Context(), tenant)
	return names, coverage, err
}

func checkStatus(status string) error {
	known := []events.Status{events.StatusActive, events.StatusDisabled, events.StatusPending, events.StatusDeleted, events.StatusUnknown}
	if status != "" && !slices.Contains(known, events.Status(status)) {
		return fmt.Errorf("--status %q is none: use one of %v", status, known)
	}
	return nil
}
