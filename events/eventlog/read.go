package eventlog

import (
	"context"
	"fmt"
	"iter"

	"github.com/rollcallhq/rollcall/events"
)

// Read yields the events that q selects, in the order of their sequences. A bounded reading covers all that was acknowledged
// before it began; one that follows ends with ctx alone, and lives through the server's absence.
//
// A *[events.DamageError] stands in place of one message, and who goes on reading gets the next. Every other error is the last thing
// yielded: ctx's, [events.ErrEpoch], or that the server could not be reached for Options.Wait.
func (l *Log) Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		s, err := l.stretch(ctx, q)
		if err != nil {
			yield(events.Message{}, fmt.Errorf("reading the log: %w", err))
			return
		}
		if s.to > 0 && s.from > s.to {
			return
		}
		l.messages(ctx, s, func(m *events.Message) bool { return q.Match(&m.Event) })(yield)
	}
}

// stretch turns a query's times into sequences.
func (l *Log) stretch(ctx context.Context, q events.Query) (stretch, error) {
	s := stretch{filters: []string{q.Subject()}, from: q.From, last: q.LastOnly, follow: q.Following}
	if !q.FromTime.IsZero() {
		seq, err := l.store.since(ctx, q.FromTime)
		if err != nil {
			return s, err
		}
		s.from = max(s.from, seq)
	}
	if q.Following {
		return s, nil
	}
	s.to = q.To
	if !q.ToTime.IsZero() {
		seq, err := l.store.since(ctx, q.ToTime.Add(1))
		if err != nil {
			return s, err
		}
		if seq == 1 { // nothing is that old
			s.from, s.to = 2, 1
		} else if s.to == 0 || seq-1 < s.to {
			s.to = seq - 1
		}
	}
	return s, nil
}

// Stored yields what [Log.Read] does, verified but not decoded.
func (l *Log) Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		s, err := l.stretch(ctx, q)
		if err != nil {
			yield(events.Stored{}, fmt.Errorf("reading the log: %w", err))
			return
		}
		if s.to > 0 && s.from > s.to {
			return
		}
		for r, err := range l.records(ctx, s) {
			if err != nil {
				yield(events.Stored{}, err)
				return
			}
			m, err := l.stored(r)
			selected := true
			if err == nil {
				selected, err = q.MatchStored(&m)
			}
			if (selected || err != nil) && !yield(m, err) {
				return
			}
		}
	}
}

// messages yields the stretch's events that keep selects.
func (l *Log) messages(ctx context.Context, s stretch, keep func(*events.Message) bool) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		for m, err := range l.decoded(ctx, s) {
			if err == nil && !keep(&m) {
				continue
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// records yields a stretch, until the log turns out to be restored. An error ends it.
func (l *Log) records(ctx context.Context, s stretch) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		if err := l.sound(ctx); err != nil {
			yield(record{}, err)
			return
		}
		ctx, cancel := l.untilBroken(ctx)
		defer cancel()
		for r, err := range l.store.read(ctx, s) {
			if err != nil {
				yield(record{}, l.cause(ctx, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// untilBroken derives a context that ends when the log turns out to be restored.
func (l *Log) untilBroken(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-l.broken:
			cancel(events.ErrEpoch)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// cause is why a reading ended: ctx's cause, if that is what ended it.
func (l *Log) cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		err = c
	}
	return fmt.Errorf("reading the log: %w", err)
}

// message decodes and verifies a record. It takes note of the position.
func (l *Log) message(r record) (events.Message, error) {
	s, err := l.stored(r)
	if err != nil {
		return events.Message{Position: s.Position, Stored: s.Time, Prev: s.Prev, Hash: s.Hash, Pending: s.Pending}, err
	}
	return s.Message()
}

// stored verifies a record. It takes note of the position.
func (l *Log) stored(r record) (events.Stored, error) {
	s := events.Stored{
		Position: events.Position{Epoch: l.epoch.ID, Sequence: r.seq}, Time: r.time, Subject: r.subject, Feed: r.feed,
		Prev: r.prev, Hash: r.hash, Body: r.body, Pending: r.pending, Keys: l.keys(),
	}
	l.saw(r.seq)
	if got := events.ChainHash(r.prev, r.body); got != r.hash {
		return s, s.Damage(fmt.Errorf("its hash is %s where its content makes %s: it was damaged or altered", r.hash, got))
	}
	return s, nil
}
