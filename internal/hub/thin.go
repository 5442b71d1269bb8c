package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// thin removes from the stream what lies in whole segments that are older than archive.keep, but for the last event of each subject, so that
// states stay. A segment is read whole first, and held against its digests and its events against their hashes. The note says what may be
// missing before it is removed, and what is removed afterwards: what was stopped in between is done again.
func (h *Hub) thin(ctx context.Context, a *archive.Archive) error {
	keep := h.opts.Config.Archive.Keep
	if keep == 0 {
		return nil
	}
	note, _, err := archived(ctx, h.Board.Archives)
	if err != nil {
		return err
	}
	survived, _, err := h.Log().Survived(ctx, note.Epoch)
	if err != nil {
		return err
	}
	done := min(note.Thinned, survived) // what was appended since a restore is not thinned yet
	for _, s := range a.Stretches() {
		if s.To <= done {
			continue
		}
		if time.Since(s.LastTime) < keep {
			return nil
		}
		n, err := h.thinStretch(ctx, a, max(s.From, done+1), s.To)
		if err != nil {
			return fmt.Errorf("removing from the stream what is archived: %w", err)
		}
		done = s.To
		h.opts.Logger.Info("removed from the stream what is archived, but for last states", "up to", s.To, "subjects", n)
	}
	return nil
}

// thinStretch removes the events of one stretch, and what former stretches had to leave because it was the last of its subject then.
func (h *Hub) thinStretch(ctx context.Context, a *archive.Archive, from, to uint64) (int, error) {
	subjects := map[string]bool{}
	for s, err := range a.Stored(ctx, events.Query{From: from, To: to}) {
		if err != nil && !events.Damaged(err) { // what the log held damaged is archived as it was
			return 0, err
		}
		subjects[s.Subject] = true
	}
	if err := h.note(ctx, func(n *Archived) { n.Thinning = max(n.Thinning, to) }); err != nil {
		return 0, err
	}
	failpoint.Hit("thin.noted")
	for _, subject := range slices.Sorted(maps.Keys(subjects)) {
		if err := h.Log().Thin(ctx, subject, to); err != nil {
			return 0, err
		}
		failpoint.Hit("thin.subject")
	}
	failpoint.Hit("thin.removed")
	return len(subjects), h.note(ctx, func(n *Archived) { n.Thinned = to })
}
