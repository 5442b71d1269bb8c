package eventlog

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// oneByOne is a store whose records come one after the other, each when none was waiting behind it.
type oneByOne struct {
	*memory
	all chan struct{} // closed when all have come
}

func (o oneByOne) read(ctx context.Context, s stretch) iter.Seq2[record, error] {
	if s.filters[0] == events.EpochsSubject {
		return o.memory.read(ctx, s)
	}
	return func(yield func(record, error) bool) {
		defer close(o.all)
		for r, err := range o.memory.read(ctx, s) {
			r.pending = 0
			if !yield(r, err) {
				return
			}
		}
	}
}

// Who was busy while more came is told so, and need not act on each as if it were the last.
func TestPendingCountsWhatCameSince(t *testing.T) {
	l := NewMemory()
	defer l.Close()
	claim, err := l.Claim(t.Context(), "acme", "entra", "hub")
	if err != nil {
		t.Fatal(err)
	}
	var page []events.Event
	for _, id := range []string{"a", "b", "c", "d"} {
		e := events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Agent: &events.Agent{Status: events.StatusActive}}
		page = append(page, events.New("acme", "entra", "entra", events.EntityType(e.Kind, events.Created), time.Now(), time.Now(), events.Data{Entity: &e}))
	}
	if _, err := l.Append(t.Context(), events.Append{Claim: claim, Feed: "agents", Events: page, Cursor: []byte("c")}); err != nil {
		t.Fatal(err)
	}
	slow := oneByOne{l.store.(*memory), make(chan struct{})}
	o := Options{}
	o.defaults()
	reader := newLog(slow, o)
	if err := reader.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var pending []uint64
	for m, err := range reader.Read(t.Context(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		<-slow.all
		pending = append(pending, m.Pending)
	}
	if want := []uint64{2, 1, 0}; len(pending) != len(page) || !slices.Equal(pending[1:], want) {
		t.Errorf("behind the first, %d were pending, want %d", pending, want)
	}
}
