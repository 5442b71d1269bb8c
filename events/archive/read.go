package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Stored yields the archived events that q selects, verified but not decoded, as a log does: in the order of their sequences, with a
// *[events.DamageError] in place of one that was damaged when it was archived. A *[Fault] names a segment that was changed since, and
// is the last thing yielded. An archive cannot be followed.
func (a *Archive) Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		if q.Following {
			yield(events.Stored{}, errors.New("an archive does not grow while it is read: follow the log"))
			return
		}
		last, _ := a.Last()
		v := &view{Archive: a, spans: a.spans, epoch: last.Epoch}
		from, to, err := v.bounds(ctx, &q)
		if err != nil {
			yield(events.Stored{}, err)
			return
		}
		for s, err := range v.read(ctx, &q, from, to, nil) {
			if !yield(s, err) || err != nil && !events.Damaged(err) {
				return
			}
		}
	}
}

// view is what the archive holds of one life of a log.
type view struct {
	*Archive
	spans []span
	epoch string      // that its positions are given
	keys  events.Keys // that open what is sealed in its events; nil: it stays sealed
}

// end is the last sequence that it covers.
func (v *view) end() uint64 {
	if len(v.spans) == 0 {
		return 0
	}
	return v.spans[len(v.spans)-1].to
}

// bounds turns a query's bounds into sequences of the view, both included.
func (v *view) bounds(ctx context.Context, q *events.Query) (from, to uint64, err error) {
	from, to = max(q.From, 1), v.end()
	if q.To > 0 {
		to = min(to, q.To)
	}
	if !q.FromTime.IsZero() {
		since, err := v.since(ctx, q.FromTime)
		if err != nil {
			return 0, 0, err
		}
		from = max(from, since)
	}
	if !q.ToTime.IsZero() {
		after, err := v.since(ctx, q.ToTime.Add(1))
		if err != nil {
			return 0, 0, err
		}
		to = min(to, after-1)
	}
	return from, to, nil
}

// since is the sequence of the first event stored at or after t; the one after the end if none was.
func (v *view) since(ctx context.Context, t time.Time) (uint64, error) {
	for _, sp := range v.spans {
		if sp.entry.LastTime.Before(t) {
			continue
		}
		for s, err := range sp.entry.events(ctx, v.store, sp.entry.From, sp.to) {
			if err != nil {
				return 0, err
			}
			if !s.Time.Before(t) {
				return s.Position.Sequence, nil
			}
		}
	}
	return v.end() + 1, nil
}

// read yields what q's filter selects of from..to. With LastOnly those subjects are left out that are in later: a reading of what comes
// behind the view has shown a later event of theirs.
func (v *view) read(ctx context.Context, q *events.Query, from, to uint64, later map[string]bool) iter.Seq2[events.Stored, error] {
	if q.LastOnly {
		return v.lastOnly(ctx, q, from, to, later)
	}
	return func(yield func(events.Stored, error) bool) {
		left := v.count(from, to)
		for s, err := range v.raw(ctx, from, to) {
			if err != nil {
				yield(s, err)
				return
			}
			left -= min(left, 1)
			s.Pending = left
			if ok, err := selects(q.Filter, &s); (ok || err != nil) && !yield(s, err) {
				return
			}
		}
	}
}

// raw yields all of from..to, not verified.
func (v *view) raw(ctx context.Context, from, to uint64) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for _, sp := range v.spans {
			if sp.to < from || sp.entry.From > to {
				continue
			}
			for s, err := range sp.entry.events(ctx, v.store, max(from, sp.entry.From), min(to, sp.to)) {
				s.Position.Epoch, s.Keys = v.epoch, v.keys
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// lastOnly yields the last event of each subject.
func (v *view) lastOnly(ctx context.Context, q *events.Query, from, to uint64, later map[string]bool) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		f := subjectOf(q.Filter)
		last := map[string]*events.Stored{}
		for s, err := range v.raw(ctx, from, to) {
			if err != nil {
				yield(s, err)
				return
			}
			if ok, _ := f.MatchStored(&s); ok && !later[s.Subject] {
				last[s.Subject] = &s
			}
		}
		left := uint64(len(last))
		for _, s := range slices.SortedFunc(maps.Values(last), bySequence) {
			left--
			s.Pending = left
			if ok, err := selects(q.Filter, s); (ok || err != nil) && !yield(*s, err) {
				return
			}
		}
	}
}

func bySequence(a, b *events.Stored) int {
	return cmp.Compare(a.Position.Sequence, b.Position.Sequence)
}

// subjectOf is the part of a filter that a subject answers, as [events.Filter.Subject] has it.
func subjectOf(f events.Filter) events.Filter {
	if f.Kind == "" && f.Type != "" {
		f.Kind, _ = f.Type.Split()
	}
	f.Type = ""
	return f
}

// selects reports whether the filter selects the event, and verifies one that it may select: first the subject, then the hash, then
// the type, as a log does.
func selects(f events.Filter, s *events.Stored) (bool, error) {
	if ok, err := subjectOf(f).MatchStored(s); !ok || err != nil {
		return false, err
	}
	if got := events.ChainHash(s.Prev, s.Body); got != s.Hash {
		return true, s.Damage(fmt.Errorf("its hash is %s where its content makes %s: it was damaged or altered", s.Hash, got))
	}
	return f.MatchStored(s)
}

// count is how many events lie in from..to; of a segment that is not read whole it is an estimate.
func (v *view) count(from, to uint64) uint64 {
	var n uint64
	for _, sp := range v.spans {
		lo, hi := max(from, sp.entry.From), min(to, sp.to)
		switch {
		case lo > hi:
		case lo == sp.entry.From && hi == sp.entry.To:
			n += sp.entry.Events
		default:
			share := float64(hi-lo+1) / float64(sp.entry.To-sp.entry.From+1)
			n += uint64(math.Ceil(share * float64(sp.entry.Events)))
		}
	}
	return n
}
