package main

import (
	"github.com/spf13/cobra"

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
		return reading(c.Context(), w, func(r *hub.Reader) error {
			agents, err := r.Roster.Agents(c.Context(), tenant)
			if err != nil {
				return err
			}
			agents = roster.WithStatus(agents, status)
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(agents)
			}
			names, err := show.NamesIn(c.Context(), r.Roster, tenant)
			if err != nil {
				return err
			}
			return p.Agents(agents, names)
		})
	}
	c.AddCommand(agentsGetCommand())
	return c
}

func agentsGetCommand() *cobra.Command {
	var (
		out    output
		tenant string
	)
	c := &cobra.Command{
		Use:   "get AGENT",
		Short: "Show one agent whole",
		Long:  "Shows one agent whole. AGENT is its id or the beginning of it, a vendor's id, another identifier, or its name.",
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
			names, err := show.NamesIn(c.Context(), r.Roster, a.Tenant)
			if err != nil {
				return err
			}
			blind, err := r.Roster.Coverage(c.Context(), a.Tenant)
			if err != nil {
				return err
			}
			p.Agent(&a, names, blind)
			return nil
		})
	}
	return c
}
