package connectors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

func hub(name string, lease Lease) func(*Config) {
	return func(c *Config) { c.Hub, c.Lease = name, lease }
}

// Two hubs: one reads, the other waits and takes over when the first ends. Nothing is repeated.
func TestStandbyTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, lease := &fakeVendor{}, newMemLog(), newFakeLease()
		n := 2
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(n), nil })
		one, two := start(t, v, log, hub("one", lease)), (*running)(nil)
		after(time.Second)
		two = start(t, v, log, hub("two", lease))
		after(5 * time.Second)
		if a, b := one.r.Status().State, two.r.Status().State; a != StateRunning || b != StateStandby {
			t.Errorf("states %s and %s", a, b)
		}
		one.end()
		v.locked(func() { n = 3 })
		after(5 * time.Second)
		if s := two.r.Status().State; s != StateRunning {
			t.Errorf("the standby is %s", s)
		}
		two.end()
		if got := log.types(); len(got) != 4 {
			t.Errorf("events: %v", got)
		}
	})
}

// A hub whose lease is lost unnoticed is refused by the log, and waits for its turn.
func TestFencedHubBecomesStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, lease, n := &fakeVendor{}, newMemLog(), newFakeLease(), 1
		v.list("agents", time.Second, func() ([]events.Entity, error) { n++; return agents(n), nil })
		x := start(t, v, log, hub("one", lease))
		after(1500 * time.Millisecond)
		lease.stolen.Store(true)
		if _, err := log.Claim(t.Context(), "acme", "okta", "two"); err != nil {
			t.Fatal(err)
		}
		before := len(log.types())
		after(3 * time.Second)
		if got := len(log.types()); got != before {
			t.Errorf("a fenced hub appended %v", log.types()[before:])
		}
		x.end()
		if !slices.Contains(x.states, StateStandby) {
			t.Errorf("states: %v", x.states)
		}
	})
}

func TestLostLeaseEndsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, lease := &fakeVendor{}, newMemLog(), newFakeLease()
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(2), nil })
		x := start(t, v, log, hub("one", lease))
		after(1500 * time.Millisecond)
		close(lease.lost)
		after(10 * time.Second)
		x.end()
		if got := strings.Join(x.states, " "); got != "starting running standby starting running stopped" {
			t.Errorf("states: %s", got)
		}
	})
}

// Ten agents of ten vanish: held, approved, gone; and the approval is good for that once.
func TestHeldSweepIsApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, n := &fakeVendor{}, newMemLog(), 40
		approvals := &fakeApprovals{news: make(chan struct{}, 1)}
		v.list("agents", time.Hour, func() ([]events.Entity, error) { return agents(n), nil })
		x := start(t, v, log, func(c *Config) { c.Approvals = approvals })
		after(time.Second)
		v.locked(func() { n = 20 })
		x.r.Nudge("")
		after(time.Second)
		s := x.r.Status()
		if s.State != StateHeld || s.Held == nil || s.Held.Count != 20 || !strings.Contains(s.Reason, "rollcall connections approve") {
			t.Fatalf("status %+v", s)
		}
		if got := len(log.types()); got != 41 {
			t.Errorf("%d events while held", got)
		}
		approvals.approve(Approval{ID: "yes1", Count: 19})
		after(time.Second)
		if got := len(log.types()); got != 41 {
			t.Errorf("%d events with an approval that is too small", got)
		}
		approvals.approve(Approval{ID: "yes2", Digest: s.Held.Digest, By: "ann"})
		after(time.Second)
		if s := x.r.Status(); s.State != StateRunning || s.Entities != 20 || s.Held != nil {
			t.Errorf("after the approval: %+v", s)
		}
		if got := log.types(); len(got) != 62 || got[41] != "activity.sweep_approved _connection.activity.sweep_approved" {
			t.Errorf("events: %v", got[41:])
		}
		// Standing again by mistake, it lets nothing more through.
		approvals.approve(Approval{ID: "yes2", Count: 20})
		v.locked(func() { n = 5 })
		x.r.Nudge("")
		after(time.Second)
		if s := x.r.Status(); s.State != StateHeld || s.Entities != 20 {
			t.Errorf("a used approval was used again: %+v", s)
		}
		x.end()
	})
}

// A feed of changes whose first listing is held back goes on with its changes, yet a restart lists everything again.
func TestHeldSweepIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, n, lists := &fakeVendor{}, newMemLog(), 40, 0
		v.pull("delta", time.Second, func(from Cursor) (Page, error) {
			if from != nil {
				return Page{Next: Cursor("d"), Records: []Record{v.record(says(agent("a000", time.Now().String())))}}, nil
			}
			lists++
			p := Page{Opens: []string{"agents"}, Seals: []string{"agents"}, Next: Cursor("d")}
			for _, e := range agents(n) {
				p.Records = append(p.Records, v.record(says(e)))
			}
			return p, nil
		})
		x := start(t, v, log)
		after(500 * time.Millisecond)
		x.end()
		log.saved[events.CursorSubject("acme", "okta", "delta")] = events.Saved{Sequence: log.saved[events.CursorSubject("acme", "okta", "delta")].Sequence}
		v.locked(func() { n = 10 })
		for range 2 {
			x = start(t, v, log)
			after(10 * time.Second)
			if s := x.r.Status(); s.State != StateHeld || s.Held.Count != 30 {
				t.Errorf("status: %+v", s)
			}
			x.end()
		}
		if lists != 3 {
			t.Errorf("%d listings, want one per start", lists)
		}
		if got := len(log.types()); got < 50 || got > 70 {
			t.Errorf("%d events: the changes went on", got)
		}
	})
}

func TestVendorThatLeadsInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, cycle, n := &fakeVendor{}, newMemLog(), true, 0
		var sealed int
		v.pull("list", time.Hour, func(from Cursor) (Page, error) {
			switch {
			case from == nil:
				return Page{Opens: []string{"agents"}, Records: []Record{v.record(says(agents(1)...))}, Next: Cursor("1"), More: true}, nil
			case string(from) == "1":
				return Page{Next: Cursor("2"), More: true}, nil
			case cycle:
				n++
				return Page{Next: Cursor("1"), More: true}, nil
			}
			sealed++
			return Page{Seals: []string{"agents"}}, nil
		})
		x := start(t, v, log)
		after(time.Minute)
		var rounds int
		v.locked(func() { rounds, cycle = n, false })
		if f := x.feed("list"); !strings.Contains(f.LastError, "in a circle") || rounds < 3 || rounds > 10 || f.Passes != 0 {
			t.Errorf("%d rounds; %+v", rounds, f)
		}
		after(5 * time.Minute)
		if f := x.feed("list"); f.Passes != 1 || !f.CaughtUp || count(v, &sealed) != 1 {
			t.Errorf("after it mended: %+v", f)
		}
		x.end()
	})
}

// A pass that another process began is not swept; the next begins at once, and is.
func TestResumedPassIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		var from []string
		all := 3
		v.pull("delta", time.Hour, func(c Cursor) (Page, error) {
			from = append(from, string(c))
			switch string(c) {
			case "":
				return Page{Opens: []string{"agents"}, Records: []Record{v.record(says(agents(all)...))}, Next: Cursor("mid"), More: true}, nil
			case "mid":
				if len(from) == 2 {
					return Page{}, errVendor
				}
				return Page{Seals: []string{"agents"}, Next: Cursor("d")}, nil
			}
			return Page{Next: Cursor("d")}, nil
		})
		x := start(t, v, log)
		after(100 * time.Millisecond)
		x.end()
		v.locked(func() { all = 2 })
		x = start(t, v, log)
		after(time.Second)
		x.end()
		if got := fmt.Sprintf("%q", from); got != `["" "mid" "mid" "" "mid"]` {
			t.Errorf("cursors: %s", got)
		}
		if got := log.types(); got[len(got)-1] != "agent.deleted a002.agent.self" {
			t.Errorf("events: %v", got)
		}
	})
}

// A listing in which a page was forbidden for a while is not believed; another is made at once.
func TestForbiddenPageBreaksThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		var from []string
		v.pull("delta", time.Hour, func(c Cursor) (Page, error) {
			from = append(from, string(c))
			all := 3
			if len(from) > 2 {
				all = 2
			}
			switch string(c) {
			case "":
				return Page{Opens: []string{"agents"}, Records: []Record{v.record(says(agents(all)...))}, Next: Cursor("mid"), More: true}, nil
			case "mid":
				if len(from) == 5 {
					return Page{}, &Fault{Kind: Forbidden, Cure: "grant Agent.Read"}
				}
				return Page{Seals: []string{"agents"}, Next: Cursor("d")}, nil
			}
			return Page{}, &Fault{Kind: CursorExpired}
		})
		x := start(t, v, log)
		after(time.Minute)
		x.r.Nudge("")
		after(time.Minute)
		if got := log.types(); slices.Contains(got, "agent.deleted a002.agent.self") {
			t.Errorf("events: %v", got)
		}
		after(10 * time.Minute)
		x.end()
		if got := fmt.Sprintf("%q", from); got != `["" "mid" "d" "" "mid" "mid" "" "mid"]` {
			t.Errorf("cursors: %s", got)
		}
		if f := x.last.Feeds[0]; f.Passes != 2 {
			t.Errorf("%d passes were believed: %+v", f.Passes, f)
		}
	})
}

// An empty listing is believed only when the probe says that the connection may see, and each time anew.
func TestEmptyListingIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, n := &fakeVendor{}, newMemLog(), 5
		var probe error
		v.probe = func() error { return probe }
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(n), nil })
		x := start(t, v, log)
		after(500 * time.Millisecond)
		v.locked(func() { n, probe = 0, &Fault{Kind: Forbidden, Cure: "give the application the role"} })
		after(5 * time.Second)
		if s := x.r.Status(); s.Entities != 5 || x.feed("agents").Doubt == "" {
			t.Errorf("an empty listing was believed: %+v", s)
		}
		v.locked(func() { probe = nil })
		after(5 * time.Second)
		if s := x.r.Status(); s.Entities != 0 || x.feed("agents").Doubt != "" {
			t.Errorf("an empty listing was not believed: %+v", s)
		}
		x.end()
	})
}

// One empty listing between two whole ones is not believed, although the probe after it is good: by then the vendor shows
// everything again.
func TestOneEmptyListingIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, pulls := &fakeVendor{}, newMemLog(), 0
		v.probe = func() error { return nil }
		v.list("agents", time.Second, func() ([]events.Entity, error) {
			if pulls++; pulls%2 == 0 {
				return nil, nil
			}
			return agents(5), nil
		})
		x := start(t, v, log)
		after(10 * time.Second)
		x.end()
		for _, typ := range x.log.types() {
			if strings.HasPrefix(typ, "agent.deleted") {
				t.Fatalf("an empty listing was believed: %v", x.log.types())
			}
		}
	})
}

func TestTooLargeIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		log.limit = 2000
		big := agent("big", strings.Repeat("x", 3000))
		v.list("agents", time.Second, func() ([]events.Entity, error) { return append(agents(2), big), nil })
		for range 2 {
			x := start(t, v, log)
			after(3 * time.Second)
			if s := x.r.Status(); s.State != StateRunning || s.Entities != 2 {
				t.Errorf("status %+v", s)
			}
			x.end()
		}
		want := "agent.created a000.agent.self agent.created a001.agent.self activity.unknown big.activity.unknown coverage.created _connection.coverage.agents"
		if got := strings.Join(log.types(), " "); got != want {
			t.Errorf("events: %s", got)
		}
		if m := log.messages()[2].Event.Data.Activity.Message; !strings.Contains(m, "more than the 2000") {
			t.Errorf("message: %s", m)
		}
	})
}

func TestPartialCoverage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		blind := true
		v.pull("agents", time.Second, func(from Cursor) (Page, error) {
			if from == nil {
				p := Page{Next: Cursor("2"), More: true}
				if blind {
					p.Blind = []Blindness{{Kinds: []events.Kind{events.KindStewardship}, Reason: "grant Owners.Read"}}
				}
				return p, nil
			}
			return Page{}, nil
		})
		x := start(t, v, log)
		after(5 * time.Second)
		v.locked(func() { blind = false })
		after(5 * time.Second)
		x.end()
		if got := log.types(); len(got) != 2 {
			t.Fatalf("events: %v", got)
		}
		first, last := log.messages()[0].Event.Data.Entity.Coverage, log.messages()[1].Event.Data.Entity.Coverage
		if first.State != events.CoveragePartial || first.Reason != "stewardship: grant Owners.Read" || last.State != events.CoverageComplete {
			t.Errorf("coverage: %+v, then %+v", first, last)
		}
	})
}
