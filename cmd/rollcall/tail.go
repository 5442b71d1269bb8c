package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func tailCommand() *cobra.Command {
	var (
		out  output
		only selection
	)
	c := &cobra.Command{
		Use:   "tail",
		Short: "Follow the events as they are recorded",
		Long: `Follows the events as they are recorded, until Ctrl-C.

With --output json it is one event per line, in CloudEvents form with its
position.`,
		Example: `  rollcall tail
  rollcall tail --kind credential
  rollcall tail --type agent.disabled --output json`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	only.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		return reading(ctx, w, func(r *hub.Reader) error {
			if r.Alone() {
				return errors.New("no hub runs on the folder " + w.Data + ", so nothing will change: start one with `rollcall up`, or see what was with `rollcall replay`")
			}
			err := follow(c, r, &only, &out)
			if ctx.Err() != nil {
				return nil
			}
			return err
		})
	}
	return c
}

// follow prints what the flags select, from now on.
func follow(c *cobra.Command, r *hub.Reader, only *selection, out *output) error {
	ctx := c.Context()
	filters, err := only.filters(ctx, r)
	if err != nil {
		return err
	}
	end, err := r.Log.End(ctx)
	if err != nil {
		return err
	}
	return printEvents(ctx, c, r, out, replay.Follow(ctx, r.Log, filters, end.Sequence+1))
}

func replayCommand() *cobra.Command {
	var (
		out      output
		only     selection
		from, to string
	)
	c := &cobra.Command{
		Use:   "replay",
		Short: "Print history from the log",
		Long: `Prints history from the log. --from and --to take a sequence (42), a time
(2026-11-23T12:00:00Z, 2026-11-23), or how long ago (2h, 7d); both ends are
included, a last day whole. A time without a zone is in that of this machine,
and times are when the hub's server stored an event.

With --output json it is one event per line, in CloudEvents form with its
position.`,
		Example: `  rollcall replay --from 2h
  rollcall replay --from 2026-11-01 --to 2026-11-30 --agent "Invoice matcher"
  rollcall replay --kind grant --output json > grants.jsonl`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	only.bind(c)
	c.Flags().StringVar(&from, "from", "", "first sequence or time (default the log's start)")
	c.Flags().StringVar(&to, "to", "", "last sequence or time (default the log's end)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		stretch, err := replay.ParseRange(from, to, time.Now())
		if err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			filters, err := only.filters(c.Context(), r)
			if err != nil {
				return err
			}
			return printEvents(c.Context(), c, r, &out, replay.Read(c.Context(), r.Log, filters, stretch))
		})
	}
	return c
}

func printEvents(ctx context.Context, c *cobra.Command, r *hub.Reader, out *output, messages iter.Seq2[events.Message, error]) error {
	p := show.NewPaper(c.OutOrStdout())
	names := show.NewNames()
	if !out.json() {
		var err error
		if names, err = show.NamesIn(ctx, r.Roster, ""); err != nil {
			return err
		}
	}
	for m, err := range messages {
		if err != nil {
			return err
		}
		if out.json() {
			err = p.EventJSON(&m)
		} else {
			err = p.Event(&m, names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
