package connectors

import (
	"maps"
	"slices"
	"time"
)

// report changes the feed's status.
func (f *feed) report(change func(*FeedStatus)) { f.s.board.feed(f.def.Name, change) }

// reportPage tells of a page that was stored. trouble is what was wrong with it all the same.
func (f *feed) reportPage(p *plan, began time.Time, trouble error) {
	f.report(func(s *FeedStatus) {
		s.Failures, s.LastError = 0, ""
		if p.whole && !f.restart {
			s.CaughtUp, s.CaughtUpAt = true, began.UTC()
			s.Rounds++
		}
		if s.State = FeedCatchingUp; s.CaughtUp {
			s.State = FeedCaughtUp
		}
		if trouble != nil {
			s.LastError, s.LastErrorAt = f.s.cfg.scrub(trouble.Error()), p.now.UTC()
		}
		s.Ahead = p.page.Ahead
		s.Pages++
		s.Events += int64(len(p.events))
		s.Passes += int64(p.sealed)
		s.StaleDropped += int64(p.stale)
		s.Unknown += int64(p.unknown)
		s.held, s.Doubt = f.held, f.doubt()
	})
}

// reportFailure tells of a pull that failed.
func (f *feed) reportFailure(state string, err error) {
	f.report(func(s *FeedStatus) {
		s.State, s.Failures = state, f.failures
		s.LastError, s.LastErrorAt = clip(f.s.cfg.scrub(err.Error()), 1000), time.Now().UTC()
		if state == FeedCatchingUp {
			s.CaughtUp = false
		}
	})
}

// doubt says of which listing nothing is held to be gone, and why.
func (f *feed) doubt() string {
	for _, name := range slices.Sorted(maps.Keys(f.later)) {
		if why := f.later[name]; why != heldBack {
			return why
		}
	}
	return ""
}
