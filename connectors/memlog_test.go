package connectors

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// memLog is a small log in memory, with the same refusals as the real one.
type memLog struct {
	mu     sync.Mutex
	all    []events.Message
	claims map[string]events.Claim
	saved  map[string]events.Saved
	seq    uint64
	limit  int // bytes per event; 0: none

	// before is called with each append, unlocked, and may fail it; after is called once it is stored, and may fail the answer.
	before, after func(events.Append) error
}

func newMemLog() *memLog {
	return &memLog{claims: map[string]events.Claim{}, saved: map[string]events.Saved{}}
}

func (l *memLog) Claim(_ context.Context, tenant, connection, hub string) (events.Claim, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	c := events.Claim{Tenant: tenant, Connection: connection, Hub: hub, Time: time.Now(), Sequence: l.seq}
	l.claims[events.ClaimSubject(tenant, connection)] = c
	return c, nil
}

func (l *memLog) Cursor(_ context.Context, tenant, connection, feed string) (events.Saved, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.saved[events.CursorSubject(tenant, connection, feed)], nil
}

func (l *memLog) States(context.Context, string, string) iter.Seq2[events.Message, error] {
	l.mu.Lock()
	all := slices.Clone(l.all)
	l.mu.Unlock()
	return func(yield func(events.Message, error) bool) {
		seen := map[string]bool{}
		for _, m := range slices.Backward(all) {
			s := m.Event.NATSSubject()
			if m.Event.Data.Entity == nil || seen[s] {
				continue
			}
			seen[s] = true
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (l *memLog) Last(_ context.Context, _, _ string, ref events.Ref) (events.Message, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range slices.Backward(l.all) {
		if m.Event.Ref() == ref {
			return m, true, nil
		}
	}
	return events.Message{}, false, nil
}

func (l *memLog) Append(_ context.Context, a events.Append) (events.Receipt, error) {
	if l.before != nil {
		if err := l.before(a); err != nil {
			return events.Receipt{}, err
		}
	}
	r, err := l.store(a)
	if err == nil && l.after != nil {
		err = l.after(a)
	}
	return r, err
}

func (l *memLog) store(a events.Append) (events.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	claim, cursor := events.ClaimSubject(a.Claim.Tenant, a.Claim.Connection), events.CursorSubject(a.Claim.Tenant, a.Claim.Connection, a.Feed)
	if l.claims[claim].Sequence != a.Claim.Sequence || l.saved[cursor].Sequence != a.Expect.Sequence {
		return events.Receipt{}, fmt.Errorf("appending for %s: %w", a.Feed, events.ErrFenced)
	}
	var sealed []events.Message
	head := a.Expect.Head
	for i := range a.Events {
		ev := a.Events[i]
		s, err := events.Seal(head, &ev)
		if err != nil {
			return events.Receipt{}, err
		}
		if l.limit > 0 && len(s.Body) > l.limit {
			return events.Receipt{}, &events.TooLargeError{Index: i, Size: len(s.Body), Limit: l.limit}
		}
		dec, err := events.Decode(s.Body)
		if err != nil {
			return events.Receipt{}, err
		}
		sealed = append(sealed, events.Message{Event: dec, Stored: time.Now(), Prev: head, Hash: s.Hash})
		head = s.Hash
	}
	for _, m := range sealed {
		l.seq++
		m.Position.Sequence = l.seq
		l.all = append(l.all, m)
	}
	l.seq++
	s := events.Saved{Cursor: a.Cursor, Head: head, Events: a.Expect.Events + uint64(len(a.Events)), Whole: a.Whole, Again: a.Again, Time: time.Now(), Sequence: l.seq}
	l.saved[cursor] = s
	return events.Receipt{Saved: s, Claim: l.claims[claim], Position: events.Position{Sequence: l.seq}}, nil
}

// types lists what was appended, as "<type> <subject>".
func (l *memLog) types() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, m := range l.all {
		out = append(out, string(m.Event.Type)+" "+m.Event.Subject)
	}
	return out
}

func (l *memLog) messages() []events.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}
