package connectors

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// settle takes in, before the append, what a plan means for the feed's place: where it goes on, and what must be listed again.
func (f *feed) settle(p *plan) {
	if p.blind != nil {
		return
	}
	f.cursor = p.page.Next
	for _, name := range p.page.Opens {
		delete(f.owed, name)
	}
	for _, name := range p.owes {
		f.owed[name] = true
	}
	for _, name := range p.settled {
		delete(f.later, name)
		delete(f.empty, name)
	}
	for _, l := range p.later {
		f.later[l.scope] = l.why
		wait := f.s.cfg.RecheckEvery
		if l.blank {
			f.empty[l.scope] = true
			wait = min(wait, f.s.cfg.every(&f.def))
		} else {
			delete(f.empty, l.scope)
		}
		f.recheckAt = p.now.Add(wait)
	}
	f.hold(p.held)
	if f.audit != nil {
		f.audit.ended(p, f.calls.Load())
	}
}

// persistent is the cursor to keep in the log: none as long as a sweep is due, so that a restart lists everything again.
func (f *feed) persistent() Cursor {
	if len(f.later) > 0 || f.audit != nil && f.audit.anew.Load() {
		return nil
	}
	return f.cursor
}

// wholeAt is when an audit's last round ended, if nothing of another stands at its place.
func (f *feed) wholeAt() time.Time {
	if f.audit == nil || !f.def.Rests || f.audit.anew.Load() || f.audit.again.Load() || len(f.later) > 0 || len(f.cursor) > 0 {
		return time.Time{}
	}
	return f.audit.whole
}

// follows reports whether another round is to follow the one that stands at a cursor.
func (f *feed) follows(cursor Cursor) bool {
	return len(cursor) > 0 && f.audit != nil && f.def.Rests && f.audit.again.Load()
}

// due reports whether a cursor is to be saved although there are no events.
func (f *feed) due(cursor Cursor) bool {
	if f.def.Rests && !f.wholeAt().Equal(f.saved.Whole) {
		return true // once a round: a restart goes on resting
	}
	if string(cursor) == string(f.saved.Cursor) && len(f.saved.Done) == 0 {
		return false
	}
	if f.saved.Sequence == 0 && len(cursor) > 0 && f.audit == nil {
		return true // a first place: without it the next process would begin to follow later, and miss what was in between
	}
	return time.Since(f.savedAt) >= f.s.cfg.SaveEvery
}

// taken goes on after a page that was stored, and says when.
func (f *feed) taken(p *plan, began time.Time) time.Duration {
	f.failures, f.rejected = 0, 0
	f.blind.Store(false)
	f.sight = p.saw
	if p.approved == nil {
		f.swept += p.inferred
	}
	var trouble error
	if p.whole {
		trouble = f.endRound()
	}
	f.reportPage(p, began, trouble)
	if p.page.More || f.restart {
		f.restart = false
		return 0
	}
	if left, look := f.resting(time.Now()); left > 0 {
		f.rest(left)
		return look
	}
	if f.def.Rests && f.audit.again.Load() {
		return 0
	}
	return max(0, time.Until(began.Add(f.pace())))
}

// endRound closes a round. When it leaves passes that must be made again, the feed starts from nil at once, unless the round
// began there: then the connector seals what it never opens.
func (f *feed) endRound() (err error) {
	if len(f.owed) > 0 {
		if f.whole {
			err = fmt.Errorf("the connector seals a listing that it never began: %v", sortedNames(f.owed))
		} else {
			f.cursor, f.restart = nil, true
		}
	}
	f.owed = map[string]bool{}
	f.round = map[string]bool{}
	f.resumed, f.swept, f.cycles, f.heldNow, f.grant = false, 0, 0, false, nil
	f.whole = f.cursor == nil
	return err
}

// startOver makes the next pull begin a round at the start.
func (f *feed) startOver() {
	f.cursor, f.whole = nil, true
	f.round = map[string]bool{}
}

// again reports whether the listings in later are to be read again now, between two rounds, and starts over if they are.
func (f *feed) again(now time.Time) {
	if len(f.round) > 0 {
		return
	}
	asked := f.rechecked.Swap(false)
	if len(f.later) > 0 && (asked || !now.Before(f.recheckAt)) {
		f.startOver()
	}
}

// hold takes in what the breaker holds back of a page. What it holds back in one round is one whole.
func (f *feed) hold(h *Held) {
	if h == nil {
		if !slices.Contains(slices.Collect(maps.Values(f.later)), heldBack) {
			f.held = nil
		}
		return
	}
	if f.held != nil {
		h.Since = f.held.Since
	}
	if f.held != nil && f.heldNow {
		h.Count += f.held.Count
		h.Digest = events.Digest(f.held.Digest, h.Digest)
		h.Examples = firstFive(f.held.Examples, h.Examples)
		h.Scopes = firstFive(f.held.Scopes, h.Scopes)
	}
	f.held, f.heldNow = h, true
}

func firstFive(a, b []string) []string {
	all := slices.Concat(a, b)
	return all[:min(5, len(all))]
}

// granted keeps what is left of an approval for the rest of the round.
func (f *feed) granted(p *plan) {
	rest := *p.approved
	rest.Digest = ""
	rest.Count -= p.inferred
	f.grant = &rest
}

func sortedNames(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
