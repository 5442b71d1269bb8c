package logtest

import (
	"context"
	"iter"
	"math"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

func restart(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	one, two := agents(0, 1500), agents(1500, 1500)
	w.mustAppend("c1", one...)
	s.Restart(t)
	w.mustAppend("c2", two...)
	s.Restart(t)
	mustBe(t, w.log, "c2", concat(one, two)...)
	if _, again := w.log.Restored(); again {
		t.Error("a restart looks like a restore")
	}
}

func followRestart(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	one, two := agents(0, 10), agents(10, 10)
	w.mustAppend("c1", one...)
	n := 0
	for m, err := range w.log.Read(background(t), events.Query{Following: true}) {
		if err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		want := concat(one, two)[n]
		if got := name(&m.Event); got != name(&want) {
			t.Fatalf("event %d is %s, want %s", n, got, name(&want))
		}
		n++
		if n == 10 {
			s.Restart(t)
			w.mustAppend("c2", two...)
		}
		if n == 20 {
			break
		}
	}
}

// restored puts a log with two pages back to its first, and opens it.
func restored(t *testing.T, s Subject, seen ...events.Position) (old, now Log) {
	t.Helper()
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	w.log.Close() // a hub that saved its mark
	s.Snapshot(t)
	w = claim(t, s, "hub1")
	w.mustAppend("c2", agents(5, 5)...)
	w.log.Close()
	s.Restore(t)
	seen = append(seen, w.log.Seen())
	now = s.Open(t, seen...)
	t.Cleanup(now.Close)
	return w.log, now
}

func shorterLog(t *testing.T, s Subject) {
	old, now := restored(t, s)
	r, ok := now.Restored()
	if !ok {
		t.Fatal("the restore was not noticed")
	}
	if r.Old != old.Seen() || r.New.Epoch == old.Epoch().ID || r.New.Epoch != now.Epoch().ID || r.Resumed >= r.Old.Sequence {
		t.Errorf("restored is %+v; the old log had been seen to %v", r, old.Seen())
	}
	if e := now.Epoch(); e.Former != old.Epoch().ID || e.Ended != old.Seen().Sequence || e.Reason == "" {
		t.Errorf("the new epoch is %+v", e)
	}
	for epoch, want := range map[string]uint64{old.Epoch().ID: r.Resumed, now.Epoch().ID: math.MaxUint64, "another": 0} {
		if upTo, known, err := now.Survived(background(t), epoch); err != nil || upTo != want || known != (want > 0) {
			t.Errorf("of epoch %s, all up to %d survived (%v, %v), want %d", epoch, upTo, known, err, want)
		}
	}
	checkStartsAnew(t, now, 5)
	again := s.Open(t, old.Seen(), now.Seen())
	defer again.Close()
	if _, twice := again.Restored(); twice || again.Epoch().ID != now.Epoch().ID {
		t.Errorf("opened again, the epoch is %+v, want the one before", again.Epoch())
	}
	checkStartsAnew(t, again, 5)
}

// checkStartsAnew checks that the feed begins from nil, and that its chain goes on from what survived.
func checkStartsAnew(t *testing.T, l Log, survived uint64) {
	t.Helper()
	saved, err := l.Cursor(background(t), tenant, connection, feed)
	if err != nil {
		t.Fatal(err)
	}
	if saved.Cursor != nil || saved.Done != nil || saved.Events != survived || saved.Sequence == 0 {
		t.Errorf("the feed's place is %+v, want no cursor and %d events", saved, survived)
	}
}

func shorterWhileRunning(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	s.Snapshot(t)
	w.mustAppend("c2", agents(5, 5)...)
	ended := make(chan error, 1)
	go func() { ended <- drainUntilError(w.log.Read(background(t), events.Query{Following: true})) }()
	s.Restore(t)
	mustBeError(t, w.append("c3", agents(10, 5)...), events.ErrEpoch)
	mustBeError(t, <-ended, events.ErrEpoch)
	_, _, err := w.log.Last(background(t), tenant, connection, events.Identity(events.KindAgent, "agent 000001"))
	mustBeError(t, err, events.ErrEpoch)
	_, err = w.log.Claim(background(t), tenant, connection, "hub1")
	mustBeError(t, err, events.ErrEpoch)

	next := s.Open(t, w.log.Seen())
	defer next.Close()
	if _, ok := next.Restored(); !ok {
		t.Error("opened again, the restore was not noticed")
	}
	mustBe(t, next, "", agents(0, 5)...)
}

// cutBack lets the log of a running hub come back without its second page.
func cutBack(t *testing.T, s Subject) *writer {
	t.Helper()
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	s.Snapshot(t)
	w.mustAppend("c2", agents(5, 5)...)
	s.Restore(t)
	return w
}

// shorterUnderAReader lets nobody but a reader that waits be there to notice.
func shorterUnderAReader(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	s.Snapshot(t)
	w.mustAppend("c2", agents(5, 5)...)
	next, stop := iter.Pull2(w.log.Read(background(t), events.Query{Following: true}))
	defer stop()
	for i := range 10 {
		if _, err, _ := next(); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	s.Restore(t)
	_, err, _ := next()
	mustBeError(t, err, events.ErrEpoch)
}

func shorterWhileReading(t *testing.T, s Subject) {
	w := cutBack(t, s)
	mustBeError(t, drainUntilError(w.log.Read(background(t), events.Query{Following: true})), events.ErrEpoch)
	mustBeError(t, drainUntilError(w.log.States(background(t), tenant, connection)), events.ErrEpoch)
	_, err := w.log.End(background(t))
	mustBeError(t, err, events.ErrEpoch)
}

func shorterWhileClaiming(t *testing.T, s Subject) {
	w := cutBack(t, s)
	_, err := w.log.Claim(background(t), tenant, connection, "hub1")
	mustBeError(t, err, events.ErrEpoch)
}

func drainUntilError(seq func(func(events.Message, error) bool)) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

func shorterByCaller(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	ahead := w.last
	ahead.Sequence += 3
	l := s.Open(t, ahead)
	defer l.Close()
	if r, ok := l.Restored(); !ok || r.Old != ahead {
		t.Errorf("restored is %+v, %v: want the caller's mark %v", r, ok, ahead)
	}
	checkStartsAnew(t, l, 5)
	if _, err := l.Claim(background(t), tenant, connection, "hub2"); err != nil {
		t.Fatal(err)
	}
	mustBeError(t, w.append("c2", agents(5, 5)...), events.ErrEpoch)
}

// emptied is a log whose stream is new while somebody remembers another.
func emptied(t *testing.T, s Subject) {
	elsewhere := events.Position{Epoch: "0123456789abcdef", Sequence: 70}
	l := s.Open(t, elsewhere)
	defer l.Close()
	if r, ok := l.Restored(); !ok || r.Old != elsewhere || r.Resumed != 0 {
		t.Errorf("restored is %+v, %v", r, ok)
	}
}

func sameEpoch(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	w.log.Close()
	l := s.Open(t, w.last)
	defer l.Close()
	if r, ok := l.Restored(); ok || l.Epoch().ID != w.log.Epoch().ID {
		t.Errorf("opened again, the log seems restored: %+v, epoch %v", r, l.Epoch())
	}
	mustBe(t, l, "c1", agents(0, 5)...)
}

func forget(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	for range 2 { // repeating it does no harm
		if err := w.log.ForgetCursors(background(t), "an operator asked for it"); err != nil {
			t.Fatal(err)
		}
		checkStartsAnew(t, w.log, 5)
	}
	next := claim(t, s, "hub2")
	if next.saved.Cursor != nil {
		t.Errorf("the next hub finds the cursor %q", next.saved.Cursor)
	}
	next.mustAppend("c2", agents(5, 5)...)
	mustBe(t, next.log, "c2", agents(0, 10)...)
	if _, ok := next.log.Restored(); ok || next.log.Epoch().ID != w.log.Epoch().ID {
		t.Error("forgetting cursors began another epoch")
	}
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func(context.Context) bool) {
	t.Helper()
	ctx := background(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}
