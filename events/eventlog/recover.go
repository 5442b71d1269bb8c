package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// settle stores the batch and finds out, whatever happens to the acknowledgement, whether it is stored.
func (l *Log) settle(ctx context.Context, b *batch) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Wait)
	defer cancel()
	uncertain := false // an attempt went unanswered, and may still arrive
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		seq, err := l.store.commit(ctx, b.records)
		switch {
		case err == nil:
			return seq, nil
		case errors.Is(err, errUnanswered):
			uncertain = true
		case !errors.Is(err, errRefused) && !errors.Is(err, errAgain):
			return 0, doubt(uncertain, err)
		}
		seq, found := l.lookUp(ctx, b)
		if uncertain && errors.Is(found, errOpen) && l.alone() {
			found = l.leaveOut(ctx, b, found)
		}
		switch {
		case found == nil:
			return seq, nil
		case !errors.Is(found, errOpen):
			return 0, doubt(uncertain, found)
		case !wait(ctx, pause):
			return 0, doubt(uncertain, fmt.Errorf("%w: %w", errStuck, err))
		}
	}
}

// errStuck: the server can be read, and does not take the batch. A server whose disk was full stays so until it is restarted.
var errStuck = errors.New("the server answers but stores nothing: see its log; if its disk is full, make room and restart it")

// errOpen: the batch is not stored, and could be.
var errOpen = errors.New("not stored yet")

// lookUp reads cursor and claim back. It returns the cursor's sequence if the batch is stored, errOpen if it is not and its
// conditions still hold, [events.ErrFenced] if they do not.
func (l *Log) lookUp(ctx context.Context, b *batch) (uint64, error) {
	cursor, claim := &b.records[len(b.records)-1], b.records[0].expect
	now, err := l.lastPatiently(ctx, cursor.subject)
	if err != nil {
		return 0, err
	}
	holder, err := l.lastPatiently(ctx, claim.subject)
	if err != nil {
		return 0, err
	}
	if now.id == cursor.id {
		b.renews = holder.id == cursor.id // of several attempts, the one that came through
		return now.seq, nil
	}
	if now.seq == cursor.expect.sequence && holder.seq == claim.sequence {
		return 0, errOpen
	}
	if err := l.check(ctx); err != nil {
		return 0, err
	}
	if !l.alone() && now.seq <= cursor.expect.sequence && holder.seq <= claim.sequence { // what is older than we know is only late
		return 0, errOpen
	}
	return 0, fmt.Errorf("%w: the feed's place is message %d where %d was expected, the claim %d where it was %d",
		events.ErrFenced, now.seq, cursor.expect.sequence, holder.seq, claim.sequence)
}

// lastPatiently reads a subject's last record, again and again until the server answers, ctx ends or Options.Wait is over. A
// subject without records has one of sequence 0.
func (l *Log) lastPatiently(ctx context.Context, subject string) (record, error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Wait)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		r, _, err := l.store.last(ctx, subject)
		if err == nil {
			return r, nil
		}
		if !wait(ctx, pause) {
			return record{}, fmt.Errorf("reading %s: %w", subject, err)
		}
	}
}

// doubt adds to an error that the batch may have been stored all the same.
func doubt(uncertain bool, err error) error {
	if uncertain && !errors.Is(err, events.ErrEpoch) {
		return fmt.Errorf("%w: %w", events.ErrUncertain, err)
	}
	return err
}

// replace writes a subject's only record, in place of the one that is there now, whatever it is.
func (l *Log) replace(ctx context.Context, r record) (uint64, error) {
	if err := l.sound(ctx); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.Wait)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		now, err := l.lastPatiently(ctx, r.subject)
		if err != nil {
			return 0, err
		}
		if now.id == r.id { // an earlier attempt of ours
			return now.seq, nil
		}
		r.expect = &expect{r.subject, now.seq}
		seq, err := l.store.commit(ctx, []record{r})
		if err == nil {
			l.saw(seq)
			return seq, nil
		}
		final := !errors.Is(err, errRefused) && !errors.Is(err, errAgain) && !errors.Is(err, errUnanswered)
		if final || !wait(ctx, pause) {
			return 0, err
		}
	}
}

// The pauses between attempts.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// wait pauses; it reports false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
