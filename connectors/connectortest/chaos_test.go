package connectortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

var everyFault = []FaultKind{RateLimit, ServerError, BadGateway, Unauthorized, Forbidden, Truncated, Reset, EmptyOK, Expired}

// A vendor changes and misbehaves at random, the hub is stopped and started. No tombstone is ever told of an agent that was
// not gone; and when quiet comes, the log is what the vendor has. Every fault must have been played.
func TestChaos(t *testing.T) {
	fired := map[string]int{}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { chaosRun(t, seed, fired) })
		})
	}
	for _, name := range Scripted {
		if fired[name] == 0 {
			t.Errorf("the fault %q was never played", name)
		}
	}
	for _, kind := range everyFault {
		if fired[string(kind)] == 0 {
			t.Errorf("the fault %q was never played", kind)
		}
	}
}

func chaosRun(t *testing.T, seed uint64, fired map[string]int) {
	c := NewChaos(seed, 20)
	s := &suite{t: t, h: &Harness{Patience: time.Hour}, log: eventlog.NewMemory(), control: c}
	defer s.log.Close()
	s.conn = c
	r := rand.New(rand.NewPCG(seed, 1))
	h := startSlowly(s)
	for range 150 {
		upset(c, r)
		if r.IntN(20) == 0 {
			h.stop()
			h = startSlowly(s)
		}
		time.Sleep(time.Duration(r.IntN(700)) * time.Millisecond)
	}
	c.ClearFaults()
	// Quiet: long enough for the slowest retry and for two passes that agree.
	time.Sleep(2 * time.Minute)
	if d := s.differs(); d != "" {
		t.Errorf("after quiet, the log is not what the vendor has (-vendor +log):\n%s\nstatus: %+v", d, h.r.Status())
	}
	before := len(s.all())
	time.Sleep(10 * time.Second)
	if after := s.all(); len(after) != before {
		t.Errorf("an unchanged vendor made events: %v", after[before].Event.Subject)
	}
	h.stop()
	s.falseTombstones(c)
	for _, v := range s.list() {
		t.Error(v)
	}
	for name, n := range c.Fired() {
		fired[name] += n
	}
}

// upset makes changes and faults at random.
func upset(c *Chaos, r *rand.Rand) {
	ops := []Op{Create, Disable, Enable, Delete, Restore, Rename}
	for range r.IntN(3) {
		if op := ops[r.IntN(len(ops))]; op != Create || len(c.Truth()) < 25 {
			_, _ = c.Mutate(op) // what does not fit changes nothing
		}
	}
	c.See()
	switch r.IntN(6) {
	case 0:
		c.Script(Scripted[r.IntN(len(Scripted))], 1)
	case 1:
		c.Inject(Fault{Kind: everyFault[r.IntN(len(everyFault))], Times: 1 + r.IntN(3), After: time.Second})
	case 2:
		if r.IntN(5) == 0 {
			c.ExpireCursors()
		}
	}
}

// startSlowly starts a hub with the runner's own times, for a bubble in which time costs nothing.
func startSlowly(s *suite) *hub {
	h := &hub{s: s, done: make(chan struct{}), states: map[string]bool{}}
	r, err := connectors.NewRunner(connectors.Config{Tenant: tenant, Connection: connection, Vendor: "vendor", Hub: "hub",
		Connector: s.conn, Log: s.log, Backoff: connectors.Backoff{Cap: 5 * time.Second}, ForbiddenEvery: 10 * time.Second, RecheckEvery: time.Minute})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.r, h.cancel = r, cancel
	go func() {
		defer close(h.done)
		if err := r.Run(ctx); err != nil {
			s.fail("the runner ended: %v", err)
		}
	}()
	return h
}

// falseTombstones finds agents that the log has buried alive.
func (s *suite) falseTombstones(c *Chaos) {
	for _, m := range s.all() {
		ev := &m.Event
		g := ev.Data.Gone
		if ev.Ref().Kind != events.KindAgent || g == nil {
			continue
		}
		after, before := ev.Data.Evidence.Asked, ev.RecordedTime
		if g.Inferred {
			after, before = g.After, g.Before
		}
		if !c.WasGone(ev.Ref().Holder, after, before) {
			s.fail("%s was buried between %v and %v, but was there: %s, %+v", ev.Subject, after, before, g.Reason, ev.Data.Evidence)
		}
	}
}

// A listing that the vendor cuts short shows in the status, and the log keeps everybody.
func TestBreakerOnChaos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewChaos(3, 40)
		s := &suite{t: t, h: &Harness{}, log: eventlog.NewMemory(), control: c, conn: c}
		defer s.log.Close()
		h := startSlowly(s)
		time.Sleep(time.Minute)
		h.stop()
		c.mu.Lock()
		for _, id := range c.ids()[:30] {
			c.agents[id].gone = true // without a word in the log of changes
		}
		c.mu.Unlock()
		h = startSlowly(s)
		time.Sleep(time.Minute)
		if st := h.r.Status(); st.State != connectors.StateHeld || st.Held.Count != 30 || !strings.Contains(st.Reason, "approve") {
			t.Errorf("status: %+v", st)
		}
		if n := s.deletions(); n != 0 {
			t.Errorf("%d tombstones", n)
		}
		h.stop()
	})
}
