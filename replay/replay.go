// Package replay reads the log again: any stretch of it, by time or by sequence, filtered as the live stream is.
package replay

import (
	"context"
	"fmt"
	"iter"
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

// Read yields the messages of a stretch that the filter selects, in the order of the log.
func Read(ctx context.Context, log Log, f events.Filter, r Range) iter.Seq2[events.Message, error] {
	return log.Read(ctx, events.Query{Filter: f, From: r.From.Sequence, FromTime: r.From.Time, To: r.To.Sequence, ToTime: r.To.Time})
}

// Follow yields what is appended from now on, or from a sequence on.
func Follow(ctx context.Context, log Log, f events.Filter, from uint64) iter.Seq2[events.Message, error] {
	return log.Read(ctx, events.Query{Filter: f, From: from, Following: true})
}
