package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// A batch's bounds. The server takes 1,000 messages, and its queue of unwritten messages 128 MiB.
const (
	maxBatch      = 990
	maxBatchBytes = 32 << 20
)

// batch is what is stored in one go: events, or the claim renewed, and then the cursor.
type batch struct {
	records []record
	before  events.Receipt // what the log must hold for the batch to be stored
	saved   events.Saved   // what the cursor message holds
	feed    string
	renews  bool // the first record is the claim
}

// Append stores the events of a page and then the feed's new cursor, all or nothing, and gives each of a.Events its id. Beyond
// 990 events it takes several batches: after a crash between them the feed's place holds the old cursor and, in Done, the
// activities that are stored; the rest of the page is appended when it has been read again.
//
// Append blocks until the log has answered, at most about Options.Wait beyond the server's absence, and retries by itself.
// Errors: [events.ErrFenced], [events.ErrEpoch], *[events.TooLargeError], [ErrFull]: nothing was stored of this batch.
// [events.ErrUncertain], also beside another: it may have been.
func (l *Log) Append(ctx context.Context, a events.Append) (events.Receipt, error) {
	if err := l.sound(ctx); err != nil {
		return events.Receipt{}, err
	}
	batches, err := l.plan(ctx, &a)
	if err != nil {
		return events.Receipt{}, err
	}
	done := events.Receipt{Saved: a.Expect, Claim: a.Claim}
	failpoint.Hit("eventlog.append.before")
	for i := range batches {
		if i > 0 {
			failpoint.Hit("eventlog.append.batch")
		}
		b := &batches[i]
		b.expect(done)
		seq, err := l.settle(ctx, b)
		if err != nil {
			return done, fmt.Errorf("appending to feed %s of connection %s: %w", a.Feed, a.Claim.Connection, err)
		}
		done = l.receipt(b, done.Claim, seq)
	}
	return done, nil
}

// expect lets the batch check that nobody wrote since the receipt.
func (b *batch) expect(r events.Receipt) {
	b.before = r
	first, cursor := &b.records[0], &b.records[len(b.records)-1]
	first.expect = &expect{events.ClaimSubject(r.Claim.Tenant, r.Claim.Connection), r.Claim.Sequence}
	cursor.expect = &expect{cursor.subject, r.Saved.Sequence}
}

func (l *Log) receipt(b *batch, c events.Claim, seq uint64) events.Receipt {
	l.saw(seq)
	if b.renews {
		c.Sequence = seq - 1
	}
	b.saved.Sequence = seq
	return events.Receipt{Saved: b.saved, Claim: c, Position: events.Position{Epoch: l.epoch.ID, Sequence: seq}}
}

// plan seals the events and cuts them into batches. Whatever is wrong with the append shows here, before anything of it is sent.
func (l *Log) plan(ctx context.Context, a *events.Append) ([]batch, error) {
	if len(a.Events) == 0 {
		b, err := l.quiet(a)
		return []batch{b}, err
	}
	if err := l.makeKeys(ctx, a.Events); err != nil {
		return nil, err
	}
	p := planner{log: l, append: a, now: time.Now().UTC(), saved: a.Expect}
	for i := range a.Events {
		if err := p.add(i); err != nil {
			return nil, err
		}
	}
	if err := p.close(true); err != nil {
		return nil, err
	}
	return p.batches, nil
}

// quiet is the batch of an append without events. It renews the claim, so that claim and cursor are both checked.
func (l *Log) quiet(a *events.Append) (batch, error) {
	now := time.Now().UTC()
	saved := events.Saved{Cursor: a.Cursor, Head: a.Expect.Head, Events: a.Expect.Events, Whole: a.Whole, Again: a.Again, Time: now}
	cursor, err := l.cursorRecord(a, &saved)
	if err != nil {
		return batch{}, err
	}
	renewal, err := renew(a.Claim, cursor.id, now)
	if err != nil {
		return batch{}, err
	}
	return batch{records: []record{renewal, cursor}, saved: saved, feed: a.Feed, renews: true}, nil
}

// renew is the claim anew.
func renew(c events.Claim, id string, now time.Time) (record, error) {
	c.Time = now
	body, err := events.Marshal(c)
	return record{subject: events.ClaimSubject(c.Tenant, c.Connection), body: body, id: id, rollup: true}, err
}

func (l *Log) cursorRecord(a *events.Append, s *events.Saved) (record, error) {
	body, err := events.Marshal(s)
	if err != nil {
		return record{}, fmt.Errorf("encoding the cursor of feed %s: %w", a.Feed, err)
	}
	r := record{subject: events.CursorSubject(a.Claim.Tenant, a.Claim.Connection, a.Feed), body: body, id: newID(), rollup: true}
	if size := l.store.size(&r); size > l.store.limit() {
		return record{}, fmt.Errorf("the cursor of feed %s has %d bytes, with %d ids of activities in it, more than the %d that the server "+
			"takes: raise the server's max_payload, or let the feed's pages be smaller", a.Feed, size, len(s.Done), l.store.limit())
	}
	return r, nil
}

// planner cuts one append into batches.
type planner struct {
	log     *Log
	append  *events.Append
	now     time.Time
	saved   events.Saved // the place after the events so far
	batches []batch
	records []record // of the batch being filled
	bytes   int
}

// add seals event i and puts it into the current batch, or into the next one where that is full.
func (p *planner) add(i int) error {
	e := &p.append.Events[i]
	if e.Tenant != p.append.Claim.Tenant || e.Connection != p.append.Claim.Connection {
		return fmt.Errorf("event %d is of connection %s of tenant %s, the claim of %s of %s", i, e.Connection, e.Tenant,
			p.append.Claim.Connection, p.append.Claim.Tenant)
	}
	kept, err := p.log.private(e)
	if err != nil {
		return err
	}
	sealed, err := events.Seal(p.saved.Head, &kept)
	if err != nil {
		return err
	}
	e.ID = kept.ID
	r := record{subject: e.NATSSubject(), body: sealed.Body, feed: p.append.Feed, prev: sealed.Prev, hash: sealed.Hash, ttl: p.log.ttl(e)}
	size := p.log.store.size(&r)
	if limit := p.log.store.limit(); size > limit {
		return &events.TooLargeError{Index: i, Size: size, Limit: limit}
	}
	if len(p.records) >= p.log.opts.batch() || p.bytes+size > maxBatchBytes && len(p.records) > 0 {
		if err := p.close(false); err != nil {
			return err
		}
	}
	p.records, p.bytes = append(p.records, r), p.bytes+size
	p.saved.Head, p.saved.Events = sealed.Hash, p.saved.Events+1
	if act := e.Data.Activity; act != nil {
		p.saved.Done = append(p.saved.Done[:len(p.saved.Done):len(p.saved.Done)], act.ID)
	}
	return nil
}

// close ends the batch with the feed's place: the old cursor while more is to come, the new one at the end.
func (p *planner) close(end bool) error {
	saved := p.saved
	saved.Time, saved.Sequence = p.now, 0
	if end {
		saved.Cursor, saved.Done, saved.Whole, saved.Again = p.append.Cursor, nil, p.append.Whole, p.append.Again
	}
	cursor, err := p.log.cursorRecord(p.append, &saved)
	if err != nil {
		return err
	}
	p.batches = append(p.batches, batch{records: append(p.records, cursor), saved: saved, feed: p.append.Feed})
	p.records, p.bytes = nil, 0
	return nil
}

// ttl is how long the event is kept: entities for ever.
func (l *Log) ttl(e *events.Event) time.Duration {
	if e.Data.Activity == nil {
		return 0
	}
	return l.opts.ActivityTTL
}

// newID names one write, so that it is known again when it is read back.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// ErrFull says that the server refused because its disk, or the account's share of it, is used up. Unless [events.ErrUncertain] stands beside
// it, nothing was stored; if it does, Log.Cursor tells what was.
var ErrFull = errors.New("the NATS server has no room left: free or add disk space, or raise the account's or JetStream's max_store; " +
	"the feed goes on once there is room")
