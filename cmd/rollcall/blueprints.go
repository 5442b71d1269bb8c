package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
)

func blueprintsCommand() *cobra.Command {
	var (
		out    output
		tenant string
	)
	c := &cobra.Command{
		Use:   "blueprints [BLUEPRINT]",
		Short: "Show blueprints: their credentials, and every agent that each of them reaches",
		Long: `Shows the blueprints that agents are made of, or one by its name or an id:
credentials, grants, stewards, and the agents. Whoever has a blueprint's
credential can act as every agent of it: that is its blast radius.

With --output json it is one list of blueprints, each with the agents it reaches.`,
		Example: `  rollcall blueprints
  rollcall blueprints "Support Agents"
  rollcall blueprints --output json | jq '.[] | {name: .blueprint.blueprint.name, reaches: (.reaches | length)}'`,
		Args: cobra.MaximumNArgs(1),
	}
	w := where(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.RunE = func(c *cobra.Command, args []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			list, err := r.Roster.Families(c.Context(), tenant)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				list = slices.DeleteFunc(list, func(f roster.Family) bool { return !isCalled(&f, args[0]) })
				if len(list) == 0 {
					return fmt.Errorf("no such blueprint as %q: `rollcall blueprints` lists them", args[0])
				}
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(list)
			}
			names, coverage, err := around(c, r, tenant)
			if err != nil {
				return err
			}
			p.Families(list, names, coverage)
			return nil
		})
	}
	return c
}

// isCalled reports whether a blueprint is known by a name or an id.
func isCalled(f *roster.Family, what string) bool {
	b := f.Blueprint.Blueprint
	return strings.EqualFold(b.Name, what) || f.Blueprint.Holder == what ||
		slices.ContainsFunc(b.Identifiers, func(id events.Identifier) bool { return id.Value == what })
}
