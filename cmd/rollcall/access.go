package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// accessFlags are the flags of `rollcall access`.
type accessFlags struct {
	tenant                              string
	agent, resource, person, credential string
	level                               string
	unmapped                            bool
	out                                 output
	then                                asOf
}

func accessCommand() *cobra.Command {
	var a accessFlags
	c := &cobra.Command{
		Use:   "access --agent A | --resource R | --person P | --credential C",
		Short: "Say who may do what, on which resource, for whom, over all vendors",
		Long: `Answers one question from the grants and delegations of all vendors:

  --agent       what can this agent do, as itself, as others, for whom?
  --resource    who can act on this resource?
  --person      which agents act for this person?
  --credential  what does whoever has this credential reach? A blueprint's
                reaches every agent that is made of it.

Each line says at which level: read, write or admin, by a reviewed table of the
vendors' roles and scopes; "!" marks what reaches a whole tenant, organization
or project. What the table does not have is unknown, and --unmapped lists it.
What may be missing from an answer is said below it: unknown is never none.

A resource is known by its id or name, such as a full resource name; a person by
an id, a user name or an address; a credential by its key or name.

With --output json it is one object: about, access, unknown, unmapped and
unknown_levels. Each access has the id of the event that made it so.`,
		Example: `  rollcall access --agent "Invoice matcher"
  rollcall access --resource "Microsoft Graph" --level admin
  rollcall access --resource //bigquery.googleapis.com/projects/p1/datasets/d1
  rollcall access --person ada@example.com --as-of 30d
  rollcall access --credential 6f74c5e4 --output json | jq -r '.access[].name'
  rollcall access --unmapped`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	a.out.bind(c)
	f := c.Flags()
	f.StringVar(&a.agent, "agent", "", "what this agent can do: an id, a vendor's id, or a name")
	f.StringVar(&a.resource, "resource", "", "who can act on this resource: an id, or a name")
	f.StringVar(&a.person, "person", "", "which agents act for this person: an id, a user name, or an address")
	f.StringVar(&a.credential, "credential", "", "what this credential reaches: its key, the beginning of it, or its name")
	f.StringVar(&a.tenant, "tenant", "", "only of this tenant")
	f.StringVar(&a.level, "level", "", "only of this level or a higher one: read, write, admin; or unknown")
	f.BoolVar(&a.unmapped, "unmapped", false, "list the roles and scopes whose level is unknown, of all or of the answer")
	a.then.bind(c)
	c.MarkFlagsMutuallyExclusive("agent", "resource", "person", "credential")
	c.MarkFlagsOneRequired("agent", "resource", "person", "credential", "unmapped")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if a.level != "" && !slices.Contains(roster.Levels, roster.Level(a.level)) {
			return fmt.Errorf("--level %q is none: use one of %v", a.level, roster.Levels)
		}
		at, past, err := a.then.moment(c)
		if err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			if past {
				if r.Roster, err = replay.RosterAt(c.Context(), r.Log, r.Roster, a.tenant, at); err != nil {
					return err
				}
			}
			return a.run(c, r)
		})
	}
	return c
}

func (a *accessFlags) run(c *cobra.Command, r *hub.Reader) error {
	p := show.NewPaper(c.OutOrStdout())
	answer, asked, err := a.ask(c, r.Roster)
	if err != nil {
		return err
	}
	if a.unmapped {
		list := answer.Unmapped
		if !asked {
			if list, err = r.Roster.UnmappedRoles(c.Context(), a.tenant); err != nil {
				return err
			}
		}
		if a.out.json() {
			return p.JSON(list)
		}
		p.Unmapped(list)
		return nil
	}
	all := len(answer.Access)
	if a.level != "" {
		answer.AtLeast(roster.Level(a.level))
	}
	if err := answer.FindConsents(c.Context(), r.Log.Last); err != nil {
		return err
	}
	if a.out.json() {
		return p.JSON(answer)
	}
	names, err := show.NamesIn(c.Context(), r.Roster, a.tenant)
	if err != nil {
		return err
	}
	p.Access(&answer, all-len(answer.Access), names)
	return nil
}

// ask asks the one question that the flags have; false: they have none.
func (a *accessFlags) ask(c *cobra.Command, r roster.Reader) (answer roster.Answer, asked bool, err error) {
	f := c.Flags()
	switch {
	case f.Changed("agent"):
		answer, err = r.AccessOfAgent(c.Context(), a.tenant, a.agent)
	case f.Changed("resource"):
		answer, err = r.AccessOnResource(c.Context(), a.tenant, a.resource)
	case f.Changed("person"):
		answer, err = r.AccessForPerson(c.Context(), a.tenant, a.person)
	case f.Changed("credential"):
		answer, err = r.AccessByCredential(c.Context(), a.tenant, a.credential)
	default:
		return answer, false, nil
	}
	return answer, true, err
}
