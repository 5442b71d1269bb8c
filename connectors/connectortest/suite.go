package connectortest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// check is one case of the suite.
type check struct {
	name string
	run  func(*suite)
}

// checks are all cases, in the order in which a new connector's author wants them to pass.
var checks = []check{
	{"FirstPassIsTruth", firstPassIsTruth},
	{"UnchangedAppendsNothing", unchangedAppendsNothing},
	{"Changes", changes},
	{"DeleteAndRestore", deleteAndRestore},
	{"ResumeAfterEveryPage", resumeAfterEveryPage},
	{"ChangeDuringListing", changeDuringListing},
	{"ExpiredCursor", expiredCursor},
	{"Faults", faults},
	{"EmptyAnswerDeletesNobody", emptyAnswer},
	{"CancelDuringPull", cancelDuringPull},
}

// Run holds a connector to its contract. During every case, each record is normalized twice, and everything that leaves the
// connector or the runner is searched for the vendor's secrets.
func Run(t *testing.T, h Harness) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range violations(t, h, c) {
				t.Error(v)
			}
		})
	}
}

// violations runs one case and lists what was wrong.
func violations(t *testing.T, h Harness, c check) []string {
	t.Helper()
	if h.Patience <= 0 {
		h.Patience = 30 * time.Second
	}
	s := &suite{t: t, h: &h, log: eventlog.NewMemory()}
	defer s.log.Close()
	conn, control := h.New(t)
	s.control = control
	s.conn = watch(s, conn)
	c.run(s)
	s.searchLog()
	return s.list()
}

// suite is one case at work.
type suite struct {
	t       *testing.T
	h       *Harness
	log     *eventlog.Log
	conn    connectors.Connector
	control Control

	mu     sync.Mutex
	wrong  []string
	onPage func(feed string, page connectors.Page) // called after each page that a Pull brings
	pages  int
}

// fail notes a violation, once.
func (s *suite) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := fmt.Sprintf(format, args...); !slices.Contains(s.wrong, v) && len(s.wrong) < 20 {
		s.wrong = append(s.wrong, v)
	}
}

func (s *suite) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wrong)
}

// mutate makes a change that the vendor must be able to make. It reports false when the harness says that it cannot.
func (s *suite) mutate(op Op) (string, bool) {
	if s.h.lacks(string(op)) {
		return "", false
	}
	id, err := s.control.Mutate(op)
	if err != nil {
		s.fail("the vendor refuses %s: %v; name it in Harness.Lacks if it has no such thing", op, err)
		return "", false
	}
	return id, true
}

// eventually waits until cond answers with an empty string, and else reports the last answer.
func (s *suite) eventually(what string, cond func() string) bool {
	timeout, tick := time.NewTimer(s.h.Patience), time.NewTicker(10*time.Millisecond)
	defer timeout.Stop()
	defer tick.Stop()
	for {
		answer := cond()
		if answer == "" {
			return true
		}
		select {
		case <-tick.C:
		case <-timeout.C:
			s.fail("%s: not within %v: %s", what, s.h.Patience, answer)
			return false
		}
	}
}
