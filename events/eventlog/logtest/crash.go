package logtest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/events"
)

func lostAck(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	one, two := agents(0, 3), agents(3, 3)
	s.Lose(t, LoseAck)
	w.mustAppend("c1", one...)
	w.mustAppend("c2", two...)
	mustBe(t, w.log, "c2", concat(one, two)...)
}

func lostAckQuiet(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	s.Lose(t, LoseAck)
	w.mustAppend("c1")
	page := agents(0, 1)
	w.mustAppend("c2", page...)
	mustBe(t, w.log, "c2", page...)
}

func lostRequest(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	one, two := agents(0, 3), agents(3, 3)
	w.mustAppend("c1", one...)
	s.Lose(t, LoseRequest)
	w.mustAppend("c2", two...)
	mustBe(t, w.log, "c2", concat(one, two)...)
}

func lostAckClaim(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	s.Lose(t, LoseAck)
	w.reclaim("hub2")
	page := agents(0, 1)
	w.mustAppend("c1", page...)
	mustBe(t, w.log, "c1", page...)
}

func lostAckFenced(t *testing.T, s Subject) {
	old, fresh := claim(t, s, "hub1"), claim(t, s, "hub2")
	old.reclaim("hub1")
	fresh.reclaim("hub2")
	s.Lose(t, LoseRequest)
	mustBeError(t, old.append("c1", agents(0, 3)...), events.ErrFenced)
	mustBe(t, fresh.log, "")
}

func manyBatches(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	page := concat(agents(0, 1200), activities(0, 1300))
	w.mustAppend("c1", page...)
	mustBe(t, w.log, "c1", page...)
	if w.saved.Done != nil {
		t.Errorf("after the whole page, %d activities are said to be done", len(w.saved.Done))
	}
	more := agents(5000, 990)
	w.mustAppend("c2", more...)
	mustBe(t, w.log, "c2", concat(page, more)...)
}

func activities(from, n int) []events.Event {
	page := make([]events.Event, n)
	for i := range page {
		page[i] = activity("someone", fmt.Sprintf("activity %06d", from+i))
	}
	return page
}

// crashBetween kills the writer after each batch of a page in turn. What is left of the page is appended by its successor, which
// leaves out what States and Done show to be there.
func crashBetween(t *testing.T, s Subject) {
	w := claim(t, s, "hub0")
	w.mustAppend("c0", agents(900000, 1)...)
	page := concat(agents(0, 500), activities(0, 2000), agents(500, 900))
	for hub := 1; ; hub++ {
		rest := left(t, w, page)
		if len(rest) <= 990 {
			w.mustAppend("c1", rest...)
			break
		}
		before := len(rest)
		crash(t, "eventlog.append.batch:1", func() { w.append("c1", rest...) })
		w = claim(t, s, fmt.Sprintf("hub%d", hub))
		if string(w.saved.Cursor) != "c0" {
			t.Fatalf("between batches the cursor is %q, want the old one", w.saved.Cursor)
		}
		if now := len(left(t, w, page)); now != before-990 {
			t.Fatalf("after a crash %d events are left of %d", now, before)
		}
	}
	mustBe(t, w.log, "c1", concat(agents(900000, 1), page)...)
	if w.saved.Done != nil {
		t.Errorf("after the whole page, %d activities are said to be done", len(w.saved.Done))
	}
}

// left is what a runner would still append of a page.
func left(t *testing.T, w *writer, page []events.Event) []events.Event {
	known := map[string]bool{}
	for m, err := range w.log.States(background(t), tenant, connection) {
		if err != nil {
			t.Fatal(err)
		}
		known[name(&m.Event)] = true
	}
	for _, id := range w.saved.Done {
		known["activity.sign_in "+id] = true
	}
	var rest []events.Event
	for _, e := range page {
		if !known[name(&e)] {
			rest = append(rest, e)
		}
	}
	return rest
}

func crashInside(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	page := agents(0, 100)
	w.mustAppend("c1", page...)
	crash(t, "eventlog.append.partial:1", func() { w.append("c2", agents(100, 100)...) })
	next := claim(t, s, "hub2")
	mustBe(t, next.log, "c1", page...)
	more := agents(100, 100)
	next.mustAppend("c2", more...)
	mustBe(t, next.log, "c2", concat(page, more)...)
}

func crashSent(t *testing.T, s Subject) {
	for i, point := range []string{"eventlog.append.before", "eventlog.append.partial", "eventlog.append.sent", "eventlog.append.acked",
		"eventlog.claim"} {
		w := claim(t, s, fmt.Sprintf("hub%d", i))
		saved := w.saved
		page := agents(10*i, 10)
		crash(t, point, func() { w.append(point, page...); w.log.Claim(background(t), tenant, connection, "hub") })
		next := claim(t, s, fmt.Sprintf("successor%d", i))
		if string(next.saved.Cursor) == point { // it was stored
			continue
		}
		if diff := cmp.Diff(saved, next.saved); diff != "" {
			t.Fatalf("crash at %s: neither the old place nor the new one:\n%s", point, diff)
		}
		next.mustAppend(point, page...)
	}
	l := s.Open(t)
	defer l.Close()
	mustBe(t, l, "eventlog.claim", agents(0, 50)...)
}
