package connectors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// feed is one feed of a running connection. All fields but the last group belong to its goroutine.
type feed struct {
	s   *session
	def Feed

	cursor  Cursor       // where to pull next
	saved   events.Saved // the feed's place in the log
	savedAt time.Time
	sight   sight
	resumed bool // goes on from a former process's cursor and has not been caught up since

	round    map[string]bool // the cursors used since the feed was last caught up
	whole    bool            // the round began at the start, with nothing broken since: it must seal only what it opens
	failures int             // in a row
	cycles   int             // rounds in a row that the vendor led in a circle
	rejected int             // times in a row that the credentials did not work
	swept    int             // entities inferred gone in this round

	owed      map[string]bool   // scopes of which another pass must begin at the end of the round
	restart   bool              // it begins at once
	later     map[string]string // scopes whose sweep did not take place, and why
	held      *Held             // what the breaker holds back
	heldNow   bool              // held is of this round
	grant     *Approval         // what is left of an approval for the rest of the round
	empty     map[string]bool   // scopes whose last listing was empty while the probe was good
	recheckAt time.Time         // when to read the listings in later again

	audit     *audit      // nil: no feed leads this one
	blind     atomic.Bool // it may not be read
	wake      chan struct{}
	rechecked atomic.Bool
	calls     atomic.Int64
}

func newFeed(s *session, def Feed, saved events.Saved) *feed {
	return &feed{
		s: s, def: def, cursor: saved.Cursor, saved: saved, savedAt: time.Now(), resumed: len(saved.Cursor) > 0,
		round: map[string]bool{}, whole: len(saved.Cursor) == 0, owed: map[string]bool{}, later: map[string]string{}, empty: map[string]bool{},
		wake: make(chan struct{}, 1),
	}
}

// run pulls until ctx ends, which is no error, or until the session must begin anew.
func (f *feed) run(ctx context.Context) error {
	for {
		began := time.Now()
		delay, patient, err := f.step(ctx, began)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return f.leave(ctx)
		}
		if left, _ := f.resting(time.Now()); left <= 0 {
			f.report(func(s *FeedStatus) { s.NextAt = time.Now().Add(delay).UTC() })
		}
		if !f.wait(ctx, delay, patient) {
			return f.leave(ctx)
		}
	}
}

// step makes one pull and says how long to wait, and whether nudges must wait as well.
func (f *feed) step(ctx context.Context, began time.Time) (delay time.Duration, patient bool, err error) {
	select {
	case <-f.wake: // this pull answers the nudge
		f.woken()
	default:
	}
	if left, look := f.resting(began); left > 0 {
		f.rest(left)
		return look, false, nil
	}
	f.beginAnew()
	f.round[string(f.cursor)] = true
	page, err := f.pull(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return 0, false, nil
		}
		return f.failed(ctx, err)
	}
	in := pulled{
		feed: &f.def, owner: f, page: page, results: normalize(f.s.cfg.Connector, page.Records, began), began: began, now: time.Now(),
		resumed: f.resumed, swept: f.swept, sight: f.sight, behind: f.isBehind(&page),
	}
	looped := f.stopLoop(&in.page)
	p, err := f.s.take(ctx, in)
	switch {
	case errors.Is(err, errSession):
		return 0, false, err
	case err != nil:
		return f.failed(ctx, err)
	case looped != nil:
		f.cycles++
		f.failures = f.cycles - 1
		f.startOver()
		return f.failed(ctx, looped)
	}
	f.s.wake(page.Wakes)
	return f.taken(p, began), false, nil
}

// pull reads one page, and makes an error of a panic.
func (f *feed) pull(ctx context.Context) (page Page, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = f.s.panicked("Pull of "+f.def.Name, v)
		}
	}()
	defer func() { f.report(func(s *FeedStatus) { s.Calls = f.calls.Load() }) }()
	ctx = Knowing(countingCalls(ctx, &f.calls, f.def.Rests), f.s)
	return f.def.Pull(ctx, slices.Clone(f.cursor))
}

func (s *session) panicked(what string, v any) error {
	text := s.cfg.scrub(fmt.Sprint(v))
	s.cfg.Logger.Error("a connector panicked", "connection", s.cfg.Connection, "in", what, "panic", text, "stack", string(debug.Stack()))
	return fmt.Errorf("the connector panicked in %s: %s", what, clip(text, 200))
}

// stopLoop finds that the vendor leads in a circle: the next page's cursor was used in this round. The passes under way are
// then broken, and the feed starts again.
func (f *feed) stopLoop(page *Page) error {
	open := f.s.openPasses(f.def.Name)
	for _, name := range page.Opens {
		open[name] = true
	}
	left := len(open)
	for name := range open {
		if slices.Contains(page.Seals, name) || slices.Contains(page.Breaks, name) {
			left--
		}
	}
	if !page.More && left == 0 || !f.round[string(page.Next)] {
		return nil
	}
	page.Breaks = slices.Clone(page.Breaks)
	for name := range open {
		page.Breaks = append(page.Breaks, name)
	}
	page.Seals, page.Next, page.More = nil, nil, false
	return fmt.Errorf("the vendor leads in a circle: page %d of this listing ends with the cursor of an earlier one; "+
		"the listing is given up and begun again", len(f.round))
}

func (s *session) openPasses(feedName string) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := map[string]bool{}
	for name := range s.st.passes[feedName] {
		open[name] = true
	}
	return open
}
