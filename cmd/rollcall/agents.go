package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

func agentsCommand() *cobra.Command {
	var (
		out    output
		tenant string
		status string
		then   asOf
	)
	c := &cobra.Command{
		Use:   "agents",
		Short: "List the roster: each agent once",
		Long: `Lists the roster: each agent once, whatever number of vendors know it. In the
table "?" stands for what is not known, which is never the same as none, and
SINCE is when a vendor created the agent or, where none says, when it was first
seen here.

With --output json it is one list of agents, each with its identities and all
that hangs on them.

--as-of shows the roster of an earlier moment, as far as the log knew it then.`,
		Example: `  rollcall agents
  rollcall agents --status disabled
  rollcall agents --as-of 2026-10-31
  rollcall agents --output json | jq -r '.[].name'
  rollcall agents get "Invoice matcher"`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.Flags().StringVar(&status, "status", "", "only with this status: active, disabled, pending, deleted, unknown")
	then.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := checkStatus(status); err != nil {
			return err
		}
		at, past, err := then.moment(c)
		if err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			if past {
				log, err := old(c, r)
				if err != nil {
					return err
				}
				if r.Roster, err = replay.RosterAt(c.Context(), log, r.Roster, tenant, at); err != nil {
					return err
				}
			}
			return listAgents(c, r, tenant, status, &out)
		})
	}
	c.AddCommand(agentsGetCommand(), historyCommand())
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
		then   asOf
	)
	c := &cobra.Command{
		Use:   "get AGENT",
		Short: "Show one agent whole",
		Long: `Shows one agent whole. AGENT is its id or the beginning of it, a vendor's id,
another identifier, or its name.

With --output json it is one agent, as in the list that
` + "`rollcall agents --output json`" + ` prints.

--as-of shows it as it was then.

` + aboutMoments,
		Example: `  rollcall agents get agt_4f2a
  rollcall agents get wlp1a2b3c4d5e6f7g8 --output json
  rollcall agents get "Invoice matcher"
  rollcall agents get "Invoice matcher" --as-of 30d`,
		Args: cobra.ExactArgs(1),
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	then.bind(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		at, past, err := then.moment(c)
		if err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			a, coverage, err := oneAgent(c, r, tenant, args[0], at, past)
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(a)
			}
			names, err := show.NamesIn(c.Context(), r.Roster, a.Tenant)
			if err != nil {
				return err
			}
			p.Agent(&a, names, coverage)
			return nil
		})
	}
	return c
}

// oneAgent finds an agent and what the connections can see of its tenant, now or in the past.
func oneAgent(c *cobra.Command, r *hub.Reader, tenant, what string, at replay.Bound, past bool) (a roster.Agent, coverage []roster.Coverage, err error) {
	view := r.Roster
	if past {
		log, failed := old(c, r)
		if failed != nil {
			return a, nil, failed
		}
		a, view, err = replay.AgentAt(c.Context(), log, view, tenant, what, at)
	} else {
		a, err = view.Find(c.Context(), tenant, what)
	}
	if err != nil {
		return a, nil, err
	}
	coverage, err = view.Coverage(c.Context(), a.Tenant)
	return a, coverage, err
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
