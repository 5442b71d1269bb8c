package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
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

` + aboutFilter + `

With --output json it is one event per line, in CloudEvents form with its
position; with --output cloudevents plain CloudEvents, the position in the
extensions sequence and epoch.`,
		Example: `  rollcall tail
  rollcall tail --kind credential
  rollcall tail --type agent.disabled --output json
  rollcall tail --filter 'type.endsWith(".deleted") && !data.gone.inferred'`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c, cloudEvents)
	only.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		if err := only.parse(c); err != nil {
			return err
		}
		return reading(ctx, w, func(r *hub.Reader) error {
			if r.Alone() {
				return errors.New("no hub runs on the folder " + w.Data + ", so nothing will change: start one with `rollcall up`, or see what was with `rollcall replay`")
			}
			err := follow(c, r, &only, &out)
			if ctx.Err() != nil {
				return only.allEvaluated()
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
	p, err := newPrinter(c, r, out)
	if err != nil {
		return err
	}
	return p.print(only.where(ctx, replay.Follow(ctx, r.Log, filters, end.Sequence+1)))
}
