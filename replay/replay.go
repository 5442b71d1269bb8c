// Package replay reads the log again: any stretch of it, by time or by sequence, filtered as the live stream is, at the pace in
// which it was written or as fast as it can be read.
package replay

import (
	"context"
	"iter"

	"github.com/rollcallhq/rollcall/events"
)

// Log is what a replay reads. A *[events.DamageError] stands in place of one message, every other error is the last thing yielded.
type Log interface {
	Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error]
}

// Read yields the messages of a stretch that any of the filters selects, in the order of the log.
func Read(ctx context.Context, log Log, filters []events.Filter, r Range) iter.Seq2[events.Stored, error] {
	return read(ctx, log, filters, events.Query{From: r.From.Sequence, FromTime: r.From.Time, To: r.To.Sequence, ToTime: r.To.Time})
}

// Follow yields what any of the filters selects from a sequence on, and then goes on with what is appended until ctx is done.
func Follow(ctx context.Context, log Log, filters []events.Filter, from uint64) iter.Seq2[events.Stored, error] {
	return read(ctx, log, filters, events.Query{From: from, Following: true})
}

func read(ctx context.Context, log Log, filters []events.Filter, q events.Query) iter.Seq2[events.Stored, error] {
	if len(filters) == 0 {
		filters = []events.Filter{{}}
	}
	q.Filter = around(filters)
	return func(yield func(events.Stored, error) bool) {
		for m, err := range log.Stored(ctx, q) {
			selected := err != nil || len(filters) == 1 // the log has applied it
			for i := 0; i < len(filters) && !selected && err == nil; i++ {
				selected, err = filters[i].MatchStored(&m)
			}
			if (selected || err != nil) && !yield(m, err) {
				return
			}
		}
	}
}

// Decoded decodes what a replay yields.
func Decoded(messages iter.Seq2[events.Stored, error]) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		for s, err := range messages {
			m := events.Message{Position: s.Position}
			if err == nil {
				m, err = s.Message()
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// around is the narrowest filter that selects all that the filters do: the parts in which they agree.
func around(filters []events.Filter) events.Filter {
	out := filters[0]
	for _, f := range filters[1:] {
		same(&out.Tenant, f.Tenant)
		same(&out.Connection, f.Connection)
		same(&out.Holder, f.Holder)
		same(&out.Kind, f.Kind)
		same(&out.Type, f.Type)
	}
	return out
}

func same[T comparable](part *T, other T) {
	if *part != other {
		*part = *new(T)
	}
}
