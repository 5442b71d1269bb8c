package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Config is what Run needs.
type Config struct {
	Name    string            // for messages
	Version int               // of the fold; a view that another version wrote is written anew
	New     func() Projection // an empty projection
	Log     Log
	View    View

	// Hearer, if set, is told what the projection concludes, if it is a [Teller].
	Hearer Hearer

	// Lease, if set, blocks until this instance may keep the view and returns a channel that is closed when it no longer may.
	// The compare-and-set on the checkpoint is what keeps the view right; the lease spares useless work.
	Lease func(context.Context) (lost <-chan struct{}, release func(), err error)

	// Committed, if set, is told of each checkpoint that was written, and of the one found at the start.
	Committed func(Checkpoint)

	// Failed, if set, is told why the projection starts again.
	Failed func(error)

	Logger *slog.Logger
}

// Run keeps the view up to date until ctx is done. Whatever goes wrong, it loads the view again and goes on from what is
// stored there: a view holds no more and no less than its checkpoint says, so there is nothing else to repair. It returns an
// error only where trying again cannot help: a log or view that holds what this program does not understand.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	for wait := time.Duration(0); ; wait = min(max(2*wait, 50*time.Millisecond), 5*time.Second) {
		if !sleep(ctx, wait) {
			return nil
		}
		err := hold(ctx, cfg, func() { wait = 0 })
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		var broken *BrokenError
		switch {
		case errors.As(err, &broken):
			return err
		case err != nil:
			cfg.Logger.Warn("the view is loaded again", "view", cfg.Name, "why", err)
			if cfg.Failed != nil {
				cfg.Failed(err)
			}
		}
	}
}

// BrokenError says that the view or the log holds what the projection cannot take.
type BrokenError struct {
	What string // the document or event
	Err  error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }

// Unwrap returns the cause.
func (e *BrokenError) Unwrap() error { return e.Err }

// Build brings a view that nobody keeps up to the log's end, and returns. What an earlier Build has left half done it goes on with.
func Build(ctx context.Context, cfg Config) error {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return (&folding{cfg: cfg}).catchUp(ctx)
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// hold keeps the view for as long as it holds the lease.
func hold(ctx context.Context, cfg Config, healthy func()) error {
	if cfg.Lease != nil {
		lost, release, err := cfg.Lease(ctx)
		if err != nil {
			return fmt.Errorf("taking the lease of view %s: %w", cfg.Name, err)
		}
		defer release()
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-lost:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	f := &folding{cfg: cfg}
	if err := f.catchUp(ctx); err != nil {
		return err
	}
	healthy()
	return f.fold(ctx, events.Query{From: f.at.Sequence + 1, Following: true})
}
