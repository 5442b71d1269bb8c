package logtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/events"
)

func chain(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 5)...)
	w.mustAppend("c2")
	w.reclaim("hub2")
	w.mustAppend("c3", agents(5, 1200)...)
	got := collect(t, w.log.Read(background(t), events.Query{}))
	checkChain(t, got)
	for _, m := range got {
		body, err := events.Encode(&m.Event)
		if err != nil {
			t.Fatal(err)
		}
		if m.Hash != events.ChainHash(m.Prev, body) {
			t.Fatalf("message %d has a hash that does not fit it", m.Position.Sequence)
		}
	}
	if w.saved.Head != got[len(got)-1].Hash || w.saved.Events != 1205 {
		t.Errorf("the feed's place is %+v", w.saved)
	}
}

// history is a log with several kinds, changes, a tombstone, activities and a second connection.
func history(t *testing.T, s Subject) (*writer, []events.Event) {
	t.Helper()
	w := claim(t, s, "hub1")
	all := []events.Event{
		agent("a.1", events.Created, 1), agent("a.2", events.Created, 1), grant("a.1", "reader"), activity("a.1", "s1"),
		agent("a.1", events.Updated, 2), grant("a.2", "reader"), activity("a.1", "s2"), agent("a.2", events.Deleted, 1),
	}
	w.mustAppend("c1", all[:4]...)
	w.mustAppend("c2", all[4:]...)
	o, err := w.log.Claim(background(t), tenant, "other", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.log.Append(background(t), events.Append{
		Claim: o, Feed: feed, Events: []events.Event{agentOf("other", "a.1", events.Created, 1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, all
}

func states(t *testing.T, s Subject) {
	w, all := history(t, s)
	got := collect(t, w.log.States(background(t), tenant, connection))
	want := []events.Event{all[2], all[4], all[5], all[7]}
	if diff := cmp.Diff(names(want), namesOf(got)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if n := len(collect(t, w.log.States(background(t), tenant, "nowhere"))); n != 0 {
		t.Errorf("a connection without events has %d states", n)
	}
}

func last(t *testing.T, s Subject) {
	w, all := history(t, s)
	m, ok, err := w.log.Last(background(t), tenant, connection, events.Identity(events.KindAgent, "a.1"))
	if err != nil || !ok || name(&m.Event) != name(&all[4]) {
		t.Errorf("last is %s, %v, %v", m.Event.Type, ok, err)
	}
	if _, ok, err := w.log.Last(background(t), tenant, connection, events.Identity(events.KindAgent, "a.9")); ok || err != nil {
		t.Errorf("last of what is not there is %v, %v", ok, err)
	}
}

func readFilters(t *testing.T, s Subject) {
	w, all := history(t, s)
	other := agentOf("other", "a.1", events.Created, 1)
	for _, c := range []struct {
		filter events.Filter
		want   []events.Event
	}{
		{events.Filter{}, append(all[:8:8], other)},
		{events.Filter{Tenant: tenant}, append(all[:8:8], other)},
		{events.Filter{Tenant: "else"}, nil},
		{events.Filter{Connection: connection}, all},
		{events.Filter{Connection: "other"}, []events.Event{other}},
		{events.Filter{Holder: "a.2"}, []events.Event{all[1], all[5], all[7]}},
		{events.Filter{Tenant: tenant, Kind: events.KindGrant}, []events.Event{all[2], all[5]}},
		{events.Filter{Kind: events.KindActivity}, []events.Event{all[3], all[6]}},
		{events.Filter{Connection: connection, Type: "agent.created"}, all[:2]},
		{events.Filter{Type: "agent.deleted"}, all[7:8]},
	} {
		got := collect(t, w.log.Read(background(t), events.Query{Filter: c.filter}))
		if diff := cmp.Diff(names(c.want), namesOf(got)); diff != "" {
			t.Errorf("filter %+v (-want +got):\n%s", c.filter, diff)
		}
		stored := collectStored(t, w.log.Stored(background(t), events.Query{Filter: c.filter}))
		if diff := cmp.Diff(got, stored); diff != "" {
			t.Errorf("filter %+v, stored (-read +stored):\n%s", c.filter, diff)
		}
	}
}

// collectStored decodes what was stored; each has the feed that appended it.
func collectStored(t *testing.T, seq iter.Seq2[events.Stored, error]) []events.Message {
	t.Helper()
	var out []events.Message
	for s, err := range seq {
		if err != nil {
			t.Fatalf("reading: %v", err)
		}
		if s.Feed != feed || events.ChainHash(s.Prev, s.Body) != s.Hash {
			t.Errorf("message %d is of feed %q, with the hash %s after %s", s.Position.Sequence, s.Feed, s.Hash, s.Prev)
		}
		m, err := s.Message()
		if err != nil {
			t.Fatalf("decoding: %v", err)
		}
		out = append(out, m)
	}
	return out
}

func places(t *testing.T, s Subject) {
	w, _ := history(t, s)
	got, err := w.log.Places(background(t))
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, c := range []string{connection, "other"} {
		saved, err := w.log.Cursor(background(t), tenant, c, feed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(events.Place{Tenant: tenant, Connection: c, Feed: feed, Saved: saved}, got[i]); diff != "" || saved.Head == "" {
			t.Errorf("place %d (-cursor +place):\n%s", i, diff)
		}
	}
}

func readBounds(t *testing.T, s Subject) {
	w, all := history(t, s)
	at := sequences(t, w.log)
	for _, c := range []struct {
		from, to uint64
		want     []events.Event
	}{
		{at[2], 0, all[2:]},
		{at[2], at[5], all[2:6]},
		{0, at[0], all[:1]},
		{0, at[3] + 1, all[:4]}, // the cursor's sequence
		{at[7], at[7], all[7:]},
		{at[7] + 1, 0, nil},
		{at[5], at[4], nil},
		{1e9, 0, nil},
		{0, 1e9, all},
	} {
		q := events.Query{Filter: events.Filter{Connection: connection}, From: c.from, To: c.to}
		got := collect(t, w.log.Read(background(t), q))
		if diff := cmp.Diff(names(c.want), namesOf(got)); diff != "" {
			t.Errorf("from %d to %d (-want +got):\n%s", c.from, c.to, diff)
		}
	}
}

// sequences are where the events of the connection lie.
func sequences(t *testing.T, l Log) []uint64 {
	var at []uint64
	for _, m := range collect(t, l.Read(background(t), events.Query{Filter: events.Filter{Connection: connection}})) {
		at = append(at, m.Position.Sequence)
	}
	return at
}

func readTimes(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	one, two := agents(0, 3), agents(3, 3)
	before := time.Now().Add(-time.Hour)
	w.mustAppend("c1", one...)
	middle := storedAt(t, w.log).Add(1)
	eventually(t, "the clock to move", func(context.Context) bool { return time.Now().After(middle) })
	w.mustAppend("c2", two...)
	after := time.Now().Add(time.Hour)
	for _, c := range []struct {
		from, to time.Time
		want     []events.Event
	}{
		{before, time.Time{}, concat(one, two)},
		{middle, time.Time{}, two},
		{time.Time{}, middle, one},
		{before, middle, one},
		{middle, after, two},
		{after, time.Time{}, nil},
		{time.Time{}, before, nil},
	} {
		got := collect(t, w.log.Read(background(t), events.Query{FromTime: c.from, ToTime: c.to}))
		if diff := cmp.Diff(names(c.want), namesOf(got)); diff != "" {
			t.Errorf("from %v to %v (-want +got):\n%s", c.from, c.to, diff)
		}
	}
}

// storedAt is when the last event was stored.
func storedAt(t *testing.T, l Log) time.Time {
	all := collect(t, l.Read(background(t), events.Query{}))
	return all[len(all)-1].Stored
}

func readLastOnly(t *testing.T, s Subject) {
	w, all := history(t, s)
	at := sequences(t, w.log)
	for _, c := range []struct {
		from, to uint64
		want     []events.Event
	}{
		{0, 0, []events.Event{all[2], all[4], all[5], all[6], all[7]}},
		{0, at[3], all[:4]},
		{0, at[4], []events.Event{all[1], all[2], all[3], all[4]}},
		{at[2], at[4], []events.Event{all[2], all[3], all[4]}},
		{at[5], 0, all[5:]},
		{0, 1e9, []events.Event{all[2], all[4], all[5], all[6], all[7]}},
	} {
		q := events.Query{Filter: events.Filter{Connection: connection}, From: c.from, To: c.to, LastOnly: true}
		got := collect(t, w.log.Read(background(t), q))
		if diff := cmp.Diff(names(c.want), namesOf(got)); diff != "" {
			t.Errorf("last only, from %d to %d (-want +got):\n%s", c.from, c.to, diff)
		}
	}
}

func readNothing(t *testing.T, s Subject) {
	l := s.Open(t)
	defer l.Close()
	if n := len(collect(t, l.Read(background(t), events.Query{}))); n != 0 {
		t.Errorf("an empty log has %d events", n)
	}
	if n, err := l.Count(background(t)); n != 0 || err != nil {
		t.Errorf("an empty log counts %d, %v", n, err)
	}
}

func following(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 3)...)
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	n := 0
	for m, err := range w.log.Read(ctx, events.Query{Following: true, From: w.last.Sequence - 2}) {
		if err != nil {
			mustBeError(t, err, context.Canceled)
			break
		}
		if want := agents(n+1, 1)[0]; name(&m.Event) != name(&want) {
			t.Fatalf("event %d is %s", n, name(&m.Event))
		}
		if n++; n == 2 || n == 5 {
			if m.Pending != 0 {
				t.Errorf("at the end of the log, %d are pending", m.Pending)
			}
			w.mustAppend(fmt.Sprint(n), agents(n+1, 3)...)
		}
		if n == 8 {
			cancel()
		}
	}
	if n < 8 {
		t.Errorf("%d events came, want 8", n)
	}
}

// concurrent lets readers follow while a writer appends: each sees every event once and in order.
func concurrent(t *testing.T, s Subject) {
	const pages, size, readers = 20, 50, 4
	w := claim(t, s, "hub1")
	var all sync.WaitGroup
	for r := range readers {
		l := s.Open(t)
		t.Cleanup(l.Close)
		all.Go(func() {
			n := 0
			for m, err := range l.Read(background(t), events.Query{Following: true}) {
				if err != nil {
					t.Errorf("reader %d after %d: %v", r, n, err)
					return
				}
				if want := agents(n, 1)[0]; name(&m.Event) != name(&want) {
					t.Errorf("reader %d: event %d is %s", r, n, name(&m.Event))
					return
				}
				if n++; n == pages*size {
					return
				}
			}
		})
	}
	for p := range pages {
		w.mustAppend(fmt.Sprint(p), agents(p*size, size)...)
		if got := len(collect(t, w.log.Read(background(t), events.Query{}))); got != (p+1)*size {
			t.Errorf("after page %d a bounded reading has %d events", p, got)
		}
	}
	all.Wait()
}

func stopEarly(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	w.mustAppend("c1", agents(0, 100)...)
	for _, q := range []events.Query{{}, {Following: true}, {LastOnly: true}, {LastOnly: true, To: 50}} {
		n := 0
		for _, err := range w.log.Read(background(t), q) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 3 {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(background(t))
	cancel()
	if err := drainUntilError(w.log.Read(ctx, events.Query{})); !errors.Is(err, context.Canceled) {
		t.Errorf("a reading whose context has ended returns %v", err)
	}
}

// thin: what is removed of a subject is never its last event, and nothing else is touched: not the places, nor what is later.
func thin(t *testing.T, s Subject) {
	w := claim(t, s, "hub1")
	var page []events.Event
	for version := range 4 {
		page = append(page, agent("a", events.Updated, version), agent("b", events.Updated, version))
	}
	w.mustAppend("c1", page...)
	var seqs []uint64
	for _, m := range collect(t, w.log.Read(background(t), events.Query{})) {
		seqs = append(seqs, m.Position.Sequence)
	}
	subject := page[0].NATSSubject()
	for _, c := range []struct {
		upTo uint64
		left []events.Event
	}{
		{seqs[0] - 1, page},
		{seqs[3], concat(page[1:2], page[3:])}, // the first two of a
		{seqs[3], concat(page[1:2], page[3:])}, // again
		{seqs[7] + 100, concat(page[1:2], page[3:4], page[5:])},
	} {
		if err := w.log.Thin(background(t), subject, c.upTo); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names(c.left), namesOf(collect(t, w.log.Read(background(t), events.Query{})))); diff != "" {
			t.Errorf("thinned to %d (-want +got):\n%s", c.upTo, diff)
		}
	}
	if saved, err := w.log.Cursor(background(t), tenant, connection, feed); err != nil || string(saved.Cursor) != "c1" || saved.Events != 8 {
		t.Errorf("the feed's place is %+v (%v)", saved, err)
	}
	w.mustAppend("c2", agent("a", events.Updated, 9))
	for _, bad := range []string{"rollcall.events.>", "rollcall.cursors.acme.okta.agents", ""} {
		if err := w.log.Thin(background(t), bad, 100); err == nil {
			t.Errorf("%q was thinned", bad)
		}
	}
	if err := w.log.Thin(background(t), events.Subject(tenant, connection, events.Identity(events.KindAgent, "nobody")), 100); err != nil {
		t.Error(err)
	}
}
