package logtest

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/events"
)

func appendAndRead(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	one, two := agents(0, 3), agents(3, 2)
	w.mustAppend("c1", one...)
	w.mustAppend("c2", two...)
	mustBe(t, w.log, "c2", concat(one, two)...)
	for i, m := range collect(t, w.log.Read(background(t), events.Query{})) {
		want := concat(one, two)[i]
		if diff := cmp.Diff(want, m.Event); diff != "" {
			t.Errorf("event %d (-appended +read):\n%s", i, diff)
		}
		if m.Event.ID == "" || m.Stored.IsZero() || m.Position.Epoch != w.log.Epoch().ID {
			t.Errorf("event %d has id %q, stored %v, position %v", i, m.Event.ID, m.Stored, m.Position)
		}
	}
}

func receipts(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	if w.saved.Sequence != 0 || w.saved.Cursor != nil || w.saved.Head != "" {
		t.Errorf("a new feed's place is %+v, want nothing", w.saved)
	}
	w.mustAppend("c1", agents(0, 3)...)
	read, err := w.log.Cursor(background(t), tenant, connection, feed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.saved, read); diff != "" {
		t.Errorf("the receipt's place and the one in the log differ (-receipt +log):\n%s", diff)
	}
	end, err := w.log.End(background(t))
	if err != nil || end != w.last {
		t.Errorf("the log ends at %v (%v), the receipt says %v", end, err, w.last)
	}
	if first, err := w.log.First(background(t)); err != nil || first.Sequence == 0 || first.Sequence > end.Sequence {
		t.Errorf("the log begins at %v (%v)", first, err)
	}
	if w.log.Seen() != end {
		t.Errorf("seen is %v, want %v", w.log.Seen(), end)
	}
}

func quietAppend(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	page := agents(0, 1)
	w.mustAppend("c1", page...)
	before := w.claim.Sequence
	w.mustAppend("c2")
	if w.claim.Sequence <= before {
		t.Errorf("the claim is still %d", before)
	}
	w.mustAppend("c3")
	more := agents(1, 1)
	w.mustAppend("c4", more...)
	mustBe(t, w.log, "c4", concat(page, more)...)
}

// wholeness is kept with the place that it was said of, with events and without, and goes with the next, and when places are
// forgotten.
func wholeness(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	at := time.Date(2026, 8, 20, 7, 0, 0, 0, time.UTC)
	for i, page := range [][]events.Event{agents(0, 3), nil} {
		r, err := w.log.Append(background(t), events.Append{Claim: w.claim, Feed: feed, Expect: w.saved, Events: page, Whole: at})
		if err != nil {
			t.Fatal(err)
		}
		w.claim, w.saved = r.Claim, r.Saved
		read, err := w.log.Cursor(background(t), tenant, connection, feed)
		if err != nil || !read.Whole.Equal(at) || !r.Saved.Whole.Equal(at) {
			t.Errorf("append %d: whole %v in the log, %v in the receipt (%v)", i, read.Whole, r.Saved.Whole, err)
		}
	}
	if err := w.log.ForgetCursors(background(t), "an operator asked for it"); err != nil {
		t.Fatal(err)
	}
	if read, err := w.log.Cursor(background(t), tenant, connection, feed); err != nil || !read.Whole.IsZero() {
		t.Errorf("places were forgotten, and the feed was whole %v (%v)", read.Whole, err)
	}
	w.mustAppend("c1", agents(3, 1)...)
	if read, err := w.log.Cursor(background(t), tenant, connection, feed); err != nil || !read.Whole.IsZero() {
		t.Errorf("the next place was whole %v (%v)", read.Whole, err)
	}
}

func singleEvent(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	page := agents(0, 1)
	w.mustAppend("", page...)
	mustBe(t, w.log, "", page...)
}

func foreignEvents(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	if err := w.append("c1", agents(0, 1)[0], agentOf("other", "x", events.Created, 1)); err == nil {
		t.Error("an event of another connection was appended")
	}
	mustBe(t, w.log, "")
}

func staleCursor(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	page := agents(0, 2)
	w.mustAppend("c1", page...)
	stale := *w
	more := agents(2, 2)
	w.mustAppend("c2", more...)
	mustBeError(t, stale.append("c9", agents(7, 3)...), events.ErrFenced)
	stale.claim = w.claim
	mustBeError(t, stale.append("c9"), events.ErrFenced)
	mustBe(t, w.log, "c2", concat(page, more)...)
}

func staleClaim(t *testing.T, s Subject) {
	old := claim(t, s, "hub1")
	page := agents(0, 2)
	old.mustAppend("c1", page...)
	fresh := claim(t, s, "hub2")
	mustBeError(t, old.append("c9", agents(7, 3)...), events.ErrFenced)
	more := agents(2, 2)
	fresh.mustAppend("c2", more...)
	mustBe(t, fresh.log, "c2", concat(page, more)...)
}

func staleClaimQuiet(t *testing.T, s Subject) {
	old := claim(t, s, "hub1")
	page := agents(0, 2)
	old.mustAppend("c1", page...)
	fresh := claim(t, s, "hub2")
	mustBeError(t, old.append("c9"), events.ErrFenced)
	fresh.mustAppend("c2")
	mustBe(t, fresh.log, "c2", page...)
}

func repeated(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	late, page := *w, agents(0, 5)
	w.mustAppend("c1", page...)
	mustBeError(t, late.append("c1", agents(0, 5)...), events.ErrFenced)
	mustBe(t, w.log, "c1", page...)
}

// racing lets two hubs take the connection from one another while both append numbered events. Each event is in the log once, in
// the order of its number.
func racing(t *testing.T, s Subject) {
	const rounds = 30
	var all sync.WaitGroup
	var mu sync.Mutex
	next, stored := 0, []events.Event{}
	for _, hub := range []string{"hub1", "hub2"} {
		w := claim(t, s, hub)
		all.Go(func() {
			for range rounds {
				mu.Lock()
				page := agents(next, 3)
				mu.Unlock()
				err := w.append("c", page...)
				switch {
				case err == nil:
					mu.Lock()
					stored, next = append(stored, page...), next+3
					mu.Unlock()
				case errors.Is(err, events.ErrFenced):
					w.reclaim(hub)
				default:
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	all.Wait()
	l := s.Open(t)
	defer l.Close()
	got := collect(t, l.Read(background(t), events.Query{}))
	checkChain(t, got)
	if len(got) != len(stored) || len(got) == 0 {
		t.Errorf("the log has %d events, %d were acknowledged", len(got), len(stored))
	}
}

func oversized(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	page := agents(0, 2000)
	page[1500].Data.Entity.Agent.Description = strings.Repeat("x", s.MaxPayload())
	var large *events.TooLargeError
	if err := w.append("c1", page...); !errors.As(err, &large) {
		t.Fatalf("error is %v, want a TooLargeError", err)
	}
	if large.Index != 1500 || large.Size <= s.MaxPayload() || large.Limit != s.MaxPayload() {
		t.Errorf("error is %+v", large)
	}
	mustBe(t, w.log, "")
	if err := w.append(strings.Repeat("c", s.MaxPayload())); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("a cursor too large: error is %v", err)
	}
	w.mustAppend("c1", agents(0, 1)...)
}
