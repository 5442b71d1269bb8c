package archive_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// purged is a log whose first events were taken out.
type purged struct {
	*eventlog.Log
	upTo uint64
}

func (p *purged) Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for s, err := range p.Log.Stored(ctx, q) {
			if s.Position.Sequence > p.upTo && !yield(s, err) {
				return
			}
		}
	}
}

func (p *purged) Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		for m, err := range p.Log.Read(ctx, q) {
			if m.Position.Sequence > p.upTo && !yield(m, err) {
				return
			}
		}
	}
}

func (p *purged) Count(ctx context.Context) (n uint64, err error) {
	for range p.Stored(ctx, events.Query{}) {
		n++
	}
	return n, ctx.Err()
}

// Whatever is asked of archive and log as one gives what the whole log gives.
func TestHistory(t *testing.T) {
	log := newLog(t, 200)
	end, err := log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var first uint64
	var times []time.Time
	for s := range log.Stored(t.Context(), events.Query{}) {
		if times = append(times, s.Time); first == 0 {
			first = s.Position.Sequence
		}
	}
	times = append(times, time.Time{}, times[0].Add(-time.Hour), times[len(times)-1].Add(time.Hour))
	s := archivetest.NewMemory()
	for n, size := range []int{7, 30, 64} { // what was archived ends before the log does
		half := &bounded{log, end.Sequence * uint64(n+1) / 4}
		write(t, s, half, archive.Options{Events: size})
	}
	a := open(t, s)
	covers, err := a.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		gone := &purged{log, rapid.Uint64Range(0, covers.Sequence).Draw(t, "gone")}
		h, err := archive.Join(context.Background(), gone, a)
		if err != nil {
			t.Fatal(err)
		}

		if _, archived := h.Archived(); archived != (gone.upTo >= first) {
			t.Fatalf("with all up to %d gone, the archive is read: %v", gone.upTo, archived)
		}
		if n, err := h.Count(context.Background()); err != nil || n != 200 {
			t.Fatalf("Count is %d (%v), want 200", n, err)
		}
		for range 20 {
			q := events.Query{
				From: rapid.Uint64Range(0, end.Sequence+3).Draw(t, "from"), To: rapid.Uint64Range(0, end.Sequence+3).Draw(t, "to"),
				FromTime: rapid.SampledFrom(times).Draw(t, "since"), ToTime: rapid.SampledFrom(times).Draw(t, "until"),
				LastOnly: rapid.Bool().Draw(t, "last only"),
				Filter: events.Filter{
					Holder: rapid.SampledFrom([]string{"", "agent 3", "agent 4", "agent 99"}).Draw(t, "holder"),
					Type:   rapid.SampledFrom([]events.Type{"", "agent.updated", "activity.sign_in"}).Draw(t, "type"),
				},
			}
			if rapid.Bool().Draw(t, "no times") {
				q.FromTime, q.ToTime = time.Time{}, time.Time{}
			}
			same(t, log, h, q)
		}
	})
}

func same(t *rapid.T, want, got archivetest.Reader, q events.Query) {
	all := func(r archivetest.Reader) (out []string) {
		for s, err := range r.Stored(context.Background(), q) {
			out = append(out, fmt.Sprint(s.Position, s.Time, s.Subject, s.Feed, s.Prev, s.Hash, string(s.Body), err))
		}
		return out
	}
	if diff := cmp.Diff(all(want), all(got)); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", q, diff)
	}
}

// bounded is a log as it was when it ended earlier.
type bounded struct {
	*eventlog.Log
	to uint64
}

func (b *bounded) End(ctx context.Context) (events.Position, error) {
	p, err := b.Log.End(ctx)
	p.Sequence = b.to
	return p, err
}

// A reading that follows goes from the archive over into the log, and on with what is appended.
func TestHistoryFollows(t *testing.T) {
	log, s := newLog(t, 60), archivetest.NewMemory()
	write(t, s, &bounded{log, 40}, archive.Options{Events: 10})
	h, err := archive.Join(t.Context(), &purged{log, 30}, open(t, s))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []uint64
	for m, err := range h.Read(ctx, events.Query{Following: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, m.Position.Sequence); len(got) == 60 {
			archivetest.Fill(t, log, 20)
		}
		if len(got) == 80 {
			break
		}
	}
	var want []uint64
	for m := range log.Read(t.Context(), events.Query{}) {
		want = append(want, m.Position.Sequence)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
