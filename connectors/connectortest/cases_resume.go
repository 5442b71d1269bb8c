package connectortest

import (
	"context"
	"sync"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// mostCuts bounds how many pages resumeAfterEveryPage cuts at.
const mostCuts = 20

// resumeAfterEveryPage: a hub that dies after any append, or in the middle of it, goes on so that in the end the log has
// every event once.
func resumeAfterEveryPage(s *suite) {
	for cut := 1; cut <= mostCuts; cut++ {
		s.log.Close()
		s.log = eventlog.NewMemory()
		dying := &dyingLog{Log: s.log, left: cut, answers: cut%2 == 0}
		h := s.start(dying)
		dying.onDeath(h.cancel)
		whole := s.eventually("the first pass or the cut", func() string {
			if dying.isDead() {
				return ""
			}
			return s.differs()
		})
		h.stop()
		cutShort := dying.isDead()
		h = s.start(s.log)
		s.becomesTruth("after a restart")
		h.rounds(1)
		h.stop()
		s.onceEach(cut)
		if !whole || !cutShort {
			return
		}
	}
}

// onceEach holds the log of an unchanged vendor to one event for each entity.
func (s *suite) onceEach(cut int) {
	seen := map[events.Ref]bool{}
	for _, m := range s.all() {
		if ref := m.Event.Ref(); m.Event.Verb() != "" && ref.Kind != events.KindCoverage {
			if seen[ref] {
				s.fail("cut at append %d: %s %s is not the first event of its entity", cut, m.Event.Type, m.Event.Subject)
			}
			seen[ref] = true
		}
	}
}

// dyingLog ends the hub at an append, which it stores before it dies or not.
type dyingLog struct {
	connectors.Log
	answers bool // the last append is stored

	mu    sync.Mutex
	left  int
	dead  bool
	death func()
}

func (l *dyingLog) onDeath(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.death = do; l.dead {
		do()
	}
}

func (l *dyingLog) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// Append works until the time has come.
func (l *dyingLog) Append(ctx context.Context, a events.Append) (events.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return events.Receipt{}, events.ErrUncertain
	}
	if l.left--; l.left > 0 {
		return l.Log.Append(ctx, a)
	}
	l.dead = true
	if l.answers {
		if _, err := l.Log.Append(ctx, a); err != nil {
			return events.Receipt{}, err
		}
	}
	if l.death != nil {
		l.death()
	}
	return events.Receipt{}, events.ErrUncertain
}
