package connectors

import (
	"context"
	"errors"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// failed treats a failure by its kind and says how long to wait, and whether nudges must wait as well. Only an error of the log
// that ends the session is returned.
func (f *feed) failed(ctx context.Context, err error) (delay time.Duration, patient bool, fatal error) {
	f.failures++
	state := FeedFailing
	delay = f.s.cfg.Backoff.delay(f.failures)
	fault := AsFault(err)
	if fault == nil {
		fault = &Fault{}
	}
	switch fault.Kind {
	case CursorExpired:
		f.giveUpPasses()
		f.startOver()
		state = FeedCatchingUp
	case Unauthorized:
		f.giveUpPasses()
		state = FeedUnauthorized
		if f.rejected++; f.rejected > 1 {
			delay = f.s.cfg.Backoff.slow()
		}
	case Forbidden, Gone:
		f.giveUpPasses()
		state, delay = FeedForbidden, f.s.cfg.ForbiddenEvery
		f.blind.Store(true)
		fatal = f.publishBlindness(ctx, fault)
	case RateLimited:
		state, patient = FeedRateLimited, true
		delay = max(delay, fault.After)
	}
	f.reportFailure(state, err)
	return max(delay, minPace), patient, fatal
}

// giveUpPasses breaks the passes under way. Should the listing go on to its end, another follows from the start.
func (f *feed) giveUpPasses() {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.st.breakPasses(f.def.Name)
	f.whole = false
}

// publishBlindness appends that the feed sees nothing, once: its entities are unknown, not gone.
func (f *feed) publishBlindness(ctx context.Context, fault *Fault) error {
	now := time.Now()
	in := pulled{feed: &f.def, owner: f, began: now, now: now, sight: f.sight, blind: blindness(&f.def, fault, f.s.cfg.scrub)}
	if _, err := f.s.take(ctx, in); errors.Is(err, errSession) {
		return err
	}
	return nil
}

// wait sleeps between two pulls and reports whether to go on. A nudge ends it early, though not before the shortest pace is
// over, and not when patient.
func (f *feed) wait(ctx context.Context, d time.Duration, patient bool) bool {
	defer func() { f.again(time.Now()) }()
	if d <= 0 {
		return ctx.Err() == nil
	}
	wake := f.wake
	if patient {
		wake = nil
	}
	began := time.Now()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	case <-wake:
		f.woken()
		return sleep(ctx, min(d, minPace-time.Since(began))) == nil
	}
}

// woken notes that a nudge ended a wait: an audit then rests no longer.
func (f *feed) woken() {
	if f.audit != nil {
		f.audit.woken = true
	}
}

// nudge wakes the feed.
func (f *feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// recheck wakes the feed to read again what was held back.
func (f *feed) recheck() {
	f.rechecked.Store(true)
	f.nudge()
}

// leave saves the feed's place when the runner is stopped, so that the next start goes on from there. A session that ends
// because another hub has taken over saves nothing.
func (f *feed) leave(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSession) || errors.Is(cause, errLeaseLost) {
		return nil
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	cursor := f.persistent()
	if string(cursor) == string(f.saved.Cursor) {
		return nil
	}
	ctx, cancel := graceful(ctx, f.s.cfg.Grace)
	defer cancel()
	receipt, err := f.s.cfg.Log.Append(ctx, events.Append{Claim: f.s.claim, Feed: f.def.Name, Expect: f.saved, Cursor: cursor, Whole: f.wholeAt(), Again: f.follows(cursor)})
	if err != nil {
		f.s.cfg.Logger.Warn("saving a feed's place at the end", "connection", f.s.cfg.Connection, "feed", f.def.Name,
			"error", f.s.cfg.scrub(err.Error()))
		return nil
	}
	f.s.claim, f.saved = receipt.Claim, receipt.Saved
	return nil
}
