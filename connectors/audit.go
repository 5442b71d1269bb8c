package connectors

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// A feed that another one leads is an audit: it reads in full what the leading feed tells of as it changes. So it rests between
// its rounds, the longer the more calls they take, and begins one early only when the leader has lost track, when it cannot
// read, or when something asks for it.

// audit is what an audit knows beyond other feeds.
type audit struct {
	leader *feed
	whole  time.Time   // when its last round ended; zero: it has not ended one since it began anew
	cost   int64       // calls of that round; 0: it was another process's
	from   int64       // the feed's calls before the round
	anew   atomic.Bool // the leader has lost track: begin from the start
	again  atomic.Bool // something was seen that only a whole round shows: begin one, after the one under way
	behind bool        // the round under way was asked for by something new
	woken  bool        // a nudge ended the last wait
}

// lead joins each audit to the feed that leads it.
func (s *session) lead() {
	for _, f := range s.feeds {
		for _, other := range s.feeds {
			if f.def.Led != "" && other.def.Name == f.def.Led {
				f.audit = &audit{leader: other}
			}
		}
		if f.audit == nil || !f.def.Rests {
			continue
		}
		if f.audit.again.Store(f.saved.Again); len(f.cursor) == 0 {
			f.audit.whole = f.saved.Whole
		}
	}
}

// resting is how long an audit still rests, and in how long to look again: the leader may go blind meanwhile.
func (f *feed) resting(now time.Time) (left, look time.Duration) {
	a := f.audit
	if a == nil || a.whole.IsZero() || a.anew.Load() || a.again.Load() || a.woken || len(f.round) > 0 || len(f.later) > 0 {
		return 0, 0
	}
	left = a.whole.Add(f.pace()).Sub(now)
	if look = left; f.def.Alone > 0 {
		look = min(look, f.def.Alone)
	}
	return left, look
}

// pace is how often the feed is read once caught up: as configured, else as its definition says.
func (f *feed) pace() time.Duration {
	d := f.s.cfg.every(&f.def)
	if _, set := f.s.cfg.Pace[f.def.Name]; set || f.audit == nil || len(f.later) > 0 {
		return d
	}
	if f.audit.leader.blind.Load() && f.def.Alone > 0 {
		return min(d, f.def.Alone)
	}
	return max(d, time.Duration(f.audit.cost)*f.def.CallEvery)
}

// isBehind reports whether, after a page, something new still waits for the end of a round.
func (f *feed) isBehind(page *Page) bool {
	return f.audit != nil && (f.audit.again.Load() || f.audit.behind && page.More)
}

// ended notes whether a round of the audit ended with a page.
func (a *audit) ended(p *plan, calls int64) {
	a.woken, a.whole = false, time.Time{}
	if p.whole {
		a.cost, a.from = calls-a.from, calls
	}
	if p.whole && !a.again.Load() {
		a.whole = p.now.UTC().Round(0)
	}
}

// rest tells that the feed is caught up as of its last round, which may have been another process's.
func (f *feed) rest(left time.Duration) {
	f.report(func(s *FeedStatus) {
		s.State, s.CaughtUp, s.CaughtUpAt = FeedCaughtUp, true, f.audit.whole.UTC()
		s.NextAt, s.Every = time.Now().Add(left).UTC(), f.pace().Seconds()
	})
}

// beginAnew makes an audit whose leader has lost track start over. A round that begins now shows whatever was seen before.
func (f *feed) beginAnew() {
	if f.audit == nil {
		return
	}
	if f.audit.anew.Swap(false) {
		f.giveUpPasses()
		f.startOver()
	}
	if len(f.round) == 0 && len(f.cursor) == 0 {
		f.audit.behind = f.audit.again.Swap(false)
	}
}

// ask makes audits begin a round, those that a page tells to: all that its feed leads when it has lost track, and those that it wakes
// although they rest. Their places in the log change before the feed's own moves on, so that a crash in between loses nothing.
// The caller holds s.mu.
func (s *session) ask(ctx context.Context, page *Page, f *feed) error {
	for _, g := range s.feeds {
		lost := page.Lost && g.audit != nil && g.audit.leader == f
		if !lost && !(g.def.Rests && slices.Contains(page.Wakes, g.def.Name)) || g == f {
			continue
		}
		place := events.Append{Claim: s.claim, Feed: g.def.Name, Expect: g.saved}
		if lost {
			g.audit.anew.Store(true)
		} else {
			g.audit.again.Store(true)
			place.Cursor, place.Again = g.saved.Cursor, len(g.saved.Cursor) > 0
		}
		now := g.saved
		if now.Sequence > 0 && (!now.Whole.IsZero() || now.Again != place.Again || len(now.Cursor) != len(place.Cursor)) {
			receipt, err := s.cfg.Log.Append(ctx, place)
			if err != nil {
				return fmt.Errorf("asking %s for a round: %w", g.def.Name, err)
			}
			s.claim, g.saved = receipt.Claim, receipt.Saved
		}
		g.nudge()
	}
	return nil
}

// wake pulls feeds before their time, but for those that [session.ask] has asked.
func (s *session) wake(names []string) {
	for _, name := range names {
		for _, f := range s.feeds {
			if f.def.Name == name && !f.def.Rests {
				f.nudge()
			}
		}
	}
}

// checkLeaders says which feed is led by one that is not there, or that is led itself.
func checkLeaders(feeds []Feed) error {
	led := map[string]string{}
	for _, f := range feeds {
		led[f.Name] = f.Led
	}
	for _, f := range feeds {
		if f.Led == "" {
			continue
		}
		if above, ok := led[f.Led]; !ok || above != "" {
			return fmt.Errorf("the feed %s is led by %s, which is no feed or is led itself", f.Name, f.Led)
		}
	}
	return nil
}
