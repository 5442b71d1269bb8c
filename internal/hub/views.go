package hub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Views say in which bucket a view lives: a note on the board, under the view's name. Without one it lives in the bucket of that
// name.
type Views struct {
	Live     string `json:"live"`              // what readers read and hubs keep
	Former   string `json:"former,omitzero"`   // what was live before; kept until an operator drops it
	Building string `json:"building,omitzero"` // what a rebuild fills
}

func views(ctx context.Context, board *eventlog.Board) (Views, error) {
	v := Views{Live: roster.Name}
	b, ok, err := board.Get(ctx, roster.Name)
	if err != nil || !ok {
		return v, err
	}
	if err := events.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("where the roster lives: %w", err)
	}
	return v, nil
}

func setViews(ctx context.Context, board *eventlog.Board, v Views) error {
	b, err := events.Marshal(v)
	if err != nil {
		return err
	}
	return board.Put(ctx, roster.Name, b)
}

// openView opens the bucket of a view. One that a rebuild has made must be there; the first is made where it is not.
func openView(ctx context.Context, js jetstream.JetStream, name string, replicas int, readOnly bool) (*projections.Bucket, error) {
	return projections.OpenBucket(ctx, js, projections.BucketOptions{Name: name, Replicas: replicas, ReadOnly: readOnly || name != roster.Name})
}

// LiveView is the roster's bucket as it is now: another one after a switch.
type LiveView struct{ at atomic.Pointer[viewAt] }

type viewAt struct {
	*projections.Bucket
	name string
}

func (v *LiveView) turn(b *projections.Bucket, name string) { v.at.Store(&viewAt{b, name}) }

// Name is the bucket's.
func (v *LiveView) Name() string { return v.at.Load().name }

// Checkpoint implements [projections.View].
func (v *LiveView) Checkpoint(ctx context.Context) (projections.Checkpoint, error) {
	return v.at.Load().Checkpoint(ctx)
}

// Documents implements [projections.View].
func (v *LiveView) Documents(ctx context.Context) iter.Seq2[projections.Document, error] {
	return v.at.Load().Documents(ctx)
}

// Commit implements [projections.View].
func (v *LiveView) Commit(ctx context.Context, expect, next projections.Checkpoint, docs []projections.Document) (projections.Checkpoint, error) {
	return v.at.Load().Commit(ctx, expect, next, docs)
}

// Get implements [roster.Store].
func (v *LiveView) Get(ctx context.Context, key string) (projections.Document, error) {
	return v.at.Load().Get(ctx, key)
}

// List implements [roster.Store].
func (v *LiveView) List(ctx context.Context, pattern string) iter.Seq2[projections.Document, error] {
	return v.at.Load().List(ctx, pattern)
}

// openLive opens the view where it lives now.
func (h *Hub) openLive(ctx context.Context) error {
	v, err := views(ctx, h.Board.Views)
	if err != nil {
		return err
	}
	// The bucket is made where it is missing, even one that a rebuild had made: a restore may have brought the note without it.
	b, err := projections.OpenBucket(ctx, h.js, projections.BucketOptions{Name: v.Live, Replicas: h.opts.Config.NATS.Replicas})
	if err != nil {
		return err
	}
	h.View.turn(b, v.Live)
	return nil
}

// keepRoster keeps the roster up to date, and goes over to another bucket when an operator has switched.
func (h *Hub) keepRoster(ctx context.Context) error {
	for {
		err := h.keepRosterHere(ctx)
		if ctx.Err() != nil || err != nil {
			return err
		}
		if err := h.openLive(ctx); err != nil {
			return err
		}
		h.opts.Logger.Info("the roster lives in another bucket now", "bucket", h.View.Name())
	}
}

// keepRosterHere keeps the roster in its bucket until another is the live one.
func (h *Hub) keepRosterHere(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if h.untilSwitched(ctx) {
			cancel()
		}
	}()
	err := projections.Run(ctx, projections.Config{
		Name: roster.Name, Version: roster.Version, New: roster.New, Log: &folded{h.Log(), h}, View: h.View, Hearer: h.told, Logger: h.opts.Logger,
		Lease:     h.lease("view." + roster.Name),
		Committed: h.reached,
	})
	cancel()
	<-watched
	return err
}

// watchAgain is how long after a failure a board is watched again.
const watchAgain = time.Second

// untilSwitched blocks until another bucket is the live one; false: ctx is done.
func (h *Hub) untilSwitched(ctx context.Context) bool {
	for {
		for note, err := range h.Board.Views.Watch(ctx) {
			var v Views
			if err != nil {
				break
			}
			if note.Key == roster.Name && events.Unmarshal(note.Value, &v) == nil && v.Live != "" && v.Live != h.View.Name() {
				return true
			}
		}
		if !pause(ctx, watchAgain) {
			return false
		}
	}
}

var errNothingFormer = errors.New("no former roster is kept")
