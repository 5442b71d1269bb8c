package eventlog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// NewMemory makes a log in this process's memory, for tests and for trying things out. It works as one on JetStream does that a hub has
// made, with a server's default limits: it seals what it tells of persons. It is gone with its process, and its keys with it.
func NewMemory() *Log { return NewMemorySealed(NewMemoryKeys()) }

// NewMemorySealed is [NewMemory] for a log that seals what it tells of persons.
func NewMemorySealed(keys Keyring) *Log {
	return newMemory(&memory{changed: make(chan struct{})}, Options{Keys: keys, Seal: true})
}

func newMemory(m *memory, o Options) *Log {
	o.defaults()
	l := newLog(m, o)
	l.promise = Durability{Kind: InProcess}
	if err := l.start(context.Background()); err != nil {
		panic(fmt.Sprintf("a log in memory cannot fail to open: %v", err))
	}
	return l
}

// memory is a store in a slice. Sequence n is records[n-1]; what a rollup replaced has no subject any more.
type memory struct {
	mu      sync.Mutex
	records []record
	latest  map[string]uint64 // subject → sequence
	changed chan struct{}     // closed and replaced at each commit
	seen    events.Position
	max     int // largest message; 0: 1 MiB
}

func (m *memory) commit(ctx context.Context, batch []record) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	hit("eventlog.append.partial", batch)
	seq, err := m.commitAll(batch)
	if err == nil {
		hit("eventlog.append.sent", batch)
		hit("eventlog.append.acked", batch)
	}
	return seq, err
}

func (m *memory) commitAll(batch []record) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range batch {
		if r.expect != nil && m.latest[r.expect.subject] != r.expect.sequence {
			return 0, errRefused
		}
	}
	now := time.Now().UTC()
	for _, r := range batch {
		m.store(r, now)
	}
	close(m.changed)
	m.changed = make(chan struct{})
	return uint64(len(m.records)), nil
}

func (m *memory) store(r record, now time.Time) {
	if m.latest == nil {
		m.latest = map[string]uint64{}
	}
	if old := m.latest[r.subject]; r.rollup && old > 0 {
		m.records[old-1] = record{}
	}
	r.seq, r.time, r.expect = uint64(len(m.records))+1, now, nil
	r.body = slices.Clone(r.body)
	m.records = append(m.records, r)
	m.latest[r.subject] = r.seq
}

func (m *memory) last(ctx context.Context, subject string) (record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seq := m.latest[subject]
	if seq == 0 {
		return record{}, false, ctx.Err()
	}
	return m.records[seq-1], true, ctx.Err()
}

func (m *memory) at(ctx context.Context, seq uint64) (record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seq == 0 || seq > uint64(len(m.records)) || m.records[seq-1].subject == "" {
		return record{}, false, ctx.Err()
	}
	return m.records[seq-1], true, ctx.Err()
}

func (m *memory) state(ctx context.Context) (first, last uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first = 1
	for first <= uint64(len(m.records)) && m.records[first-1].subject == "" {
		first++
	}
	return first, uint64(len(m.records)), ctx.Err()
}

func (m *memory) read(ctx context.Context, s stretch) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		next := max(s.from, 1)
		for {
			found, end, changed := m.pick(s, next)
			for i, r := range found {
				r.pending = uint64(len(found) - i - 1)
				if ctx.Err() != nil {
					break
				}
				if !yield(r, nil) {
					return
				}
			}
			next = max(next, end+1)
			if ctx.Err() == nil && !s.follow {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(record{}, context.Cause(ctx))
				return
			}
			s.last = false // what follows is new
		}
	}
}

// pick copies what a stretch holds from next on, and says where the log ends and what will tell of more.
func (m *memory) pick(s stretch, next uint64) (found []record, end uint64, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end = uint64(len(m.records))
	if s.to > 0 {
		end = min(end, s.to)
	}
	newest := map[string]bool{}
	for seq := end; seq >= next && seq > 0; seq-- {
		r := m.records[seq-1]
		if r.subject == "" || !matchAny(s.filters, r.subject) || s.last && newest[r.subject] {
			continue
		}
		newest[r.subject] = true
		found = append(found, r)
	}
	slices.Reverse(found)
	return found, end, m.changed
}

func matchAny(filters []string, subject string) bool {
	return slices.ContainsFunc(filters, func(f string) bool { return match(f, subject) })
}

// match is NATS's matching: * is one token, > the rest.
func match(filter, subject string) bool {
	for {
		f, fRest, fMore := strings.Cut(filter, ".")
		s, sRest, sMore := strings.Cut(subject, ".")
		switch {
		case f == ">":
			return true
		case f != "*" && f != s:
			return false
		case !fMore || !sMore:
			return fMore == sMore
		}
		filter, subject = fRest, sRest
	}
}

func (m *memory) count(ctx context.Context, filter string) (uint64, error) {
	found, _, _ := m.pick(stretch{filters: []string{filter}}, 1)
	return uint64(len(found)), ctx.Err()
}

func (m *memory) since(ctx context.Context, t time.Time) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.records {
		if r.subject != "" && !r.time.Before(t) {
			return uint64(i) + 1, ctx.Err()
		}
	}
	return uint64(len(m.records)) + 1, ctx.Err()
}

func (m *memory) mark(context.Context) (events.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen, nil
}

func (m *memory) setMark(_ context.Context, p events.Position) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = p
	return nil
}

func (m *memory) limit() int {
	if m.max > 0 {
		return m.max
	}
	return 1 << 20
}

func (m *memory) size(r *record) int { return size(r) }

func (m *memory) lag() time.Duration { return 0 }

func (m *memory) outages() (uint64, <-chan struct{}) { return 0, nil }

func (m *memory) close() {}
