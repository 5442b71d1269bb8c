package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

func rosterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "roster",
		Short: "Prove that the roster is what the log says, or build it anew",
		Example: `  rollcall roster verify
  rollcall roster check
  rollcall roster rebuild
  rollcall roster drift --config rollcall.yaml`,
	}
	c.AddCommand(rosterVerifyCommand(), rosterCheckCommand(), rosterRebuildCommand(), rosterDriftCommand())
	return c
}

func rosterVerifyCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the roster with what the log makes of it, document by document",
		Long: `Folds the log from its start in memory and compares the result with the roster,
document by document, at one sequence; a hub may run meanwhile. It prints nothing
and exits 0 when both are the same, byte for byte. Else it names each document
that differs, in which fields, and the event since which it does, and exits 1.
It exits 1 as well when messages of the log are damaged: then nothing is proven.

With --output json it is one object: sequence, events, and the list differences,
each with key, name, in_view, in_log, since and fields (path, view, log, since).`,
		Example: `  rollcall roster verify
  rollcall roster verify --output json | jq -r '.differences[].name'`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	out.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			if err := r.MayReadKeys(c.Context()); err != nil {
				return err
			}
			view, err := r.View.Snapshot(c.Context())
			if err != nil {
				return err
			}
			log, err := old(c, r)
			if err != nil {
				return err
			}
			bar := newBar(c, "event")
			v, err := replay.Verify(c.Context(), log, view, roster.Version, roster.New, bar.pending)
			bar.Clear()
			if err != nil {
				return err
			}
			return showVerification(c, &v, &out)
		})
	}
	return c
}

func showVerification(c *cobra.Command, v *replay.Verification, out *output) error {
	aside := show.NewPaper(c.ErrOrStderr())
	for _, err := range v.Damaged {
		aside.Printf("%s %s\n", aside.Red("damaged:"), show.Lines(err.Error()))
	}
	if out.json() {
		err := show.NewPaper(c.OutOrStdout()).JSON(struct {
			Sequence    uint64              `json:"sequence"`
			Events      uint64              `json:"events"`
			Differences []replay.Difference `json:"differences"`
		}{v.Checkpoint.Sequence, v.Events, v.Differences})
		if err != nil {
			return err
		}
	} else {
		for i := range v.Differences {
			showDifference(c.OutOrStdout(), &v.Differences[i])
		}
	}
	switch {
	case len(v.Differences) > 0:
		return fmt.Errorf("the roster and the log differ in %s at sequence %d", show.Count(uint64(len(v.Differences)), "document"), v.Checkpoint.Sequence)
	case len(v.Damaged) > 0:
		return fmt.Errorf("%s of the log cannot be read: the roster is what the others make, and no more is proven", show.Count(uint64(len(v.Damaged)), "message"))
	}
	return nil
}

// showDifference writes a document's differences: a line for it, and one for each field.
func showDifference(to io.Writer, d *replay.Difference) {
	what := "differs"
	switch {
	case !d.InView:
		what = "is missing from the roster"
	case !d.InLog:
		what = "is in the roster, and the log does not make it"
	}
	fmt.Fprintln(to, show.Lines(fmt.Sprintf("%s (%s) %s%s", cmp.Or(d.Name, "unnamed"), d.Key, what, since(d.Since))))
	for _, f := range d.Fields {
		fmt.Fprintln(to, show.Lines(fmt.Sprintf("  %s: roster %s, log %s%s", cmp.Or(f.Path, "the document"), cmp.Or(f.View, "none"), cmp.Or(f.Log, "none"), since(f.Since))))
	}
}

func since(s *replay.Since) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(", since %s at sequence %d (event %s)", s.Type, s.Position.Sequence, s.Event)
}

func rosterCheckCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the roster's own rules, without the log",
		Long: `Reads the whole roster as it is at one moment and checks the rules that hold
within it: every identity lies in one agent, the agent of its group, and no agent
spans two tenants. It prints nothing and exits 0 when all hold; else it names
the first that does not, and exits 1. It costs much less than verify.`,
		Example: `  rollcall roster check && echo sound`,
		Args:    cobra.NoArgs,
	}
	w := where(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			view, err := r.View.Snapshot(c.Context())
			if err != nil {
				return err
			}
			return checkRoster(view)
		})
	}
	return c
}

func checkRoster(view projections.Snapshot) error {
	p := roster.New()
	for key, body := range view.Documents {
		if err := p.Load(projections.Document{Key: key, Body: body}); err != nil {
			return fmt.Errorf("document %s of the roster: %w", key, err)
		}
	}
	if err := p.Check(); err != nil {
		return fmt.Errorf("the roster breaks a rule: %w", err)
	}
	return nil
}

// bar is a progress bar on standard error.
type bar struct {
	show.Bar
	total uint64
}

func newBar(c *cobra.Command, thing string) *bar {
	return &bar{Bar: show.Bar{Paper: show.NewPaper(c.ErrOrStderr()), Thing: thing}}
}

// pending takes how many are still to come.
func (b *bar) pending(n uint64) {
	b.total = max(b.total, n+1)
	b.Show(b.total-n, b.total)
}
