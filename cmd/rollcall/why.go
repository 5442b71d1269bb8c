package main

import (
	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func whyCommand() *cobra.Command {
	var (
		out    output
		tenant string
	)
	c := &cobra.Command{
		Use:   "why AGENT [FIELD]",
		Short: "Say why a field of an agent is as it is: events, feeds, vendor records, rules",
		Long: `Says why an agent's fields are as they are, or one of them: for what the agent
as a whole is, the rule that makes it of its identities; for a field of an
identity (native_status, platform, ...) and for what hangs on it (stewards,
credentials, grants, delegations, risks), the event that made it so, the feed and
the vendor's record or log entry, who did it, and when it was learned.`,
		Example: `  rollcall why "Invoice matcher"
  rollcall why agt_4f2a status
  rollcall why agt_4f2a grants --output json`,
		Args: cobra.RangeArgs(1, 2),
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.RunE = func(c *cobra.Command, args []string) error {
		field := ""
		if len(args) > 1 {
			field = args[1]
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			a, err := r.Roster.Find(c.Context(), tenant, args[0])
			if err != nil {
				return err
			}
			log, err := old(c, r)
			if err != nil {
				return err
			}
			list, err := replay.Why(c.Context(), log, &a, field)
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(list)
			}
			names, err := show.NamesIn(c.Context(), r.Roster, a.Tenant)
			if err != nil {
				return err
			}
			p.Reasons(&a, list, names)
			return nil
		})
	}
	return c
}
