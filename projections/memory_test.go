package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// memoryLog is a log that tests append to.
type memoryLog struct {
	mu    sync.Mutex
	epoch string
	msgs  []events.Message
	grew  chan struct{}
	wrong map[uint64]error // by sequence: what reading it says
}

func newMemoryLog(evs ...events.Event) *memoryLog {
	l := &memoryLog{epoch: "e1", grew: make(chan struct{})}
	l.append(evs...)
	return l
}

func (l *memoryLog) append(evs ...events.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range evs {
		seq := uint64(len(l.msgs) + 1)
		e.ID = fmt.Sprintf("id-%d", seq)
		l.msgs = append(l.msgs, events.Message{Event: e, Position: events.Position{Epoch: l.epoch, Sequence: seq}})
	}
	close(l.grew)
	l.grew = make(chan struct{})
}

func (l *memoryLog) End(context.Context) (events.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return events.Position{Epoch: l.epoch, Sequence: uint64(len(l.msgs))}, nil
}

func (l *memoryLog) Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		for next := max(q.From, 1); ; next++ {
			l.mu.Lock()
			grew, n := l.grew, uint64(len(l.msgs))
			var m events.Message
			if next <= n {
				m = l.msgs[next-1]
				// A reader never shares memory with the log: what it decodes is its own.
				body, _ := events.Marshal(m.Event)
				m.Event = events.Event{}
				_ = events.Unmarshal(body, &m.Event)
				m.Pending = n - next
			}
			l.mu.Unlock()
			if next > n {
				if !q.Following {
					return
				}
				select {
				case <-grew:
				case <-ctx.Done():
					yield(events.Message{}, ctx.Err())
					return
				}
				next--
				continue
			}
			if !yield(m, l.wrong[next]) {
				return
			}
		}
	}
}

var errCrash = errors.New("crash")

// memoryView is a view that can be made to crash before or after its nth commit.
type memoryView struct {
	mu      sync.Mutex
	docs    map[string][]byte
	saved   projections.Checkpoint
	commits int

	crashAt int  // the commit that crashes; 0: none
	after   bool // it is written before the crash
}

func newMemoryView() *memoryView { return &memoryView{docs: map[string][]byte{}} }

func (v *memoryView) Checkpoint(context.Context) (projections.Checkpoint, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.saved, nil
}

func (v *memoryView) Documents(context.Context) iter.Seq2[projections.Document, error] {
	v.mu.Lock()
	defer v.mu.Unlock()
	docs := maps.Clone(v.docs)
	return func(yield func(projections.Document, error) bool) {
		for key, body := range docs {
			if !yield(projections.Document{Key: key, Body: body}, nil) {
				return
			}
		}
	}
}

func (v *memoryView) Commit(_ context.Context, expect, next projections.Checkpoint, docs []projections.Document) (projections.Checkpoint, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.commits++
	if expect.Revision != v.saved.Revision {
		return projections.Checkpoint{}, projections.ErrSuperseded
	}
	if len(docs) > projections.MaxBatch {
		return projections.Checkpoint{}, fmt.Errorf("%d documents in one commit", len(docs))
	}
	if v.commits == v.crashAt && !v.after {
		return projections.Checkpoint{}, errCrash
	}
	for _, d := range docs {
		if d.Body == nil {
			delete(v.docs, d.Key)
		} else {
			v.docs[d.Key] = slices.Clone(d.Body)
		}
	}
	next.Revision = v.saved.Revision + 1
	v.saved = next
	if v.commits == v.crashAt {
		return projections.Checkpoint{}, errCrash
	}
	return next, nil
}
