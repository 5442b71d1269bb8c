package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func verifyCommand() *cobra.Command {
	var pinned string
	c := &cobra.Command{
		Use:   "verify STORE",
		Short: "Read a whole archive and name every segment that was changed, lost or swapped",
		Long: `Reads every object of the archive, as ` + "`rollcall archive verify`" + ` does in a folder. It
prints nothing and exits 0 when all fit; else it names each fault and exits 1.

` + aboutStores,
		Example: `  rollcall-archive verify "azblob://audit?prefix=rollcall/" --pinned "$(cat head.txt)"`,
		Args:    cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&pinned, "pinned", "", "head of the log that `rollcall log head` printed before")
	c.RunE = func(c *cobra.Command, args []string) error {
		var head replay.Head
		if c.Flags().Changed("pinned") {
			var err error
			if head, err = replay.ParseHead(pinned); err != nil {
				return err
			}
		}
		store, done, err := openStore(c.Context(), args[0], false)
		if err != nil {
			return err
		}
		defer done()
		return verify(c, store, head)
	}
	return c
}

func verify(c *cobra.Command, store archive.Store, pinned replay.Head) error {
	report, err := archive.Verify(c.Context(), store, nil)
	if err != nil {
		return err
	}
	p, faults := show.NewPaper(c.OutOrStdout()), len(report.Faults)
	for _, f := range report.Faults {
		p.Printf("%s\n", show.Lines(f.Text))
	}
	if faults == 0 {
		a, err := archive.Open(c.Context(), store)
		if err != nil {
			return err
		}
		chains, err := replay.VerifyChains(c.Context(), a, pinned, nil)
		if err != nil {
			return err
		}
		for _, f := range chains.Faults {
			p.Printf("%s\n", show.Lines(f.Text))
		}
		faults = len(chains.Faults)
	}
	if faults > 0 {
		return fmt.Errorf("the archive in %s is not sound: %s", store, show.Count(uint64(faults), "fault"))
	}
	return nil
}
