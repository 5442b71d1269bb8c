package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
)

// Thin removes the events of an entity, or of one type of a holder's activities, up to a sequence from the log, but never the last one: last
// states stay. Who calls has seen to it that what is removed is kept elsewhere. Chains then begin in the middle, and what folds the log from
// its start needs what was removed.
func (l *Log) Thin(ctx context.Context, subject string, upTo uint64) error {
	if _, _, _, err := events.ParseSubject(subject); err != nil {
		return fmt.Errorf("thinning the log: %w", err)
	}
	if err := l.sound(ctx); err != nil {
		return err
	}
	last, err := l.lastPatiently(ctx, subject) // where a newer one comes meanwhile, one more stays
	if err != nil || last.seq == 0 {
		return err
	}
	if err := l.store.remove(ctx, subject, min(last.seq, upTo+1)); err != nil {
		return fmt.Errorf("removing %s up to %d from the log: %w", subject, upTo, err)
	}
	return nil
}

func (s *stream) remove(ctx context.Context, subject string, before uint64) error {
	ctx, cancel := s.asking(ctx)
	defer cancel()
	err := s.handle.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(before))
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the server did not answer: may this user use $JS.API.STREAM.PURGE.%s? %w", s.name, blame(ctx, err))
	}
	return blame(ctx, err)
}

func (m *memory) remove(ctx context.Context, subject string, before uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.records[:min(before-1, uint64(len(m.records)))] {
		if m.records[i].subject == subject {
			m.records[i] = record{}
		}
	}
	return ctx.Err()
}
