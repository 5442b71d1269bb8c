package eventlog

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// Log is the log, opened. Its methods may be called at the same time, but the appends of one connection must come one after the
// other: each expects what the one before it left.
type Log struct {
	store store
	opts  Options
	epoch Epoch // in force when the log was opened

	restored *Restored
	promise  Durability

	seen    atomic.Uint64 // the highest sequence seen
	checked atomic.Uint64 // the outages after which the epoch was checked
	broken  chan struct{} // closed when the log turned out to be restored
	breakIt sync.Once

	stop func() // ends the background work and waits for it
}

// Claim makes hub the one that may write the connection's events, from whoever did so before. It blocks until the log has
// answered, and is safe to repeat.
func (l *Log) Claim(ctx context.Context, tenant, connection, hub string) (events.Claim, error) {
	c := events.Claim{Tenant: tenant, Connection: connection, Hub: hub, Time: time.Now().UTC()}
	body, err := events.Marshal(c)
	if err != nil {
		return events.Claim{}, err
	}
	failpoint.Hit("eventlog.claim")
	subject := events.ClaimSubject(tenant, connection)
	c.Sequence, err = l.replace(ctx, record{subject: subject, body: body, id: newID(), rollup: true})
	if err != nil {
		return events.Claim{}, fmt.Errorf("claiming connection %s of tenant %s: %w", connection, tenant, err)
	}
	return c, nil
}

// Cursor returns a feed's place; its zero value when the feed has none. After a restore, or after ForgetCursors, the feed starts
// from nil: the cursor is left out, and the rest stays to be expected by the next append.
func (l *Log) Cursor(ctx context.Context, tenant, connection, feed string) (events.Saved, error) {
	s, err := l.cursor(ctx, tenant, connection, feed)
	if err != nil {
		return events.Saved{}, fmt.Errorf("reading the cursor of feed %s of connection %s: %w", feed, connection, err)
	}
	return s, nil
}

func (l *Log) cursor(ctx context.Context, tenant, connection, feed string) (events.Saved, error) {
	floor, err := l.floor(ctx)
	if err != nil {
		return events.Saved{}, err
	}
	r, err := l.lastPatiently(ctx, events.CursorSubject(tenant, connection, feed))
	if err != nil {
		return events.Saved{}, err
	}
	var s events.Saved
	if r.seq > 0 {
		s, err = decodeSaved(r)
	}
	if err != nil {
		return s, err
	}
	if r.seq < floor {
		s.Cursor, s.Done, s.Whole, s.Again = nil, nil, time.Time{}, false
	}
	return s, l.absorb(ctx, tenant, connection, feed, &s)
}

func decodeSaved(r record) (events.Saved, error) {
	var s events.Saved
	if err := events.Unmarshal(r.body, &s); err != nil {
		return s, fmt.Errorf("message %d on %s is no cursor: %w", r.seq, r.subject, err)
	}
	s.Sequence = r.seq
	return s, nil
}

// Last returns the last event of an entity; false when there is none.
func (l *Log) Last(ctx context.Context, tenant, connection string, ref events.Ref) (events.Message, bool, error) {
	if err := l.sound(ctx); err != nil {
		return events.Message{}, false, err
	}
	r, err := l.lastPatiently(ctx, events.Subject(tenant, connection, ref))
	if err != nil || r.seq == 0 {
		return events.Message{}, false, err
	}
	m, err := l.message(r)
	return m, err == nil, err
}

// States yields the last event of each entity of a connection, gone ones too, activities not, in the order of their sequences.
// An error ends it.
func (l *Log) States(ctx context.Context, tenant, connection string) iter.Seq2[events.Message, error] {
	filters := make([]string, len(events.EntityKinds))
	for i, k := range events.EntityKinds {
		filters[i] = events.Filter{Tenant: tenant, Connection: connection, Kind: k}.Subject()
	}
	return l.messages(ctx, stretch{filters: filters, last: true}, func(*events.Message) bool { return true })
}

// End is the position of the last message in the log, of whatever sort.
func (l *Log) End(ctx context.Context) (events.Position, error) {
	if err := l.sound(ctx); err != nil {
		return events.Position{}, err
	}
	_, last, err := l.store.state(ctx)
	return events.Position{Epoch: l.epoch.ID, Sequence: last}, err
}

// First is the position of the first message in the log, of whatever sort.
func (l *Log) First(ctx context.Context) (events.Position, error) {
	first, _, err := l.store.state(ctx)
	return events.Position{Epoch: l.epoch.ID, Sequence: first}, err
}

// Count is the number of events in the log; cursors, claims and epochs are not counted.
func (l *Log) Count(ctx context.Context) (uint64, error) {
	return l.store.count(ctx, events.EventsPrefix+".>")
}

// Epoch is the epoch in force when the log was opened.
func (l *Log) Epoch() Epoch { return l.epoch }

// Seen is the furthest position that this log has read or written. Hand it to Open when the log must be opened again.
func (l *Log) Seen() events.Position {
	return events.Position{Epoch: l.epoch.ID, Sequence: l.seen.Load()}
}

func (l *Log) saw(seq uint64) {
	for {
		old := l.seen.Load()
		if seq <= old || l.seen.CompareAndSwap(old, seq) {
			return
		}
	}
}

// Close ends what the log does in the background and saves what it has seen. It leaves the connection to NATS open.
func (l *Log) Close() { l.stop() }
