package main

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// watch shows the events from now on, and has the demo's company change.
func (r *rollCall) watch(ctx context.Context) error {
	end, err := r.hub.Log().End(ctx)
	if err != nil {
		return err
	}
	if r.names, err = show.NamesIn(ctx, roster.Reader{Store: r.hub.View}, ""); err != nil {
		return err
	}
	r.story.Printf("\n%s\n\n", r.story.Dim("Watching for changes. Ctrl-C stops."))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.follow(ctx, end.Sequence+1) })
	if r.company != nil {
		g.Go(func() error { return r.company.Drive(ctx, r.every, r.deed) })
	}
	return g.Wait()
}

// deed tells what somebody did at a vendor of the demo.
func (r *rollCall) deed(vendor string, o sandbox.Outcome) {
	r.story.Deed(o.At, "demo", vendor, o.Text, r.names)
}

// follow shows each event as it is recorded. When the log turns out to be restored, it goes on with the log that the hub opens then,
// from its end: what survived was told before.
func (r *rollCall) follow(ctx context.Context, from uint64) error {
	for {
		log := r.hub.Log()
		err := r.showEvents(ctx, log, from)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, events.ErrEpoch):
			return err
		}
		if log, err = r.reopened(ctx, log); err != nil {
			return nil
		}
		end, err := log.End(ctx)
		if err != nil {
			return err
		}
		from = end.Sequence + 1
	}
}

// reopened waits for the hub to open the log again.
func (r *rollCall) reopened(ctx context.Context, old *eventlog.Log) (*eventlog.Log, error) {
	for {
		moved := r.hub.Moved()
		if log := r.hub.Log(); log != old {
			return log, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-moved:
		}
	}
}

func (r *rollCall) showEvents(ctx context.Context, log *eventlog.Log, from uint64) error {
	for m, err := range replay.Decoded(replay.Follow(ctx, log, []events.Filter{{}}, from)) {
		switch {
		case err != nil:
			return err
		case r.out.json():
			err = r.facts.EventJSON(&m)
		default:
			err = r.story.Event(&m, r.names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
