package projections_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// story is a log in which agents come, are linked, lose things and go.
func story(agents int) []events.Event {
	var out []events.Event
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	say := func(verb events.Verb, gone *events.Gone, e events.Entity) {
		at = at.Add(time.Minute)
		out = append(out, events.New("acme", "entra", "entra", events.EntityType(e.Kind, verb), at, at, events.Data{Entity: &e, Gone: gone}))
	}
	agent := func(id, parent string, status events.Status) events.Entity {
		return events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Agent: &events.Agent{
			Native: "test", Name: "Agent " + id, Status: status, Class: events.ClassAgent,
			Identifiers: []events.Identifier{{Type: events.IDAgentIdentity, Value: parent}},
		}}
	}
	for n := range agents {
		id, user := fmt.Sprintf("a%d", n), fmt.Sprintf("u%d", n)
		owner := events.Entity{Kind: events.KindStewardship, Holder: id, Key: "owner:p1", Stewardship: &events.Stewardship{Role: "owner", Person: "p1"}}
		say(events.Created, nil, owner) // before the agent itself is known
		say(events.Created, nil, agent(id, id, events.StatusActive))
		say(events.Created, nil, agent(user, id, events.StatusActive))
		switch n % 4 {
		case 1:
			say(events.Disabled, nil, agent(id, id, events.StatusDisabled))
		case 2:
			say(events.Deleted, &events.Gone{Reason: "removed"}, agent(user, id, events.StatusDeleted))
		case 3:
			say(events.Updated, nil, agent(user, fmt.Sprint("elsewhere", n/20), events.StatusActive)) // groups of five
			say(events.Deleted, &events.Gone{Inferred: true, Reason: "absent"}, owner)
		}
	}
	say(events.Created, nil, events.Entity{Kind: events.KindPerson, Holder: "p1", Key: events.Self,
		Person: &events.Person{Native: "user", Name: "Pat", Status: events.StatusActive}})
	return out
}

func config(l projections.Log, v projections.View) projections.Config {
	return projections.Config{Name: roster.Name, Version: roster.Version, New: roster.New, Log: l, View: v}
}

// follow runs the projection until the view reflects the whole log, then stops it, and checks the view's invariants.
func follow(t *testing.T, l *memoryLog, v *memoryView) {
	t.Helper()
	runUntil(t, l, v)
	check(t, v)
}

// runUntil runs the projection until the view reflects the whole log, then stops it.
func runUntil(t testing.TB, l *memoryLog, v projections.View) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end, _ := l.End(ctx)
	cfg := config(l, v)
	cfg.Committed = func(c projections.Checkpoint) {
		if c.Position == end {
			cancel()
		}
	}
	if err := projections.Run(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Checkpoint(t.Context()); err != nil || got.Position != end || got.Rebuilding {
		t.Fatalf("view stands at %+v (%v), the log ends at %v", got, err, end)
	}
}

func check(t *testing.T, v *memoryView) {
	t.Helper()
	p := roster.New()
	for d := range v.Documents(t.Context()) {
		if err := p.Load(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, want, got *memoryView) {
	t.Helper()
	if d := cmp.Diff(asText(want), asText(got)); d != "" {
		t.Errorf("views differ (-want +got):\n%s", d)
	}
}

func asText(v *memoryView) map[string]string {
	out := map[string]string{}
	for k, b := range v.docs {
		out[k] = string(b)
	}
	return out
}

func TestCrashAtEveryCommit(t *testing.T) {
	evs := story(8)
	want := newMemoryView()
	l := newMemoryLog(evs...)
	follow(t, l, want)
	for _, after := range []bool{false, true} {
		for crash := 1; ; crash++ {
			got := newMemoryView()
			got.crashAt, got.after = crash, after
			grow := newMemoryLog()
			for n := range evs { // one commit for each event
				grow.append(evs[n])
				follow(t, grow, got)
			}
			same(t, want, got)
			if got.commits < crash {
				break // the crash lies beyond the end: every commit was tried
			}
			got.crashAt = 0
		}
	}
}

func TestAppliedTwiceEqualsOnce(t *testing.T) {
	l, want, got := newMemoryLog(story(8)...), newMemoryView(), newMemoryView()
	follow(t, l, want)
	follow(t, l, got)
	got.saved.Sequence = 3 // as if the checkpoint had been lost, but not the documents
	follow(t, l, got)
	same(t, want, got)
}

func TestReplayEqualsLive(t *testing.T) {
	evs := story(12)
	live, replay, l := newMemoryView(), newMemoryView(), newMemoryLog()
	for _, e := range evs {
		l.append(e)
		follow(t, l, live)
	}
	follow(t, l, replay)
	same(t, replay, live)
}

func TestRebuild(t *testing.T) {
	want, l := newMemoryView(), newMemoryLog(story(5)...)
	follow(t, l, want)
	for name, spoil := range map[string]func(*memoryView){
		"another version":       func(v *memoryView) { v.saved.Version = 99 },
		"another epoch":         func(v *memoryView) { v.saved.Epoch = "e0" },
		"beyond the log":        func(v *memoryView) { v.saved.Sequence = 1e6 },
		"half rebuilt":          func(v *memoryView) { v.saved.Rebuilding = true },
		"half rebuilt, at once": func(v *memoryView) { v.saved.Rebuilding = true; v.crashAt = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			got := newMemoryView()
			got.docs, got.saved = maps.Clone(want.docs), want.saved
			got.docs["acme.agt_stale"] = []byte(`{"id":"agt_stale","tenant":"acme"}`)
			spoil(got)
			follow(t, l, got)
			same(t, want, got)
		})
	}
}

// A commit of more documents than a batch holds goes in several; a crash between them must not leave half of it.
func TestCommitOfSeveralBatches(t *testing.T) {
	evs := story(projections.MaxBatch)
	for crash := 0; crash < 4; crash++ {
		t.Run(fmt.Sprint("crash at ", crash), func(t *testing.T) {
			want, got := newMemoryView(), newMemoryView()
			l := newMemoryLog(evs...)
			follow(t, l, want)
			follow(t, l, got)
			got.saved.Version = 0 // a rebuild drops the stale ones in one commit
			for n := range 2 * projections.MaxBatch {
				got.docs[fmt.Sprintf("acme.agt_stale%d", n)] = []byte(`{}`)
			}
			got.commits, got.crashAt, got.after = 0, crash, crash%2 == 0
			follow(t, l, got)
			same(t, want, got)
		})
	}
}

// Two instances keep one view: each event is folded once, and the loser loads the winner's documents.
func TestTwoInstances(t *testing.T) {
	evs := story(30)
	want := newMemoryView()
	follow(t, newMemoryLog(evs...), want)
	l, v := newMemoryLog(), newMemoryView()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- projections.Run(ctx, config(l, v)) }()
	}
	for _, e := range evs {
		l.append(e)
	}
	end, _ := l.End(ctx)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if c, _ := v.Checkpoint(ctx); c.Position == end {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the view did not reach the log's end")
		}
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	same(t, want, v)
}

func TestLeaseLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newMemoryLog(story(1)...), newMemoryView()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		taken, lost := 0, make(chan struct{})
		cfg := config(l, v)
		cfg.Lease = func(context.Context) (<-chan struct{}, func(), error) {
			taken++
			if taken == 1 {
				return lost, func() {}, nil
			}
			return make(chan struct{}), func() {}, nil
		}
		done := make(chan error)
		go func() { done <- projections.Run(ctx, cfg) }()
		synctest.Wait()
		close(lost)
		time.Sleep(time.Second) // the bubble's clock: no real time passes
		synctest.Wait()
		if taken != 2 {
			t.Errorf("lease taken %d times, want again after it was lost", taken)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

type failing struct{ projections.Projection }

func (failing) Apply(events.Message) error { return errors.New("no") }

func TestBrokenFoldStops(t *testing.T) {
	cfg := config(newMemoryLog(story(1)...), newMemoryView())
	cfg.New = func() projections.Projection { return failing{roster.New()} }
	var broken *projections.BrokenError
	if err := projections.Run(t.Context(), cfg); !errors.As(err, &broken) {
		t.Errorf("Run = %v, want a BrokenError", err)
	}
}

// A damaged message costs what it said, not the view; one that a later version wrote must not be passed over.
func TestDamagedLog(t *testing.T) {
	evs := story(4)
	last := uint64(len(evs))
	want, got := newMemoryView(), newMemoryView()
	follow(t, newMemoryLog(evs...), want)
	l := newMemoryLog(evs...)
	damage := func(why error) error {
		return &events.DamageError{Position: events.Position{Epoch: l.epoch, Sequence: last}, Err: why}
	}
	l.wrong = map[uint64]error{last: damage(errors.New("its hash does not fit"))}
	follow(t, l, got)
	if len(got.docs) != len(want.docs)-1 {
		t.Errorf("%d documents, want all but the last event's person: %d", len(got.docs), len(want.docs)-1)
	}
	l.wrong[last] = damage(events.ErrTooNew)
	var broken *projections.BrokenError
	if err := projections.Run(t.Context(), config(l, newMemoryView())); !errors.As(err, &broken) || !errors.Is(err, events.ErrTooNew) {
		t.Errorf("Run = %v, want a BrokenError", err)
	}
}

// A build that ends at any of its commits goes on where it stopped: it applies nothing twice that it has written.
func TestBuildGoesOn(t *testing.T) {
	l, want := newMemoryLog(story(250)...), newMemoryView()
	if err := projections.Build(t.Context(), config(l, want)); err != nil {
		t.Fatal(err)
	}
	check(t, want)
	if end, _ := l.End(t.Context()); want.saved.Position != end || want.commits < 3 {
		t.Fatalf("built to %+v in %d commits", want.saved, want.commits)
	}
	for _, after := range []bool{false, true} {
		for crash := 1; crash <= want.commits; crash++ {
			got := newMemoryView()
			got.crashAt, got.after = crash, after
			if err := projections.Build(t.Context(), config(l, got)); !errors.Is(err, errCrash) {
				t.Fatalf("crash at %d: %v", crash, err)
			}
			if got.saved.Rebuilding {
				t.Errorf("crash at %d: what was built does not count", crash)
			}
			if err := projections.Build(t.Context(), config(l, got)); err != nil {
				t.Fatal(err)
			}
			same(t, want, got)
			if extra := got.commits - want.commits; extra > 1 {
				t.Errorf("crash at %d: %d commits more than without", crash, extra)
			}
		}
	}
}
