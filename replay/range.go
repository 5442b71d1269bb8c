package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bound is one end of a stretch: a sequence, or a time by the server's clock. The zero Bound is no bound.
type Bound struct {
	Sequence uint64
	Time     time.Time
}

// layouts are the times that a person may type, beside RFC 3339 with its zone: these are in the zone of the person's clock, as the
// times are that a person is shown.
var layouts = []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly}

// ParseBound reads a bound as a person types it: a sequence (42), a time (RFC 3339, or without a zone in that of now; a date is
// its first moment), or how long before now (90m, 2h, 7d).
func ParseBound(s string, now time.Time) (Bound, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Bound{}, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return Bound{Sequence: n}, nil
	}
	if d, ok := parseAgo(s); ok {
		return Bound{Time: now.Add(-d)}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return Bound{Time: t}, nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return Bound{Time: t}, nil
		}
	}
	return Bound{}, fmt.Errorf("%q is neither a sequence (42), a time (2026-11-23T12:00:00Z, 2026-11-23) nor how long ago (2h, 7d)", s)
}

// parseAgo reads how long ago something was; a minus before it says the same.
func parseAgo(s string) (time.Duration, bool) {
	s = strings.TrimPrefix(s, "-")
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// Range selects a stretch of the log, both ends included. The zero Range is the whole log.
type Range struct{ From, To Bound }

// ParseRange reads both bounds, as [ParseBound] does, but for the last day, which is included whole where it is a date.
func ParseRange(from, to string, now time.Time) (Range, error) {
	f, err := ParseBound(from, now)
	if err != nil {
		return Range{}, fmt.Errorf("--from: %w", err)
	}
	t, err := ParseBound(to, now)
	switch {
	case err != nil:
		return Range{}, fmt.Errorf("--to: %w", err)
	case t == Bound{} && strings.TrimSpace(to) != "":
		return Range{}, fmt.Errorf("--to: %q is before everything: sequences begin with 1", to)
	}
	if _, err := time.Parse(time.DateOnly, strings.TrimSpace(to)); err == nil {
		t.Time = t.Time.AddDate(0, 0, 1).Add(-time.Nanosecond)
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
