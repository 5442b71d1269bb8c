package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/internal/show"
)

func copyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Copy an archive from store to store, or what one has beyond the other",
		Long: `Copies what FROM has and TO has not, segments before the entries that name them, so
that TO is sound wherever it stops. Objects that both have must be the same.
From a bucket to a folder it makes what ` + "`rollcall replay --archive`" + ` and the other
commands read.

` + aboutStores,
		Example: `  rollcall-archive copy "s3://acme-audit?region=eu-central-1&prefix=rollcall/" ./archive
  rollcall replay --archive ./archive --from 2026-01-01`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			from, done, err := openStore(c.Context(), args[0], false)
			if err != nil {
				return err
			}
			defer done()
			to, done, err := openStore(c.Context(), args[1], true)
			if err != nil {
				return err
			}
			defer done()
			n, err := copyArchive(c.Context(), from, to)
			if err != nil {
				return err
			}
			show.NewPaper(c.ErrOrStderr()).Printf("Copied %s to %s.\n", show.Count(n, "segment"), to)
			return nil
		},
	}
	return c
}

// copyArchive copies the segments that to does not have, and returns how many.
func copyArchive(ctx context.Context, from, to archive.Store) (n uint64, err error) {
	a, err := archive.Open(ctx, from)
	if err != nil {
		return 0, err
	}
	there, err := to.List(ctx, "")
	if err != nil {
		return 0, err
	}
	has := map[string]bool{}
	for _, name := range there {
		has[name] = true
	}
	for _, e := range a.Entries() {
		entry := fmt.Sprintf("index/%010d.json", e.Number)
		for _, name := range []string{e.Name, entry} {
			if has[name] && strings.HasPrefix(name, "segments/") { // its name holds its digest
				continue
			}
			if err := copyObject(ctx, from, to, name); err != nil {
				return n, err
			}
		}
		if !has[entry] {
			n++
		}
	}
	return n, nil
}

func copyObject(ctx context.Context, from, to archive.Store, name string) error {
	b, err := from.Get(ctx, name)
	if err != nil {
		return err
	}
	if err = to.Put(ctx, name, b); !errors.Is(err, archive.ErrExists) {
		return err
	}
	other, err := to.Get(ctx, name)
	if err == nil && !bytes.Equal(b, other) {
		err = fmt.Errorf("%s is another object in %s than in %s: they are two archives", name, to, from)
	}
	return err
}
