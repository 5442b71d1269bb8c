package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Epoch is one life of the log, from its making or a restore to the next restore. It is a message on [events.EpochsSubject];
// the last one is in force. Cursors stored before it do not count.
type Epoch struct {
	ID      string    `json:"id"`               // 16 hex digits, random
	Reason  string    `json:"reason"`           // for a person
	Former  string    `json:"former,omitzero"`  // the epoch before, empty for the first
	Ended   uint64    `json:"ended,omitzero"`   // the highest sequence that was seen of the former epoch
	Resumed uint64    `json:"resumed,omitzero"` // the last sequence that had survived when this one began
	Time    time.Time `json:"time"`

	Sequence uint64 `json:"-"` // of the message
}

// Restored says that the log came back shorter than it had been: what was derived from positions in Old beyond Resumed is void.
type Restored struct {
	Old     events.Position // the furthest position that was seen before
	New     events.Position // where the new epoch begins
	Resumed uint64          // the last sequence that survived
}

// Restored tells whether Open found the log restored and began a new epoch.
func (l *Log) Restored() (Restored, bool) {
	if l.restored == nil {
		return Restored{}, false
	}
	return *l.restored, true
}

// Survived says up to which sequence the positions of an epoch still mean the same in this log: without a bound in the epoch in force, in a
// former one up to where the restores since have left it. False: the log does not know the epoch.
func (l *Log) Survived(ctx context.Context, epoch string) (uint64, bool, error) {
	if err := l.sound(ctx); err != nil {
		return 0, false, err
	}
	known, _, err := l.history(ctx)
	if err != nil {
		return 0, false, err
	}
	if upTo, ok := survived(known, epoch); ok {
		return upTo, true, nil
	}
	return 0, false, nil
}

func survived(known []Epoch, epoch string) (upTo uint64, ok bool) {
	upTo = math.MaxUint64
	for _, e := range known { // an epoch may come again with the same id, when cursors were forgotten
		if e.ID != epoch && (ok || e.Former == epoch) {
			upTo = min(upTo, e.Resumed)
		}
		ok = ok || e.ID == epoch || e.Former == epoch
	}
	return upTo, ok
}

// ForgetCursors makes every feed start from nil. It writes one message, which sets all cursors stored before it aside, so that a
// crash cannot leave it half done and repeating it does no harm. A restore implies it. Call it before claiming: a feed that is
// being read elsewhere goes on from what it knows.
func (l *Log) ForgetCursors(ctx context.Context, reason string) error {
	e := l.epoch
	e.Reason, e.Time = reason, time.Now().UTC()
	body, err := events.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.replace(ctx, record{subject: events.EpochsSubject, body: body, id: newID()}); err != nil {
		return fmt.Errorf("forgetting all cursors: %w", err)
	}
	return nil
}

// floor is the sequence below which cursors do not count.
func (l *Log) floor(ctx context.Context) (uint64, error) {
	if err := l.sound(ctx); err != nil {
		return 0, err
	}
	r, err := l.lastPatiently(ctx, events.EpochsSubject)
	return r.seq, err
}

// sound returns [events.ErrEpoch] if the log was restored since it was opened. It looks again after each absence of the server, for
// whose end it waits.
func (l *Log) sound(ctx context.Context) error {
	select {
	case <-l.broken:
		return events.ErrEpoch
	default:
	}
	if n, _ := l.store.outages(); n == l.checked.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.Wait)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := l.check(ctx)
		if err == nil || errors.Is(err, events.ErrEpoch) || !wait(ctx, pause) {
			return err
		}
	}
}

// check compares the log with what was seen of it. What looks like a restore must go on looking so for the store's lag.
func (l *Log) check(ctx context.Context) error {
	n, _ := l.store.outages()
	for deadline := time.Now().Add(l.store.lag()); ; {
		same, err := l.compare(ctx)
		if err != nil {
			return fmt.Errorf("checking the log's epoch: %w", err)
		}
		if same {
			l.checked.Store(n)
			return nil
		}
		if !time.Now().Before(deadline) {
			break
		}
		if !wait(ctx, lagPause) {
			return fmt.Errorf("checking the log's epoch: %w", context.Cause(ctx))
		}
	}
	l.breakIt.Do(func() { close(l.broken) })
	return events.ErrEpoch
}

// lagPause is how often a store that lags is looked at again.
const lagPause = 200 * time.Millisecond

// compare reports whether the log holds all that was seen, in the epoch that is known.
func (l *Log) compare(ctx context.Context) (bool, error) {
	seen := l.seen.Load() // before the log's state: it grows meanwhile
	_, last, err := l.store.state(ctx)
	if err != nil || last < seen {
		return false, err
	}
	r, _, err := l.store.last(ctx, events.EpochsSubject)
	if err != nil {
		return false, err
	}
	e, err := decodeEpoch(r)
	return e.ID == l.epoch.ID, err
}

func decodeEpoch(r record) (Epoch, error) {
	e := Epoch{Sequence: r.seq}
	if r.seq == 0 {
		return e, nil
	}
	if err := events.Unmarshal(r.body, &e); err != nil {
		return e, fmt.Errorf("message %d on %s is no epoch: %w", r.seq, r.subject, err)
	}
	return e, nil
}

// enter finds the epoch in force, and begins one where the log is new or came back shorter than seen. Another hub may do the
// same at the same time: one of the two begins it, and both agree.
func (l *Log) enter(ctx context.Context, seen ...events.Position) error {
	mark, err := l.store.mark(ctx)
	if err != nil {
		return fmt.Errorf("reading the mark of what was seen: %w", err)
	}
	seen = append(seen, mark)
	for deadline := time.Now().Add(l.store.lag()); ; {
		known, last, err := l.history(ctx)
		if err != nil {
			return err
		}
		lost, short := shorter(known, last, seen)
		if short && time.Now().Before(deadline) && wait(ctx, lagPause) {
			continue
		}
		if len(known) > 0 && !short || l.opts.ReadOnly {
			return l.adopt(known, lost, short, last)
		}
		next := first()
		if short {
			next = Epoch{ID: newID()[:16], Reason: fmt.Sprintf("the log ends at %d, and had been seen up to %s", last, lost),
				Former: lost.Epoch, Ended: lost.Sequence, Resumed: last, Time: time.Now().UTC()}
		}
		seq, err := l.begin(ctx, next, known)
		if errors.Is(err, errRefused) {
			continue
		}
		if err != nil {
			return fmt.Errorf("beginning an epoch: %w", err)
		}
		next.Sequence = seq
		l.epoch = next
		if short {
			l.restored = &Restored{Old: lost, New: events.Position{Epoch: next.ID, Sequence: seq}, Resumed: last}
		}
		l.saw(seq)
		return nil
	}
}

func first() Epoch {
	return Epoch{ID: newID()[:16], Reason: "the log was made", Time: time.Now().UTC()}
}

// adopt takes the epoch that is in force.
func (l *Log) adopt(known []Epoch, lost events.Position, short bool, last uint64) error {
	if len(known) == 0 {
		return errors.New("the log has no epoch yet: a hub must open it first")
	}
	l.epoch = known[len(known)-1]
	if short {
		l.restored = &Restored{Old: lost, New: events.Position{Epoch: l.epoch.ID, Sequence: last}, Resumed: last}
	}
	l.saw(last)
	return nil
}

// history reads the log's epochs, oldest first, and then the log's end.
func (l *Log) history(ctx context.Context) ([]Epoch, uint64, error) {
	var known []Epoch
	for r, err := range l.store.read(ctx, stretch{filters: []string{events.EpochsSubject}}) {
		if err != nil {
			return nil, 0, fmt.Errorf("reading the log's epochs: %w", err)
		}
		e, err := decodeEpoch(r)
		if err != nil {
			return nil, 0, err
		}
		known = append(known, e)
	}
	_, last, err := l.store.state(ctx)
	return known, last, err
}

// shorter tells whether the log lacks something that was seen: a sequence of the epoch in force, or a whole epoch. It returns
// the furthest such position.
func shorter(known []Epoch, last uint64, seen []events.Position) (lost events.Position, short bool) {
	for _, p := range seen {
		if p.Epoch == "" {
			continue
		}
		in, current := false, len(known) > 0 && known[len(known)-1].ID == p.Epoch
		for _, e := range known {
			in = in || e.ID == p.Epoch || e.Former == p.Epoch
		}
		if (!in || current && last < p.Sequence) && p.Sequence >= lost.Sequence {
			lost, short = p, true
		}
	}
	return lost, short
}

// begin writes an epoch after the known ones.
func (l *Log) begin(ctx context.Context, e Epoch, known []Epoch) (uint64, error) {
	body, err := events.Marshal(e)
	if err != nil {
		return 0, err
	}
	r := record{subject: events.EpochsSubject, body: body, id: newID(), expect: &expect{subject: events.EpochsSubject}}
	if len(known) > 0 {
		r.expect.sequence = known[len(known)-1].Sequence
	}
	seq, err := l.store.commit(ctx, []record{r})
	if errors.Is(err, errUnanswered) || errors.Is(err, errAgain) { // read it back: ours is then in force, or another's
		return 0, errRefused
	}
	return seq, err
}
