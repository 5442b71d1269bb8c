package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

// where binds the flags that say where the hub's NATS is found.
func where(c *cobra.Command) *hub.Where {
	w := &hub.Where{Archive: hub.NoArchive}
	f := c.Flags()
	f.StringVar(&w.Data, "data", config.DefaultData, "folder of a hub on this machine")
	f.StringVar(&w.URL, "nats", "", "URL of the NATS that the hub uses, instead of its folder")
	f.StringVar(&w.Context, "nats-context", "", "context of the nats command line tool, instead of its folder")
	f.StringVar(&w.Stream, "stream", "ROLLCALL", "name of the log's stream")
	c.MarkFlagsMutuallyExclusive("nats", "nats-context")
	return w
}

func writeCommand() *cobra.Command {
	var (
		every time.Duration
		o     archive.Options
	)
	c := &cobra.Command{
		Use:   "write STORE",
		Short: "Archive the log to a store: once, up to now, or as it grows",
		Long: `Writes what the log holds beyond the archive's end, as ` + "`rollcall archive`" + ` does to a
folder. It may be stopped at any point, and several may run: one segment is
written by one of them. With --every it goes on until Ctrl-C; a segment that is
not full is then closed when its first event is as old as --age.

` + aboutStores,
		Example: `  rollcall-archive write "gs://acme-audit?prefix=rollcall/" --nats nats://127.0.0.1:4222
  rollcall-archive write "gs://acme-audit?prefix=rollcall/" --every 1m --age 1h`,
		Args: cobra.ExactArgs(1),
	}
	w := where(c)
	c.Flags().DurationVar(&every, "every", 0, "go on, and look so often (default once)")
	c.Flags().DurationVar(&o.Age, "age", time.Hour, "with --every: how old the first event of a segment may become before it is closed though it is not full")
	c.Flags().IntVar(&o.Events, "segment", archive.DefaultEvents, "events in a segment, at most")
	c.RunE = func(c *cobra.Command, args []string) error {
		store, done, err := openStore(c.Context(), args[0], true)
		if err != nil {
			return err
		}
		defer done()
		if every == 0 {
			o.Age = 0
		}
		for {
			added, err := write(c.Context(), *w, store, o)
			if err != nil && (every == 0 || c.Context().Err() != nil) {
				return err
			}
			p := show.NewPaper(c.ErrOrStderr())
			if err != nil {
				p.Printf("%s %s\n", p.Red("tried again:"), show.Lines(err.Error()))
			} else if added.Segments > 0 || every == 0 {
				p.Printf("Archived %s in %s to %s.\n", show.Count(added.Events, "event"), show.Count(added.Segments, "segment"), store)
			}
			if every == 0 {
				return nil
			}
			select {
			case <-c.Context().Done():
				return c.Context().Err()
			case <-time.After(every):
			}
		}
	}
	return c
}

// write archives up to now.
func write(ctx context.Context, w hub.Where, store archive.Store, o archive.Options) (archive.Written, error) {
	r, err := hub.OpenReader(ctx, w)
	if err != nil {
		return archive.Written{}, err
	}
	defer r.Close()
	for {
		a, err := archive.Open(ctx, store)
		if err != nil {
			return archive.Written{}, err
		}
		if err := r.MayArchive(ctx, a); err != nil {
			return archive.Written{}, err
		}
		added, err := a.Write(ctx, r.Log, o)
		if !errors.Is(err, archive.ErrOvertaken) {
			return added, err
		}
	}
}
