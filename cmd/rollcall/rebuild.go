package main

import (
	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

func rosterRebuildCommand() *cobra.Command {
	var drop, quiet bool
	c := &cobra.Command{
		Use:   "rebuild",
		Short: "Build the roster anew from the log, beside the live one, and switch",
		Long: `Folds the log from its start into a second roster beside the live one, compares
that with the log document by document, and then makes it the live one in one
step: hubs go over to it, and readers that open from then on read it. The live
roster never stops meanwhile. Interrupted at any point, it goes on where it
stopped when it is called again, and the live roster is as it was.

The former roster is kept until --drop-former removes it. Who reads the bucket
over NATS finds its name in bucket rollcall_hub under view.roster (field live).`,
		Example: `  rollcall roster rebuild
  rollcall roster rebuild --drop-former`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	c.Flags().BoolVar(&drop, "drop-former", false, "only remove the roster that was live before the last rebuild")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "nothing but errors")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			p := show.NewPaper(c.OutOrStdout())
			if drop {
				name, err := r.DropFormer(c.Context())
				if err == nil && !quiet {
					p.Printf("Dropped %s.\n", name)
				}
				return err
			}
			aside, step := show.NewPaper(c.ErrOrStderr()), ""
			bar := &show.Bar{Paper: aside, Thing: "event"}
			done, err := r.Rebuild(c.Context(), func(now string, done, total uint64) {
				if now != step && !quiet {
					bar.Clear()
					bar = &show.Bar{Paper: aside, Thing: "event"}
					aside.Printf("%s ...\n", now)
					step = now
				}
				if !quiet {
					bar.Show(done, total)
				}
			})
			bar.Clear()
			if err != nil {
				return err
			}
			if !quiet {
				p.Printf("The roster lives in bucket %s now, verified over %s to sequence %d. The former one is kept in %s.\n",
					done.Live, show.Count(done.Events, "event"), done.Sequence, done.Former)
			}
			return nil
		})
	}
	return c
}
