package eventlog

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/rollcallhq/rollcall/events"
)

// Shaky is a memory store that loses batches and can be put back.
type Shaky struct {
	*memory
	mu     sync.Mutex
	lose   string // "request", "ack" or "half", for the next batch
	losses int
	after  func()
	away   uint64
	lost   chan struct{}
	before *memory
}

// NewShaky makes an empty one.
func NewShaky() *Shaky {
	return &Shaky{memory: &memory{changed: make(chan struct{})}, lost: make(chan struct{}), after: func() {}}
}

// OpenShaky opens a log on it.
func OpenShaky(s *Shaky, seen ...events.Position) (*Log, error) {
	o := Options{Seen: seen}
	o.defaults()
	l := newLog(s, o)
	return l, l.start(context.Background())
}

// LoseNext loses the next "request" or "ack", or stores "half" of the next batch, as a server does whose disk is full.
func (s *Shaky) LoseNext(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = what
}

// Lost counts the losses.
func (s *Shaky) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.losses
}

func (s *Shaky) commit(ctx context.Context, batch []record) (uint64, error) {
	s.mu.Lock()
	lose := s.lose
	s.lose = ""
	if lose != "" {
		s.losses++
		defer s.after()
	}
	s.mu.Unlock()
	switch lose {
	case "request":
		return 0, errUnanswered
	case "half", "all but the cursor":
		n := len(batch) - 1
		if lose == "half" {
			n /= 2
		}
		s.memory.commitAll(batch[:n])
		return 0, errUnanswered
	}
	seq, err := s.memory.commit(ctx, batch)
	if lose == "ack" {
		return 0, errUnanswered
	}
	return seq, err
}

// AfterLoss has f called once something was lost.
func (s *Shaky) AfterLoss(f func()) { s.after = f }

func (s *Shaky) outages() (uint64, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away, s.lost
}

// Outage lets the server seem away for an instant.
func (s *Shaky) Outage() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away++
	close(s.lost)
	s.lost = make(chan struct{})
}

// Damage alters a byte of the last event.
func (s *Shaky) Damage() {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	for i := len(s.records) - 1; i >= 0; i-- {
		if r := &s.records[i]; r.hash != "" {
			r.body[len(r.body)/2] ^= 1
			return
		}
	}
}

// Snapshot remembers the state, Restore puts it back.
func (s *Shaky) Snapshot() {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	s.before = &memory{records: slices.Clone(s.records), latest: maps.Clone(s.latest), seen: s.seen}
}

// Restore puts the snapshot back.
func (s *Shaky) Restore() {
	s.memory.mu.Lock()
	s.records, s.latest, s.seen = slices.Clone(s.before.records), maps.Clone(s.before.latest), s.before.seen
	s.memory.mu.Unlock()
	s.Outage()
}
