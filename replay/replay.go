// Package replay reads the log again: any stretch of it, by time or by sequence, filtered as the live stream is.
package replay

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Log is what a replay reads.
type Log interface {
	Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error]
}

// Bound is one end of a stretch: a sequence, or a time by the server's clock. The zero Bound is no bound.
type Bound struct {
	Sequence uint64
	Time     time.Time
}

// ParseBound reads a bound as a person types it: a sequence (42), a position (epoch:42), a time (RFC 3339, or a date, which
// means its first moment in UTC), or how long ago (90m, 2h).
func ParseBound(s string, now time.Time) (Bound, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Bound{}, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return Bound{Sequence: n}, nil
	}
	if d, err := time.ParseDuration(strings.TrimPrefix(s, "-")); err == nil {
		return Bound{Time: now.Add(-d)}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return Bound{Time: t}, nil
		}
	}
	if p, err := events.ParsePosition(s); err == nil {
		return Bound{Sequence: p.Sequence}, nil
	}
	return Bound{}, fmt.Errorf("%q is neither a sequence (42), a time (2026-11-23T12:00:00Z, 2026-11-23) nor how long ago (2h)", s)
}

// Range selects a stretch of the log, both ends included.
type Range struct{ From, To Bound }

// ParseRange reads both bounds, as [ParseBound] does.
func ParseRange(from, to string, now time.Time) (Range, error) {
	f, err := ParseBound(from, now)
	if err != nil {
		return Range{}, fmt.Errorf("--from: %w", err)
	}
	t, err := ParseBound(to, now)
	if err != nil {
		return Range{}, fmt.Errorf("--to: %w", err)
	}
	r := Range{f, t}
	return r, r.check()
}

func (r Range) check() error {
	switch {
	case r.To.Sequence > 0 && r.From.Sequence > r.To.Sequence:
		return fmt.Errorf("--from %d lies after --to %d", r.From.Sequence, r.To.Sequence)
	case !r.To.Time.IsZero() && r.From.Time.After(r.To.Time):
		return fmt.Errorf("--from %s lies after --to %s", r.From.Time.Format(time.RFC3339), r.To.Time.Format(time.RFC3339))
	}
	return nil
}

// Read yields the messages of a stretch that any of the filters selects, in the order of the log.
func Read(ctx context.Context, log Log, filters []events.Filter, r Range) iter.Seq2[events.Message, error] {
	return read(ctx, log, filters, events.Query{From: r.From.Sequence, FromTime: r.From.Time, To: r.To.Sequence, ToTime: r.To.Time})
}

// Follow yields what any of the filters selects from a sequence on, and then goes on with what is appended until ctx is done.
func Follow(ctx context.Context, log Log, filters []events.Filter, from uint64) iter.Seq2[events.Message, error] {
	return read(ctx, log, filters, events.Query{From: from, Following: true})
}

func read(ctx context.Context, log Log, filters []events.Filter, q events.Query) iter.Seq2[events.Message, error] {
	if len(filters) == 0 {
		filters = []events.Filter{{}}
	}
	q.Filter = around(filters)
	return func(yield func(events.Message, error) bool) {
		for m, err := range log.Read(ctx, q) {
			selected := err != nil || slices.ContainsFunc(filters, func(f events.Filter) bool { return f.Match(&m.Event) })
			if selected && !yield(m, err) {
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
