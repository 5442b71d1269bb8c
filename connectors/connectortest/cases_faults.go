package connectortest

import (
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// faultCase says what a fault must look like from outside.
type faultCase struct {
	fault Fault
	feed  string // a state that some feed must show while the fault lasts
}

var faultCases = []faultCase{
	{Fault{Kind: RateLimit, After: time.Second}, connectors.FeedRateLimited},
	{Fault{Kind: ServerError}, connectors.FeedFailing},
	{Fault{Kind: BadGateway}, connectors.FeedFailing},
	{Fault{Kind: Truncated}, connectors.FeedFailing},
	{Fault{Kind: Reset}, connectors.FeedFailing},
	{Fault{Kind: Unauthorized}, connectors.FeedUnauthorized},
	{Fault{Kind: Forbidden}, connectors.FeedForbidden},
}

// faults: while the vendor answers nothing but a fault, nobody is deleted and the status names it; afterwards, and when only some
// answers are bad, the log becomes what the vendor has.
func faults(s *suite) {
	for _, c := range faultCases {
		if s.h.lacks(string(c.fault.Kind)) {
			continue
		}
		h := s.start(s.log)
		h.rounds(1)
		s.becomesTruth(fmt.Sprintf("before the fault %s", c.fault.Kind))
		before := s.deletions()
		s.control.Inject(c.fault)
		s.eventually(fmt.Sprintf("fault %s shows in the status", c.fault.Kind), func() string {
			if h.saw(c.feed) || h.covered() {
				return ""
			}
			return fmt.Sprintf("no feed was %q: %+v", c.feed, h.r.Status().Feeds)
		})
		s.control.ClearFaults()
		s.mutate(Rename)
		s.becomesTruth(fmt.Sprintf("after the fault %s", c.fault.Kind))
		sometimes(s, c.fault)
		h.rounds(2)
		s.becomesTruth(fmt.Sprintf("after the fault %s at some answers", c.fault.Kind))
		if n := s.deletions() - before; n > 0 {
			s.fail("the fault %s made %d tombstones although nothing was deleted", c.fault.Kind, n)
		}
		h.stop()
	}
}

// sometimes spoils each third of the next answers.
func sometimes(s *suite, f Fault) {
	f.Every, f.Times, f.After = 3, 6, 10*time.Millisecond
	s.control.Inject(f)
	s.eventually(fmt.Sprintf("fault %s at some answers", f.Kind), s.differs)
	s.control.ClearFaults()
}

// covered reports whether some feed has said that it sees only a part, which is an honest answer to a fault as well.
func (h *hub) covered() bool {
	for _, m := range h.s.all() {
		if e := m.Event.Data.Entity; e != nil && e.Coverage != nil && e.Coverage.Reason != "" {
			return true
		}
	}
	return false
}

// emptyAnswer: a vendor that answers with an empty list to one who may not see deletes nobody.
func emptyAnswer(s *suite) {
	if s.h.lacks(string(EmptyOK)) {
		return
	}
	h := s.start(s.log)
	defer h.stop()
	s.becomesTruth("after the first pass")
	s.control.Inject(Fault{Kind: EmptyOK})
	h.rounds(6)
	if n := s.deletions(); n > 0 {
		s.fail("an empty answer made %d tombstones: Probe must tell that the connection may not see", n)
	}
	s.control.ClearFaults()
	h.rounds(2)
	s.becomesTruth("after the empty answers")
}
