package eventlog

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// A server that keeps the stream alone (one replica) can tear a batch: when it runs out of room while it moves the batch into the
// stream, the events that are in stay in, and the rest, with the cursor, is missing. It does not answer then. When it is
// restarted it stores the rest, unless something was stored in between. The log looks for such a beginning, which no other writer
// can have made, by the feed's chain, and goes on behind it.

// alone reports whether one server keeps the stream, so that batches can be torn.
func (l *Log) alone() bool { return l.store.lag() == 0 }

// absorb moves s, a feed's place, behind the events that the feed's chain goes on with. Without a torn batch there are none.
func (l *Log) absorb(ctx context.Context, tenant, connection, feed string, s *events.Saved) error {
	if !l.alone() {
		return nil
	}
	all := stretch{filters: []string{events.Filter{Tenant: tenant, Connection: connection}.Subject()}, from: s.Sequence + 1, bare: true}
	for r, err := range l.store.read(ctx, all) {
		if err != nil {
			return fmt.Errorf("looking for events beyond the cursor: %w", err)
		}
		if r.feed != feed || r.prev != s.Head {
			continue
		}
		s.Head, s.Events, s.Whole = r.hash, s.Events+1, time.Time{}
		id, err := l.activityAt(ctx, r)
		if err != nil {
			return err
		}
		if id != "" {
			s.Done = append(s.Done, id)
		}
	}
	return nil
}

// activityAt is the id of the activity in r, empty if it is an entity.
func (l *Log) activityAt(ctx context.Context, r record) (string, error) {
	_, _, ref, err := events.ParseSubject(r.subject)
	if err != nil || ref.Kind != events.KindActivity {
		return "", err
	}
	whole, ok, err := l.store.at(ctx, r.seq)
	if err != nil || !ok {
		return "", err
	}
	e, err := events.Decode(whole.body)
	if err != nil || e.Data.Activity == nil {
		return "", err
	}
	return e.Data.Activity.ID, nil
}

// leaveOut takes from the batch what of it is stored already. It returns open, or why it could not look.
func (l *Log) leaveOut(ctx context.Context, b *batch, open error) error {
	s, c := b.before.Saved, b.before.Claim
	if err := l.absorb(ctx, c.Tenant, c.Connection, b.feed, &s); err != nil {
		return err
	}
	stored := min(s.Events-b.before.Saved.Events, uint64(len(b.records)-1))
	if stored == 0 || b.renews {
		return open
	}
	b.records = b.records[stored:]
	b.before.Saved.Head, b.before.Saved.Events = s.Head, s.Events
	if len(b.records) == 1 { // only the cursor, which cannot check the claim as well
		renewal, err := renew(c, b.records[0].id, time.Now().UTC())
		if err != nil {
			return err
		}
		b.records, b.renews = []record{renewal, b.records[0]}, true
	}
	b.expect(b.before)
	return open
}
