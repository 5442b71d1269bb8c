package hub

import (
	"context"
	"fmt"
	"iter"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// keepErased destroys the keys of those who were erased by what the log says: a backup of the keys may have brought them back.
func (h *Hub) keepErased(ctx context.Context, log *eventlog.Log) error {
	for p, err := range erasedIn(ctx, log) {
		if err != nil {
			return fmt.Errorf("looking for who was erased: %w", err)
		}
		destroyed, err := h.keys.Erase(ctx, p)
		if err != nil {
			return fmt.Errorf("carrying out an erasure that the log tells of: %w", err)
		}
		if destroyed {
			h.opts.Logger.Warn("a person was erased again: the erasure had been stopped, or the keys were restored from before it",
				"tenant", p.Tenant, "connection", p.Connection, "person", p.ID)
		}
	}
	return nil
}

// erasedIn are those whom the log says to be erased, by the last event of each person as it lies there.
func erasedIn(ctx context.Context, log *eventlog.Log) iter.Seq2[events.PersonID, error] {
	return func(yield func(events.PersonID, error) bool) {
		for s, err := range log.Stored(ctx, events.Query{Filter: events.Filter{Kind: events.KindPerson}, LastOnly: true}) {
			if events.Damaged(err) {
				continue // who reads it for what it says tells of it
			}
			if err != nil {
				yield(events.PersonID{}, err)
				return
			}
			e, err := events.Decode(s.Body) // not opened: what counts is what the log says
			if err != nil {
				continue
			}
			if id, ok := e.PersonID(); ok && e.Data.Entity.Person.Withheld == events.WithheldErased && !yield(id, nil) {
				return
			}
		}
	}
}
