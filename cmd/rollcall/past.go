package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

const aboutMoments = `A moment is a time (2026-11-23T12:00:00Z; a day is its end), how long ago (2h,
7d), or a sequence (42). What counts is what the log had stored by then, which
may be later than when it happened at the vendor.`

// asOf is the flag that asks for an earlier roster.
type asOf struct {
	text string
}

func (a *asOf) bind(c *cobra.Command) {
	c.Flags().StringVar(&a.text, "as-of", "", "as it was then: a time, a day (its end), how long ago (7d), or a sequence")
}

// moment is what the flag says; false: it is not set.
func (a *asOf) moment(c *cobra.Command) (replay.Bound, bool, error) {
	if !c.Flags().Changed("as-of") {
		return replay.Bound{}, false, nil
	}
	at, err := replay.ParseMoment(a.text, time.Now())
	if err != nil {
		return at, false, fmt.Errorf("--as-of: %w", err)
	}
	return at, true, nil
}

func historyCommand() *cobra.Command {
	var (
		out              output
		tenant, from, to string
	)
	c := &cobra.Command{
		Use:   "history AGENT",
		Short: "Tell an agent's history: what changed, from what to what, by whom",
		Long: `Tells the history of one agent, the earliest first: when it happened at the
vendor, what changed, from what to what, by whom, how it is known (which feed,
which entry of the vendor's log), and when it was learned. It covers all
identities that the agent has now.

With --output json it is one event per line, in CloudEvents form with its
position.`,
		Example: `  rollcall agents history "Invoice matcher"
  rollcall agents history agt_4f2a --from 30d
  rollcall agents history agt_4f2a --output json | jq -r .type`,
		Args: cobra.ExactArgs(1),
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.Flags().StringVar(&from, "from", "", "first sequence or time (default the log's start)")
	c.Flags().StringVar(&to, "to", "", "last sequence or time (default the log's end)")
	c.RunE = func(c *cobra.Command, args []string) error {
		stretch, err := replay.ParseRange(from, to, time.Now())
		if err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error { return history(c, r, tenant, args[0], stretch, &out) })
	}
	return c
}

func history(c *cobra.Command, r *hub.Reader, tenant, what string, stretch replay.Range, out *output) error {
	a, err := r.Roster.Find(c.Context(), tenant, what)
	if err != nil {
		return err
	}
	names, err := show.NamesIn(c.Context(), r.Roster, a.Tenant)
	if err != nil {
		return err
	}
	log, err := old(c, r)
	if err != nil {
		return err
	}
	p := show.NewPaper(c.OutOrStdout())
	for m, err := range replay.Decoded(replay.Read(c.Context(), log, of(&a), stretch)) {
		if err != nil {
			return err
		}
		if !out.json() {
			p.Chapter(&m, names)
		} else if err := p.EventJSON(&m); err != nil {
			return err
		}
	}
	return nil
}

// of selects the events about an agent.
func of(a *roster.Agent) []events.Filter {
	var out []events.Filter
	for _, i := range a.Identities {
		out = append(out, events.Filter{Tenant: i.Tenant, Connection: i.Connection, Holder: i.Holder})
	}
	return out
}

func diffCommand() *cobra.Command {
	var (
		out                     output
		tenant, agent, from, to string
	)
	c := &cobra.Command{
		Use:   "diff --from MOMENT [--to MOMENT]",
		Short: "Compare the roster of two moments: who is new, gone, changed; access gained, lost",
		Long: `Compares the roster of two moments, agent by agent: who was created or is gone,
which fields changed, and what was gained (+) and lost (-) of grants,
delegations, credentials and stewards.

` + aboutMoments,
		Example: `  rollcall diff --from 7d
  rollcall diff --from 2026-10-31 --to 2026-11-30 --output json
  rollcall diff --from 2h --agent "Invoice matcher"`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&from, "from", "", "the earlier moment")
	c.Flags().StringVar(&to, "to", "", "the later moment (default now)")
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.Flags().StringVar(&agent, "agent", "", "only this agent: an id, a vendor's id, or a name")
	_ = c.MarkFlagRequired("from") // the flag exists
	c.RunE = func(c *cobra.Command, _ []string) error {
		if _, err := replay.ParseRange(from, to, time.Now()); err != nil { // says which of the two is wrong, and how
			return err
		}
		first, err := replay.ParseMoment(from, time.Now())
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			log, err := old(c, r)
			if err != nil {
				return err
			}
			then, err := replay.RosterAt(c.Context(), log, r.Roster, tenant, first)
			if err != nil {
				return err
			}
			now := r.Roster
			if to != "" {
				last, err := replay.ParseMoment(to, time.Now())
				if err != nil {
					return fmt.Errorf("--to: %w", err)
				}
				if now, err = replay.RosterAt(c.Context(), log, r.Roster, tenant, last); err != nil {
					return err
				}
			}
			return diff(c, r, then, now, tenant, agent, &out)
		})
	}
	return c
}

func diff(c *cobra.Command, r *hub.Reader, then, now roster.Reader, tenant, agent string, out *output) error {
	was, err := chosen(c, then, tenant, agent)
	if err != nil {
		return err
	}
	is, err := chosen(c, now, tenant, agent)
	if err != nil {
		return err
	}
	if agent != "" && len(was)+len(is) == 0 {
		_, err := r.Roster.Find(c.Context(), tenant, agent)
		return cmp.Or(err, fmt.Errorf("%s was known at neither moment", agent))
	}
	list, err := replay.Diff(was, is)
	if err != nil {
		return err
	}
	p := show.NewPaper(c.OutOrStdout())
	if out.json() {
		return p.JSON(list)
	}
	names, err := show.NamesIn(c.Context(), r.Roster, tenant)
	if err != nil {
		return err
	}
	p.Differences(list, names)
	return nil
}

// chosen are the agents to compare: all, or the one that is asked for, if it was there.
func chosen(c *cobra.Command, r roster.Reader, tenant, agent string) ([]roster.Agent, error) {
	if agent == "" {
		return r.Agents(c.Context(), tenant)
	}
	a, err := r.Find(c.Context(), tenant, agent)
	if errors.Is(err, roster.ErrNoAgent) {
		return nil, nil
	}
	return []roster.Agent{a}, err
}
