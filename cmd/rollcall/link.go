package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// saying are the flags of what an operator says.
type saying struct{ tenant, by, why string }

func (s *saying) bind(c *cobra.Command) {
	c.Flags().StringVar(&s.tenant, "tenant", "", "of this tenant")
	c.Flags().StringVar(&s.by, "by", "", "who says so; default: the user of this machine")
	c.Flags().StringVar(&s.why, "why", "", "why, for who reads it in a year (required)")
	_ = c.MarkFlagRequired("why") // the flag is there
}

func linkCommand() *cobra.Command {
	var (
		s   saying
		out output
	)
	c := &cobra.Command{
		Use:   "link AGENT AGENT",
		Short: "Say that two agents are one",
		Long: `Says that two agents are one, where nothing that the vendors tell proves it. It is
an event in the log with your name and your reason, shown as evidence of the
agent, and it holds until it is taken back with ` + "`rollcall unlink`" + `.`,
		Example: `  rollcall link "Invoice matcher" 0oa1b2c3 --why "the app that the matcher logs in through, says Finance IT"`,
		Args:    cobra.ExactArgs(2),
	}
	w := where(c)
	s.bind(c)
	out.bind(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			var found [2]roster.Agent
			for i, what := range args {
				var err error
				if found[i], err = r.Roster.Find(c.Context(), s.tenant, what); err != nil {
					return err
				}
			}
			a, b := &found[0], &found[1]
			switch {
			case a.Tenant != b.Tenant:
				return fmt.Errorf("%s is of tenant %s, %s of tenant %s: nothing crosses that boundary", a.ID, a.Tenant, b.ID, b.Tenant)
			case a.ID == b.ID:
				return fmt.Errorf("both are %s already: `rollcall agents get %s` shows by what evidence", a.ID, a.ID)
			}
			said := events.Assertion{Says: events.SaysSame, Identities: []string{spelled(a, args[0]), spelled(b, args[1])}}
			slices.Sort(said.Identities)
			return assert(c, r, a.Tenant, said, &s, false, &out)
		})
	}
	return c
}

// spelled is the identity that was named, or the agent's first.
func spelled(a *roster.Agent, what string) string {
	i := max(0, slices.IndexFunc(a.Identities, func(i roster.Identity) bool { return i.Holder == what }))
	return a.Identities[i].Connection + "/" + a.Identities[i].Holder
}

func unlinkCommand() *cobra.Command {
	var (
		s   saying
		out output
	)
	c := &cobra.Command{
		Use:   "unlink AGENT EVIDENCE",
		Short: "Say that a piece of evidence does not prove an agent to be one",
		Long: `Says that a piece of evidence, as ` + "`rollcall agents get`" + ` shows it beside "one agent",
does not prove that the identities which have it are one agent. What nothing else
joins parts. What an operator has linked is taken back. It is an event in the log
with your name and your reason; ` + "`rollcall assertions`" + ` lists what is said, and takes
it back.`,
		Example: `  rollcall unlink "Invoice matcher" shared-runner@acme.iam.gserviceaccount.com --why "every team deploys with it"`,
		Args:    cobra.ExactArgs(2),
	}
	w := where(c)
	s.bind(c)
	out.bind(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			a, err := r.Roster.Find(c.Context(), s.tenant, args[0])
			if err != nil {
				return err
			}
			l, err := linkOf(&a, args[1])
			if err != nil {
				return err
			}
			if l.Type != roster.LinkAssertion {
				return assert(c, r, a.Tenant, events.Assertion{Says: events.SaysNoProof, Identifier: events.Identifier{Type: l.Type, Value: l.Value}}, &s, false, &out)
			}
			return withdraw(c, r, a.Tenant, l.Value, &s, &out)
		})
	}
	return c
}

// linkOf finds a piece of evidence by its value, or the beginning of it.
func linkOf(a *roster.Agent, what string) (roster.Link, error) {
	var fit []roster.Link
	for _, l := range a.Links {
		if l.Value == what {
			return l, nil
		}
		if strings.HasPrefix(l.Value, what) {
			fit = append(fit, l)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(a.Links) == 0:
		return roster.Link{}, fmt.Errorf("%s is one identity: nothing joins it to another", a.ID)
	}
	return roster.Link{}, fmt.Errorf("%q is no evidence that %s is one agent: `rollcall agents get %s` shows it", what, a.ID, a.ID)
}

func assertionsCommand() *cobra.Command {
	var (
		tenant string
		out    output
	)
	c := &cobra.Command{
		Use:   "assertions",
		Short: "List what operators say about which agents are one",
		Long: `Lists what operators say about which agents are one, and which evidence proves
nothing. With --output json it is one list.`,
		Example: `  rollcall assertions
  rollcall assertions withdraw no_proof-4f2a --why "the teams have accounts of their own now"`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			list, err := r.Roster.Assertions(c.Context(), tenant)
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				return p.JSON(list)
			}
			p.Assertions(list)
			return nil
		})
	}
	c.AddCommand(withdrawCommand())
	return c
}

func withdrawCommand() *cobra.Command {
	var (
		s   saying
		out output
	)
	c := &cobra.Command{
		Use:     "withdraw KEY",
		Short:   "Take back what an operator says",
		Long:    "Takes back what an operator says. KEY is as `rollcall assertions` lists it, or the beginning of it.",
		Example: `  rollcall assertions withdraw same-0d9c --why "two bots after all"`,
		Args:    cobra.ExactArgs(1),
	}
	w := where(c)
	s.bind(c)
	out.bind(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			return withdraw(c, r, s.tenant, args[0], &s, &out)
		})
	}
	return c
}

func withdraw(c *cobra.Command, r *hub.Reader, tenant, key string, s *saying, out *output) error {
	list, err := r.Roster.Assertions(c.Context(), tenant)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(a roster.Assertion) bool { return !strings.HasPrefix(a.Key, key) })
	switch len(list) {
	case 0:
		return fmt.Errorf("nobody says %q: `rollcall assertions` lists what is said", key)
	case 1:
		return assert(c, r, list[0].Tenant, list[0].Assertion, s, true, out)
	}
	return fmt.Errorf("%q fits %d assertions: give more of the key", key, len(list))
}

// assert has it written to the log, or has it taken back.
func assert(c *cobra.Command, r *hub.Reader, tenant string, a events.Assertion, s *saying, takenBack bool, out *output) error {
	if strings.TrimSpace(s.why) == "" {
		return errors.New("--why is empty: say why, for who reads it in a year")
	}
	a.By, a.Why = cmp.Or(s.by, who()), s.why
	if _, err := r.Assert(c.Context(), tenant, a, takenBack); err != nil {
		return err
	}
	p := show.NewPaper(c.OutOrStdout())
	if out.json() {
		return p.JSON(roster.Assertion{Tenant: tenant, Key: a.Key(), Assertion: a})
	}
	p.Said(&a, takenBack)
	if r.Alone() {
		p.Printf("No hub runs: the roster follows when one does.\n")
	}
	return nil
}
