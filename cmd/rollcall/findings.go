package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// errFound is how `rollcall findings --check` says that there is something.
var errFound = errors.New("there are findings")

func findingsCommand() *cobra.Command {
	var (
		out                    output
		tenant, severity, code string
		then                   asOf
		history, follow, check bool
	)
	c := &cobra.Command{
		Use:   "findings [AGENT]",
		Short: "List what somebody should look at: ownerless agents, expired credentials, ...",
		Long: `Lists what somebody should look at, of all agents or of one: each finding with
its severity, since when it holds, and why. They follow from the log alone; time
passes in it by the hub's hourly ticks. docs/findings.md says what each code
means; the section findings of the configuration sets the thresholds.

--history shows when findings were raised and cleared, --follow goes on with
that until Ctrl-C. Apps follow the same on the NATS subjects
rollcall.findings.<tenant>.<connection>.<vendor id>.<code>.<key>.

With --output json it is one list of findings; with --history or --follow one
event per line.`,
		Example: `  rollcall findings
  rollcall findings "Invoice matcher"
  rollcall findings --severity high --output json | jq -r '.[].explanation'
  rollcall findings --code ownerless --as-of 30d
  rollcall findings --history
  rollcall findings --severity high --check      # exits 1 when there is any`,
		Args: cobra.MaximumNArgs(1),
	}
	w := where(c)
	out.bind(c)
	c.Flags().StringVar(&tenant, "tenant", "", "only of this tenant")
	c.Flags().StringVar(&severity, "severity", "", "only of this severity or above: low, medium, high")
	c.Flags().StringVar(&code, "code", "", "only of this code, such as ownerless or credential_expired")
	c.Flags().BoolVar(&history, "history", false, "when findings were raised and cleared")
	c.Flags().BoolVar(&follow, "follow", false, "go on with what is raised and cleared")
	c.Flags().BoolVar(&check, "check", false, "exit with 1 when there is any")
	then.bind(c)
	c.MarkFlagsMutuallyExclusive("check", "follow")
	c.MarkFlagsMutuallyExclusive("check", "history")
	c.MarkFlagsMutuallyExclusive("as-of", "history")
	c.MarkFlagsMutuallyExclusive("as-of", "follow")
	c.RunE = func(c *cobra.Command, args []string) error {
		least := slices.Index(events.Severities, events.Severity(severity))
		if severity != "" && least < 0 {
			return fmt.Errorf("--severity %q is none: use one of %v", severity, events.Severities)
		}
		fits := func(f *events.Finding) bool {
			return (code == "" || code == string(f.Code)) && slices.Index(events.Severities, f.Severity) >= least
		}
		at, past, err := then.moment(c)
		if err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			if history || follow {
				return toldFindings(c, r, tenant, args, fits, follow, &out)
			}
			agents, err := someAgents(c, r, tenant, args, at, past)
			if err != nil {
				return err
			}
			found := slices.DeleteFunc(roster.FindingsOf(agents), func(f roster.Found) bool { return !fits(&f.Finding) })
			p := show.NewPaper(c.OutOrStdout())
			if out.json() {
				err = p.JSON(found)
			} else {
				p.Findings(found)
			}
			if err == nil && check && len(found) > 0 {
				err = errFound
			}
			return err
		})
	}
	return c
}

// someAgents are the agent that args name, or all, now or in the past.
func someAgents(c *cobra.Command, r *hub.Reader, tenant string, args []string, at replay.Bound, past bool) ([]roster.Agent, error) {
	if len(args) > 0 {
		a, _, err := oneAgent(c, r, tenant, args[0], at, past)
		return []roster.Agent{a}, err
	}
	view := r.Roster
	if past {
		var err error
		if view, err = replay.RosterAt(c.Context(), r.Log, view, tenant, at); err != nil {
			return nil, err
		}
	}
	return view.Agents(c.Context(), tenant)
}

// toldFindings prints when findings were raised and cleared.
func toldFindings(c *cobra.Command, r *hub.Reader, tenant string, args []string, fits func(*events.Finding) bool, follow bool, out *output) error {
	ctx := c.Context()
	names, err := show.NamesIn(ctx, r.Roster, tenant)
	if err != nil {
		return err
	}
	var only *roster.Agent
	if len(args) > 0 {
		a, err := r.Roster.Find(ctx, tenant, args[0])
		if err != nil {
			return err
		}
		only = &a
	}
	p := show.NewPaper(c.OutOrStdout())
	for e, err := range r.Findings(ctx, tenant, follow) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !fits(e.Data.Finding) || only != nil && !isAbout(only, &e):
			continue
		case out.json():
			err = p.JSONLine(e)
		default:
			p.Verdict(&e, names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isAbout(a *roster.Agent, e *events.Event) bool {
	return a.Tenant == e.Tenant && slices.ContainsFunc(a.Identities, func(i roster.Identity) bool {
		return i.Connection == e.Connection && i.Holder == e.Data.Finding.Holder
	})
}
