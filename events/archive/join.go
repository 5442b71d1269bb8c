package archive

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Whole is a log as its readers know it.
type Whole interface {
	Log
	Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error]
	Places(ctx context.Context) ([]events.Place, error)
	Count(ctx context.Context) (uint64, error)

	// Keys open what is sealed in events; nil: nothing does.
	Keys() events.Keys
}

// History is a log and its archive, read as one: what the archive covers comes from the archive, and what follows from the log. Positions are
// the log's.
type History struct {
	Whole
	old    *view  // nil: the log still holds every event that the archive has, and is read alone
	beyond uint64 // how many events the log held behind old
}

// Join makes one history of a log and its archive. What the archive holds of a former life of the log, and the log has lost by a restore, is
// left out. It refuses an archive that is another log's.
func Join(ctx context.Context, log Whole, a *Archive) (*History, error) {
	h := &History{Whole: log}
	end, err := log.End(ctx)
	if err != nil {
		return nil, err
	}
	upTo, err := a.meets(ctx, log, end)
	if err != nil || upTo == 0 {
		return h, err
	}
	v := &view{Archive: a, spans: cut(append([]span(nil), a.spans...), upTo), epoch: end.Epoch, keys: log.Keys()}
	has, err := v.exactly(ctx)
	if err != nil {
		return nil, err
	}
	held, beyond, err := split(ctx, log, upTo)
	if err == nil && held != has {
		h.old, h.beyond = v, beyond
	}
	return h, err
}

// exactly counts the events of the view.
func (v *view) exactly(ctx context.Context) (uint64, error) {
	var n uint64
	for _, sp := range v.spans {
		if sp.to >= sp.entry.Last {
			n += sp.entry.Events
			continue
		}
		for _, err := range sp.entry.events(ctx, v.store, sp.entry.From, sp.to) {
			if err != nil {
				return 0, err
			}
			n++
		}
	}
	return n, nil
}

// split counts the events that the log holds up to a sequence and behind it. Of a log that grows meanwhile it counts too few of the
// former, so that a log that lacks some never seems to have all.
func split(ctx context.Context, log Whole, upTo uint64) (held, beyond uint64, err error) {
	all, err := log.Count(ctx)
	if err != nil {
		return 0, 0, err
	}
	for s, err := range log.Stored(ctx, events.Query{From: upTo + 1}) {
		if err != nil && !events.Damaged(err) {
			return 0, 0, err
		}
		beyond = s.Pending + 1
		break
	}
	return all - min(all, beyond), beyond, nil
}

// Archived reports whether some events are read from the archive, because the log has them no more, and up to which sequence.
func (h *History) Archived() (upTo uint64, ok bool) {
	if h.old == nil {
		return 0, false
	}
	return h.old.end(), true
}

// Count is the number of events in log and archive together.
func (h *History) Count(ctx context.Context) (uint64, error) {
	if h.old == nil {
		return h.Whole.Count(ctx)
	}
	old, err := h.old.exactly(ctx)
	if err != nil {
		return 0, err
	}
	_, beyond, err := split(ctx, h.Whole, h.old.end())
	return old + beyond, err
}

// Stored yields what q selects, as the log's does.
func (h *History) Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	if h.old == nil || q.From > h.old.end() {
		return h.Whole.Stored(ctx, q)
	}
	return func(yield func(events.Stored, error) bool) {
		if q.Following {
			q.To, q.ToTime = 0, time.Time{}
		}
		from, to, err := h.old.bounds(ctx, &q)
		if err != nil {
			yield(events.Stored{}, err)
			return
		}
		rest := q
		rest.From = h.old.end() + 1
		switch more := to == h.old.end() && (q.To == 0 || q.To > to); {
		case !more:
			pass(h.old.read(ctx, &q, from, to, nil), 0, yield)
		case q.LastOnly:
			h.lastOnly(ctx, &q, from, &rest, yield)
		default:
			if pass(h.old.read(ctx, &q, from, to, nil), h.beyond, yield) {
				pass(h.Whole.Stored(ctx, rest), 0, yield)
			}
		}
	}
}

// pass yields messages, with so many more waiting behind them; false: that was the end.
func pass(messages iter.Seq2[events.Stored, error], more uint64, yield func(events.Stored, error) bool) bool {
	for s, err := range messages {
		s.Pending += more
		if !yield(s, err) || err != nil && !events.Damaged(err) {
			return false
		}
	}
	return true
}

// lastOnly yields the last event of each subject in archive and log. What the log shows is kept until the archive, which comes first, has
// shown the subjects that the log has not.
func (h *History) lastOnly(ctx context.Context, q *events.Query, from uint64, rest *events.Query, yield func(events.Stored, error) bool) {
	type shown struct {
		events.Stored
		err error
	}
	var recent []shown
	later := map[string]bool{}
	if q.Following {
		end, err := h.End(ctx)
		if err != nil {
			yield(events.Stored{}, err)
			return
		}
		rest.Following, rest.To = false, end.Sequence
	}
	for s, err := range h.Whole.Stored(ctx, *rest) {
		if err != nil && !events.Damaged(err) {
			yield(s, err)
			return
		}
		later[s.Subject] = true
		recent = append(recent, shown{s, err})
	}
	if !pass(h.old.read(ctx, q, from, h.old.end(), later), uint64(len(recent)), yield) {
		return
	}
	for _, s := range recent {
		if !yield(s.Stored, s.err) {
			return
		}
	}
	if q.Following {
		pass(h.Whole.Stored(ctx, events.Query{Filter: q.Filter, From: rest.To + 1, Following: true}), 0, yield)
	}
}

// Read yields what q selects, decoded, as the log's does.
func (h *History) Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error] {
	if h.old == nil || q.From > h.old.end() {
		return h.Whole.Read(ctx, q)
	}
	return func(yield func(events.Message, error) bool) {
		for s, err := range h.Stored(ctx, q) {
			m := events.Message{Position: s.Position, Stored: s.Time, Prev: s.Prev, Hash: s.Hash, Pending: s.Pending}
			if err == nil {
				m, err = s.Message()
			} else if !events.Damaged(err) {
				err = fmt.Errorf("reading the log and its archive: %w", err)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}
