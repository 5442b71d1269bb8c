package connectortest

import (
	"context"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// firstPassIsTruth: the first pass shows what the vendor has, marked as a first sight, and deletes nothing.
func firstPassIsTruth(s *suite) {
	if len(s.control.Truth()) < 3 {
		s.fail("the vendor has %d agents: the suite needs three", len(s.control.Truth()))
	}
	h := s.start(s.log)
	defer h.stop()
	s.becomesTruth("after the first pass")
	for _, m := range s.all() {
		ev := &m.Event
		if ev.Ref().Kind == events.KindAgent && ev.Verb() == events.Created && ev.Data.FirstSeen != events.FirstSeenSnapshot {
			s.fail("%s: the first pass does not say that it is one: is the listing opened by Page.Opens?", ev.Subject)
		}
		if ev.Verb() == events.Deleted {
			s.fail("%s: the first pass deletes", ev.Subject)
		}
		if a := ev.Data.Activity; a != nil && a.Type == events.ActivityUnknown {
			s.fail("a record of type %s is not understood: %s", a.Native, ev.Data.Evidence.Note)
		}
	}
}

// unchangedAppendsNothing: neither a second pass nor a second start adds to the log while the vendor does not change.
func unchangedAppendsNothing(s *suite) {
	h := s.start(s.log)
	s.becomesTruth("after the first pass")
	h.rounds(2)
	before := len(s.all())
	h.rounds(2)
	h.stop()
	h = s.start(s.log)
	h.rounds(2)
	h.stop()
	for _, m := range s.all()[before:] {
		s.fail("unchanged, yet appended: %s %s, changed %v", m.Event.Type, m.Event.Subject, m.Event.Data.Changed)
	}
}

// changes: each change at the vendor is told by the event that is named for it.
func changes(s *suite) {
	h := s.start(s.log)
	defer h.stop()
	s.becomesTruth("after the first pass")
	for _, step := range []struct {
		op   Op
		verb events.Verb
	}{{Create, events.Created}, {Rename, events.Updated}, {Disable, events.Disabled}, {Enable, events.Enabled}} {
		id, ok := s.mutate(step.op)
		if !ok {
			continue
		}
		s.becomesTruth("after " + string(step.op))
		if got := s.history(id); len(got) == 0 || got[len(got)-1] != step.verb {
			s.fail("after %s the events of %s are %v: the last should be %s", step.op, id, got, step.verb)
		}
	}
}

// deleteAndRestore: a deleted agent gets a tombstone, and a restored one comes back as the same.
func deleteAndRestore(s *suite) {
	h := s.start(s.log)
	defer h.stop()
	s.becomesTruth("after the first pass")
	id, ok := s.mutate(Delete)
	if !ok {
		return
	}
	s.becomesTruth("after " + string(Delete))
	if got := s.history(id); len(got) < 2 || !slices.Contains(got, events.Deleted) {
		s.fail("after %s the events of %s are %v", Delete, id, got)
	}
	if id, ok = s.mutate(Restore); !ok {
		return
	}
	s.becomesTruth("after " + string(Restore))
	if got := s.history(id); len(got) == 0 || got[len(got)-1] != events.Restored {
		s.fail("after %s the events of %s are %v: the last should be restored", Restore, id, got)
	}
}

// changeDuringListing: what changes between two pages is neither lost nor taken for gone.
func changeDuringListing(s *suite) {
	done := false
	s.hookPages(func(_ string, page connectors.Page) {
		if done || !page.More {
			return
		}
		done = true
		for _, op := range []Op{Create, Rename, Delete} {
			s.mutate(op)
		}
	})
	h := s.start(s.log)
	defer h.stop()
	s.becomesTruth("after changes during the first listing")
	h.rounds(3)
	s.becomesTruth("some passes later")
	if d := s.deletions(); d > 1 {
		s.fail("one agent was deleted during the listing, the log has %d tombstones", d)
	}
}

// hookPages calls do after each page, one at a time.
func (s *suite) hookPages(do func(string, connectors.Page)) {
	turn := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPage = func(feed string, page connectors.Page) {
		turn <- struct{}{}
		defer func() { <-turn }()
		do(feed, page)
	}
}

// expiredCursor: a feed whose cursor the vendor has forgotten starts over, and loses nothing, not even a deletion.
func expiredCursor(s *suite) {
	h := s.start(s.log)
	s.becomesTruth("after the first pass")
	h.rounds(1)
	h.stop()
	for _, op := range []Op{Create, Rename, Delete} {
		s.mutate(op)
	}
	s.control.ExpireCursors()
	h = s.start(s.log)
	defer h.stop()
	s.becomesTruth("after the cursors expired")
	done := 0
	s.hookPages(func(_ string, page connectors.Page) {
		if page.More && done < 2 {
			done++
			s.control.ExpireCursors()
		}
	})
	s.control.ExpireCursors()
	h.rounds(2)
	s.becomesTruth("after the cursors expired during a listing")
}

// cancelDuringPull: a pull ends soon after its context does.
func cancelDuringPull(s *suite) {
	if s.h.lacks(string(Slow)) {
		return
	}
	for _, f := range s.conn.Feeds() {
		s.control.Inject(Fault{Kind: Slow, After: time.Hour})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := f.Pull(ctx, nil)
			done <- err
		}()
		soon := time.AfterFunc(50*time.Millisecond, cancel)
		select {
		case err := <-done:
			if err == nil && ctx.Err() != nil { // one that had nothing to ask may end before
				s.fail("%s: a pull that was cancelled ended without an error", f.Name)
			}
		case <-time.After(s.h.Patience):
			s.fail("%s: a pull that was cancelled goes on", f.Name)
		}
		soon.Stop()
		cancel()
		s.control.ClearFaults()
	}
}
