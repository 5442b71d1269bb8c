package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// told is a story in which agents lose and find their owners.
func told(agents int) []events.Event {
	e := events.Entity{Kind: events.KindCoverage, Holder: events.ConnectionHolder, Key: "owners",
		Coverage: &events.Coverage{Feed: "owners", Kinds: []events.Kind{events.KindStewardship}, State: events.CoverageComplete}}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	out := []events.Event{events.New("acme", "entra", "entra", "coverage.created", at, at, events.Data{Entity: &e})}
	for i, ev := range story(agents) {
		if ev.Data.FirstSeen = events.FirstSeenSnapshot; i%9 == 0 {
			tick := events.Tick(ev.Time, events.DefaultThresholds)
			out = append(out, events.New("acme", events.ClockConnection, "rollcall", "activity.tick", ev.Time, ev.Time, events.Data{Activity: &tick}))
		}
		out = append(out, ev)
	}
	return out
}

// memoryHearer hears in memory, and can be made to crash before or after it has heard for the nth time.
type memoryHearer struct {
	mu      sync.Mutex
	heard   projections.Heard
	told    []events.Event
	calls   int
	crashAt int
	after   bool
}

func (h *memoryHearer) Heard(context.Context) (projections.Heard, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard, nil
}

func (h *memoryHearer) Held(context.Context) ([]events.Event, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := map[string]events.Event{}
	for _, e := range h.told {
		last[e.NATSSubject()] = e
	}
	var out []events.Event
	for _, e := range last {
		out = append(out, e)
	}
	return out, nil
}

func (h *memoryHearer) Hear(_ context.Context, expect, next projections.Heard, told []projections.Told) (projections.Heard, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if expect.Revision != h.heard.Revision {
		return projections.Heard{}, projections.ErrSuperseded
	}
	if len(told) > projections.MaxBatch {
		return projections.Heard{}, fmt.Errorf("%d events in one batch", len(told))
	}
	if h.calls == h.crashAt && !h.after {
		return projections.Heard{}, errCrash
	}
	for _, x := range told {
		h.told = append(h.told, x.Event)
	}
	next.Revision = h.heard.Revision + 1
	h.heard = next
	if h.calls == h.crashAt {
		return projections.Heard{}, errCrash
	}
	return next, nil
}

func (h *memoryHearer) lines() []string {
	var out []string
	for _, e := range h.told {
		out = append(out, fmt.Sprint(e.ID, " ", e.Type, " ", e.NATSSubject(), " ", e.Data.Finding.Raised))
	}
	return out
}

// hear runs the projection with a hearer until the view reflects the whole log.
func hear(t testing.TB, l *memoryLog, v projections.View, h projections.Hearer, version int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	end, _ := l.End(ctx)
	cfg := config(l, v)
	cfg.Hearer, cfg.Version = h, version
	cfg.Committed = func(c projections.Checkpoint) {
		if heard, _ := h.Heard(ctx); c.Position == end && c.Heard == heard.Revision {
			cancel()
		}
	}
	if err := projections.Run(ctx, cfg); err != nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("the view does not reflect the log and what was told: %v, %v", err, ctx.Err())
	}
}

// However often the fold ends between what it tells and what it writes: each conclusion is told once, in order, and is the same.
func TestToldOnce(t *testing.T) {
	evs := told(14)
	want := &memoryHearer{}
	hear(t, newMemoryLog(evs...), newMemoryView(), want, 1)
	if len(want.told) < 4 {
		t.Fatalf("the story tells %d things: too few to try anything", len(want.told))
	}
	for _, after := range []bool{false, true} {
		for _, crash := range []string{"hearing", "writing"} {
			for at := 1; ; at++ {
				got, view, l := &memoryHearer{after: after}, newMemoryView(), newMemoryLog()
				view.after = after
				if crash == "hearing" {
					got.crashAt = at
				} else {
					view.crashAt = at
				}
				for _, e := range evs {
					l.append(e)
					hear(t, l, view, got, 1)
				}
				if d := cmp.Diff(want.lines(), got.lines()); d != "" {
					t.Fatalf("crash at %d while %s, after: %v (-want +got)\n%s", at, crash, after, d)
				}
				if got.calls < got.crashAt || view.commits < view.crashAt {
					break
				}
			}
		}
	}
}

// A view that is made anew tells nothing twice: neither in place, nor beside while the live one went on telling.
func TestRebuildTellsNothingTwice(t *testing.T) {
	evs := told(14)
	l, want := newMemoryLog(evs...), &memoryHearer{}
	hear(t, l, newMemoryView(), want, 1)
	hear(t, l, newMemoryView(), want, 1)
	again := &memoryHearer{}
	hear(t, l, newMemoryView(), again, 1)
	if d := cmp.Diff(again.lines(), want.lines()); d != "" {
		t.Errorf("in place (-once +rebuilt)\n%s", d)
	}

	for _, ahead := range []int{0, 20, len(evs)} { // how far the live view has told when it is replaced
		got, short := &memoryHearer{}, newMemoryLog(evs[:ahead]...)
		if ahead > 0 {
			hear(t, short, newMemoryView(), got, 1)
		}
		beside := newMemoryView()
		if err := projections.Build(t.Context(), projections.Config{Name: "roster", Version: 1, New: config(l, beside).New, Log: newMemoryLog(evs[:30]...), View: beside}); err != nil {
			t.Fatal(err)
		}
		hear(t, l, beside, got, 1)
		if d := cmp.Diff(held(t, want), held(t, got)); d != "" {
			t.Errorf("beside, when %d of 30 were told (-want +got)\n%s", ahead, d)
		}
	}
}

// Other rules, and a log that was restored, amend what is held to be true.
func TestOtherRulesAmend(t *testing.T) {
	evs := told(14)
	l, h := newMemoryLog(evs...), &memoryHearer{}
	hear(t, l, newMemoryView(), h, 1)
	want := held(t, h)
	ghost := slices.Clone(h.told)[0]
	f := *ghost.Data.Finding
	f.Holder, f.Cleared = "nobody", time.Time{}
	ghost.Data.Finding, ghost.Type = &f, "finding.raised"
	h.told = append(h.told[:len(h.told)-1], ghost) // told by rules that were wrong, and one less
	for _, crash := range []int{1, 2, 3} {
		got := &memoryHearer{told: slices.Clone(h.told), heard: h.heard, crashAt: crash}
		hear(t, l, newMemoryView(), got, 2)
		if d := cmp.Diff(want, held(t, got)); d != "" {
			t.Errorf("crash at %d (-want +got)\n%s", crash, d)
		}
	}
	l.epoch = "e2"
	for i := range l.msgs {
		l.msgs[i].Position.Epoch = l.epoch
	}
	got := &memoryHearer{told: slices.Clone(h.told), heard: h.heard}
	hear(t, l, newMemoryView(), got, 1)
	if d := cmp.Diff(want, held(t, got)); d != "" {
		t.Errorf("restored (-want +got)\n%s", d)
	}
}

// held is what is held to be true.
func held(t *testing.T, h projections.Hearer) []string {
	t.Helper()
	evs, err := h.Held(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range evs {
		if e.Verb() == events.Raised {
			out = append(out, e.NATSSubject()+" since "+e.Data.Finding.Raised.String())
		}
	}
	slices.Sort(out)
	return out
}

// The stream keeps what is told as memory does, refuses who was replaced, and is refused where it is not there.
func TestHearing(t *testing.T) {
	js := server(t)
	ctx := t.Context()
	opts := projections.HearingOptions{Stream: "FINDINGS", Prefix: events.FindingsPrefix, Teller: "roster"}
	readOnly := opts
	readOnly.ReadOnly = true
	if _, err := projections.OpenHearing(ctx, js, readOnly); err == nil {
		t.Error("a stream that is not there was opened")
	}
	h, err := projections.OpenHearing(ctx, js, opts)
	if err != nil {
		t.Fatal(err)
	}
	evs, want := told(14), &memoryHearer{}
	hear(t, newMemoryLog(evs...), newMemoryView(), want, 1)
	hear(t, newMemoryLog(evs...), newMemoryView(), h, 1)
	if d := cmp.Diff(held(t, want), held(t, h)); d != "" {
		t.Errorf("(-memory +stream)\n%s", d)
	}
	stream, err := js.Stream(ctx, opts.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if info := stream.CachedInfo(); info.State.Msgs != uint64(len(want.told))+1 {
		t.Errorf("the stream holds %d messages, want %d and the place", info.State.Msgs, len(want.told))
	}
	now, err := h.Heard(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Hear(ctx, projections.Heard{Revision: now.Revision - 1}, now, nil); err != projections.ErrSuperseded { //nolint:errorlint // itself
		t.Errorf("who was replaced is told %v", err)
	}
}
