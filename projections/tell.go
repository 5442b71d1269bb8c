package projections

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// Teller is a projection that concludes events of its own from those that it folds. What it tells follows from the log alone: folding the
// same events again tells the very same, with the same ids.
type Teller interface {
	Projection

	// Tell returns what was concluded since the last Tell, in the order of the log.
	Tell() []Told

	// Amend returns what must be told, so that who has held to be true what these events say, the last about each thing, holds to be true
	// what is.
	Amend(held []events.Event) []events.Event
}

// Told is an event that a projection has concluded, and its place: that of the event from which it was, and its own number among all that
// were concluded from that event, from 1.
type Told struct {
	Event    events.Event
	Position events.Position
	N        int
}

// Hearer is who keeps what a projection tells, each event once. What is told is kept before the view that shows it is written.
type Hearer interface {
	// Heard is how far it has heard.
	Heard(ctx context.Context) (Heard, error)

	// Held is the last event about each thing.
	Held(ctx context.Context) ([]events.Event, error)

	// Hear keeps what is told, all or nothing, and next, if it still has heard no more than expect; else it fails with [ErrSuperseded].
	// At most [MaxBatch] events.
	Hear(ctx context.Context, expect, next Heard, told []Told) (Heard, error)
}

// Heard is the place of the last event that was heard.
type Heard struct {
	events.Position
	N        int    `json:"n"`
	Version  int    `json:"version"` // of the fold that told it
	Revision uint64 `json:"-"`       // for compare-and-set; 0: nothing was ever heard
}

// telling is what the fold of a view has told so far. A nil one tells nobody.
type telling struct {
	hearer Hearer
	teller Teller
	heard  Heard

	// amends says that what was heard cannot be gone on from: other rules told it, or a log that was restored since. What differs is told
	// when the view has caught up.
	amends bool
}

func newTelling(ctx context.Context, f *folding) (*telling, error) {
	teller, ok := f.p.(Teller)
	if !ok || f.cfg.Hearer == nil {
		return nil, nil
	}
	t := &telling{hearer: f.cfg.Hearer, teller: teller}
	var err error
	if t.heard, err = t.hearer.Heard(ctx); err != nil {
		return nil, fmt.Errorf("reading what view %s has told: %w", f.cfg.Name, err)
	}
	h, v := t.heard, f.saved
	if f.stale != nil {
		t.amends = h.Revision > 0 && (h.Version != f.cfg.Version || h.Epoch != f.at.Epoch)
		return t, nil
	}
	if t.amends = (v.Heard == 0 || v.Heard != h.Revision) && h.Sequence <= v.Sequence; t.amends { // the view was filled by who told nobody
		return t, t.amend(ctx, f)
	}
	return t, nil
}

// tell has what was concluded since the last time kept, but for what was kept before a crash.
func (t *telling) tell(ctx context.Context, f *folding) error {
	if t == nil {
		return nil
	}
	told := t.teller.Tell()
	if t.amends {
		return nil
	}
	h := t.heard
	told = slices.DeleteFunc(told, func(x Told) bool {
		return cmp.Or(cmp.Compare(x.Position.Sequence, h.Sequence), cmp.Compare(x.N, h.N)) <= 0
	})
	err := t.keep(ctx, f, f.cfg.Version, told)
	f.at.Heard = t.heard.Revision
	return err
}

// amend tells what differs between what was told and what is.
func (t *telling) amend(ctx context.Context, f *folding) error {
	if t == nil || !t.amends {
		return nil
	}
	held, err := t.hearer.Held(ctx)
	if err != nil {
		return fmt.Errorf("reading what view %s has told: %w", f.cfg.Name, err)
	}
	t.teller.Tell() // is part of what is
	var news []Told
	for _, e := range t.teller.Amend(held) {
		news = append(news, Told{e, f.at.Position, math.MaxInt}) // and all that follows from the events up to here has been told
	}
	// No version of the fold has told this before all of it is told: who is interrupted begins anew.
	if err := t.keep(ctx, f, 0, news); err != nil {
		return err
	}
	t.amends = false
	err = t.hear(ctx, f, Heard{Position: f.at.Position, N: math.MaxInt, Version: f.cfg.Version}, nil)
	f.at.Heard = t.heard.Revision
	return err
}

// keep has events kept, in as many batches as it takes.
func (t *telling) keep(ctx context.Context, f *folding, version int, news []Told) error {
	for batch := range slices.Chunk(news, MaxBatch) {
		last := batch[len(batch)-1]
		if err := t.hear(ctx, f, Heard{Position: last.Position, N: last.N, Version: version}, batch); err != nil {
			return err
		}
	}
	return nil
}

func (t *telling) hear(ctx context.Context, f *folding, next Heard, told []Told) error {
	failpoint.Hit("projections.tell.before")
	heard, err := t.hearer.Hear(ctx, t.heard, next, told)
	if err != nil {
		return fmt.Errorf("telling what view %s concludes: %w", f.cfg.Name, err)
	}
	failpoint.Hit("projections.tell.after")
	t.heard = heard
	return nil
}
